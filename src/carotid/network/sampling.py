"""Linear resampling of tensors, one axis at a time.

On a CPU each axis is a product with the narrow bands of the sampling matrix: for tensors that is
several times faster than gathering neighbours and weighting them, and just as exact, for all but
two entries of a column are 0. (`AxisSampling.applied_to` is for arrays, where gathering is fast.)
On a GPU gathering takes three steps instead of dozens of small ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from carotid.geometry.resample import AxisSampling


def sample_axis(x: Tensor, axis: int, sampling: AxisSampling) -> Tensor:
    """Resample one axis of a float32 tensor, other than the last one."""
    if sampling.is_identity:
        return x
    if x.is_cuda:
        return gathered(x, axis, sampling)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    volume = x.reshape(before.numel(), x.shape[axis], after.numel())
    out = x.new_empty((before.numel(), len(sampling), after.numel()))
    for inputs, outputs, matrix in sampling.bands:
        weights = torch.from_numpy(matrix).to(x.device).T
        if len(volume) == 1:
            torch.mm(weights, volume[0, inputs], out=out[0, outputs])
        else:
            out[:, outputs] = torch.matmul(weights, volume[:, inputs])
    return out.view(*before, len(sampling), *after)


def sample_last_axis(x: Tensor, sampling: AxisSampling) -> Tensor:
    """Resample the last axis of a float32 tensor."""
    if sampling.is_identity:
        return x
    if x.is_cuda:
        return gathered(x, x.ndim - 1, sampling)
    flat = x.reshape(-1, x.shape[-1])
    out = x.new_empty((flat.shape[0], len(sampling)))
    for inputs, outputs, matrix in sampling.bands:
        torch.mm(flat[:, inputs], torch.from_numpy(matrix).to(x.device), out=out[:, outputs])
    return out.view(*x.shape[:-1], len(sampling))


def gathered(x: Tensor, axis: int, sampling: AxisSampling) -> Tensor:
    """Resample one axis of a float32 tensor by taking both neighbours of each output."""
    wide = [-1 if a == axis else 1 for a in range(x.ndim)]
    parts = []
    for index, weight in (
        (sampling.first, sampling.first_weight),
        (sampling.second, sampling.second_weight),
    ):
        taken = x.index_select(axis, torch.from_numpy(index).to(x.device))
        parts.append(taken.mul_(torch.from_numpy(weight).to(x.device).view(wide)))
    return parts[0].add_(parts[1])

"""Linear resampling of tensors, one axis at a time.

Axes that are not the last are combined from two index selections. The last axis, where neighbouring
samples share a cache line, is a product with a narrow band of the sampling matrix: on a CPU that is
several times faster than gathering, and just as exact, for all but two entries of a column are 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from carotid.geometry.resample import AxisSampling

_BAND = 32
"""Output columns that share one block of the sampling matrix."""


def sample_axis(x: Tensor, axis: int, sampling: AxisSampling) -> Tensor:
    """Resample one axis of a float32 tensor."""
    if sampling.is_identity:
        return x
    shape = [1] * x.ndim
    shape[axis] = -1

    def taken(index: object, weight: object) -> tuple[Tensor, Tensor]:
        return (
            x.index_select(axis, torch.as_tensor(index, device=x.device)),
            torch.as_tensor(weight, device=x.device).view(shape),
        )

    first, first_weight = taken(sampling.first, sampling.first_weight)
    second, second_weight = taken(sampling.second, sampling.second_weight)
    return first.mul_(first_weight).addcmul_(second, second_weight)


def sample_last_axis(x: Tensor, sampling: AxisSampling) -> Tensor:
    """Resample the last axis of a float32 tensor."""
    if sampling.is_identity:
        return x
    flat = x.reshape(-1, x.shape[-1])
    out = x.new_empty((flat.shape[0], len(sampling)))
    for start in range(0, len(sampling), _BAND):
        part = sampling.part(start, min(start + _BAND, len(sampling)))
        low, high = part.input_range()
        matrix = torch.from_numpy(part.shifted(low, high - low).matrix()).to(x.device)
        torch.mm(flat[:, low:high], matrix, out=out[:, start : start + len(part)])
    return out.view(*x.shape[:-1], len(sampling))

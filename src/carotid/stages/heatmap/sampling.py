"""Linear resampling of tensors, one axis at a time.

Each output takes both its neighbours and weights them. Along the first axis these are whole slices,
for which one pass is enough. Along the last axis, whose numbers lie side by side, it is slow on a
CPU: there it is a product with the narrow bands of the sampling matrix, just as exact, for all but
two entries of a column are 0. (`AxisSampling.applied_to` is for arrays.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from carotid.geometry.resample import AxisSampling


def sample_axis(x: Tensor, axis: int, sampling: AxisSampling) -> Tensor:
    """Resample one axis of a float32 tensor; for the last one of many, see `sample_last_axis`."""
    if sampling.is_identity:
        return x
    out = _room(x, axis, len(sampling))
    if axis == 0 and x.is_cpu and sampling.interpolates:
        _interpolate_slices(x, sampling, out)
        return out
    wide = [-1 if a == axis else 1 for a in range(x.ndim)]

    def there(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(x.device)

    torch.index_select(x, axis, there(sampling.first), out=out)
    out *= there(sampling.first_weight).view(wide)
    second = _room(x, axis, len(sampling))
    torch.index_select(x, axis, there(sampling.second), out=second)
    return out.addcmul_(second, there(sampling.second_weight).view(wide))


def _interpolate_slices(x: Tensor, sampling: AxisSampling, out: Tensor) -> None:
    """Resample the first axis, slice after slice."""
    slices, weights = x.unbind(0), sampling.second_weight.tolist()
    neighbours = zip(sampling.first.tolist(), sampling.second.tolist(), strict=True)
    for (first, second), weight, filled in zip(neighbours, weights, out.unbind(0), strict=True):
        torch.lerp(slices[first], slices[second], weight, out=filled)


def sample_last_axis(x: Tensor, sampling: AxisSampling) -> Tensor:
    """Resample the last axis of a float32 tensor."""
    if sampling.is_identity:
        return x
    if x.is_cuda:
        return sample_axis(x, x.ndim - 1, sampling)
    flat = x.reshape(-1, x.shape[-1])
    out = _room(flat, 1, len(sampling))
    for inputs, outputs, matrix in sampling.bands:
        torch.mm(flat[:, inputs], torch.from_numpy(matrix), out=out[:, outputs])
    return out.view(*x.shape[:-1], len(sampling))


def _room(x: Tensor, axis: int, size: int) -> Tensor:
    """An uninitialised tensor as large as `x`, but for one axis."""
    shape = [size if a == axis else n for a, n in enumerate(x.shape)]
    return x.new_empty(shape)

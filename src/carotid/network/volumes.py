"""Uninitialised tensors, where large ones are cheap; see `carotid.geometry.memory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.geometry.memory import empty_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from carotid.geometry.memory import Use


def empty_volume(shape: Sequence[int], use: Use = "own") -> Tensor:
    """Return an uninitialised float32 tensor on the CPU; see `empty_array`."""
    with torch.inference_mode(mode=False):  # so that it may be worked on in place in any mode
        return torch.from_numpy(empty_array(shape, np.dtype(np.float32), use))


def volume_like(x: Tensor, use: Use = "own") -> Tensor:
    """Return an uninitialised tensor, where `x` is and as its axes follow each other in memory."""
    order = sorted(range(x.ndim), key=x.stride, reverse=True)
    shape = [x.shape[axis] for axis in order]
    out = empty_volume(shape, use) if x.is_cpu else x.new_empty(shape)
    return out.permute([order.index(axis) for axis in range(x.ndim)])

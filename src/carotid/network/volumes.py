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

"""The U-Net's finest level, computed on the half grid: the same numbers, several times sooner.

The last transposed convolution (3×3×3, stride 2) writes each 2×2×2 block of its output from a
2×2×2 block of its input, so it is an ordinary convolution with a 2×2×2 kernel whose eight times as
many channels are the block's positions. The 3×3×3 convolution after it becomes, on output blocks
shifted by one voxel (positions 2i-1 and 2i), again a 2×2×2 convolution between such channels. Both
kernels are made of the stored weights by gathering, so gradients reach the weights as usual.

Blocked arrays are (n, channels * 8, s/2 + 1, p/2 + 1, l/2 + 1): channel c at position (a, b, d) of
its block is channel 8 c + 4 a + 2 b + d; block i holds the voxels 2i-1 and 2i of each axis, so that
one voxel beyond every border belongs to the first and last blocks.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 8
"""Voxels of a block, two along each axis."""

_TAP = {(0, 0): 1, (1, 0): 2, (1, 1): 0}
"""Kernel tap of the transposed convolution by (position in the block, which input)."""


@cache
def _transposed_index(inputs: int, outputs: int) -> Tensor:
    size = inputs * outputs * 27
    source: Any = np.arange(size).reshape(inputs, outputs, 3, 3, 3)
    index: Any = np.full((outputs, 2, 2, 2, inputs, 2, 2, 2), size)
    for position in product((0, 1), repeat=3):
        for which in product((0, 1), repeat=3):
            taps = [_TAP.get(pair) for pair in zip(position, which, strict=True)]
            if None not in taps:
                kernel = source[:, :, taps[0], taps[1], taps[2]]
                index[:, *position, :, *which] = kernel.T
    return torch.from_numpy(index.reshape(outputs * BLOCK, inputs, 2, 2, 2))


@cache
def _last_index(channels: int) -> tuple[Tensor, Tensor]:
    size = channels * channels * 27
    source: Any = np.arange(size).reshape(channels, channels, 3, 3, 3)
    index: Any = np.full((channels, 2, 2, 2, channels, 2, 2, 2, 2, 2, 2), size)
    identity: Any = np.zeros(index.shape, dtype=np.float32)
    for position in product((0, 1), repeat=3):
        for step in product((-1, 0, 1), repeat=3):
            reached = [1 + q + k for q, k in zip(position, step, strict=True)]
            block = [r // 2 for r in reached]
            within = [r % 2 for r in reached]
            taps = tuple(k + 1 for k in step)
            index[:, *position, :, *within, *block] = source[:, :, *taps]
            if step == (0, 0, 0):
                for c in range(channels):
                    identity[c, *position, c, *within, *block] = 1
    shape = (channels * BLOCK, channels * BLOCK, 2, 2, 2)
    return torch.from_numpy(index.reshape(shape)), torch.from_numpy(identity.reshape(shape))


def _gather(weight: Tensor, index: Tensor) -> Tensor:
    with_zero = torch.cat([weight.flatten(), weight.new_zeros(1)])
    return with_zero[index.to(weight.device)]


def transposed_kernel(weight: Tensor) -> Tensor:
    """The 2×2×2 kernel of a transposed convolution (3×3×3, stride 2, padding 1, output padding 1).

    Args:
        weight: (inputs, outputs, 3, 3, 3).

    Returns:
        (outputs * 8, inputs, 2, 2, 2), for an input padded by one voxel at the end of each axis;
        block i of the result holds the voxels 2i and 2i+1.
    """
    return _gather(weight, _transposed_index(weight.shape[0], weight.shape[1]))


def residual_kernel(weight: Tensor) -> Tensor:
    """The 2×2×2 kernel of `x + convolution(x)` for a 3×3×3 kernel with padding 1.

    Args:
        weight: (c, c, 3, 3, 3).

    Returns:
        (c * 8, c * 8, 2, 2, 2), for blocks (2i, 2i+1) padded by one block at both ends of each
        axis; the result's blocks are (2i-1, 2i).
    """
    index, identity = _last_index(weight.shape[0])
    return _gather(weight, index) + identity.to(weight.device)


def to_blocks(array: Tensor) -> Tensor:
    """Arrange (n, c, s, p, l), with even sides, as (n, c * 8, s/2 + 1, p/2 + 1, l/2 + 1).

    The voxels beyond the borders are zero. The result is channels-last.
    """
    padded = functional.pad(array, (1, 1, 1, 1, 1, 1))
    n, c, s, p, l = padded.shape  # noqa: E741 - the axis is named l everywhere
    split = padded.view(n, c, s // 2, 2, p // 2, 2, l // 2, 2)
    last = split.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(n, s // 2, p // 2, l // 2, c * BLOCK)
    return last.permute(0, 4, 1, 2, 3)


def from_blocks(blocks: Tensor) -> Tensor:
    """Undo `to_blocks`: (n, c * 8, s/2 + 1, p/2 + 1, l/2 + 1) to (n, c, s, p, l)."""
    n, channels, s, p, l = blocks.shape  # noqa: E741
    split = blocks.reshape(n, channels // BLOCK, 2, 2, 2, s, p, l).permute(0, 1, 5, 2, 6, 3, 7, 4)
    whole = split.reshape(n, channels // BLOCK, 2 * s, 2 * p, 2 * l)
    return whole[:, :, 1:-1, 1:-1, 1:-1]

"""Arrays of 2×2×2 blocks, in which training looks at the finest level (`network.subpixel`).

Blocked arrays are (n, channels * 8, s/2 + 1, p/2 + 1, l/2 + 1): channel c at position (a, b, d) of
its block is channel 8 c + 4 a + 2 b + d; block i holds the voxels 2i-1 and 2i of each axis, so that
one voxel beyond every border belongs to the first and last blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from carotid.network.subpixel import BLOCK, as_voxels

if TYPE_CHECKING:
    from torch import Tensor

_VOXELS = BLOCK**3
"""Voxels of a block."""


def to_blocks(array: Tensor) -> Tensor:
    """Arrange (n, c, s, p, l), with even sides, as (n, c * 8, s/2 + 1, p/2 + 1, l/2 + 1).

    The voxels beyond the borders are zero. The result is channels-last.
    """
    padded = functional.pad(array, (1, 1, 1, 1, 1, 1))
    n, c, s, p, l = padded.shape  # noqa: E741 - the axis is named l everywhere
    split = padded.view(n, c, s // 2, 2, p // 2, 2, l // 2, 2)
    last = split.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(n, s // 2, p // 2, l // 2, c * _VOXELS)
    return last.permute(0, 4, 1, 2, 3)


def from_blocks(blocks: Tensor) -> Tensor:
    """Undo `to_blocks`: (n, c * 8, s/2 + 1, p/2 + 1, l/2 + 1) to (n, c, s, p, l)."""
    return as_voxels(blocks)[:, :, 1:-1, 1:-1, 1:-1]

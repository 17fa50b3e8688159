"""The largest value of every member's heatmaps in each axial slice, found slab by slab.

Slabs are cut along the patient's axis that is slowest in the file, so that one may hold only a part
of an axial slice; what is kept is the best seen so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.network.unet import OUT_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class Maxima:
    """The largest value of every member, channel and axial slice, and where it lies.

    Among equal values the first in (x, y) order counts, in canonical (R-A-S) voxel indices.

    Args:
        members: Number of members.
        raw_shape: Raw voxels in S-P-L order.
    """

    def __init__(self, members: int, raw_shape: tuple[int, int, int]) -> None:
        slices, self._depth, self._width = raw_shape
        self._value = np.full((members, OUT_CHANNELS, slices), -np.inf, np.float32)
        self._key = np.full((members, OUT_CHANNELS, slices), np.iinfo(np.int64).max, np.int64)

    @property
    def indices(self) -> NDArray[np.int64]:
        """(members, 2, axial slices, 2) int64: canonical (x, y)."""
        return np.stack(np.divmod(self._key, self._depth), axis=-1)

    @property
    def values(self) -> NDArray[np.float32]:
        """(members, 2, axial slices) float32: the largest values."""
        return self._value

    def add(self, member: int, heatmaps: Tensor, start: tuple[int, int, int]) -> None:
        """Look at a block of one member's heatmaps.

        Args:
            member: Which member.
            heatmaps: (2, s, p, l) float32 on the raw voxels, S-P-L order.
            start: Raw S-P-L index of the block's first voxel.
        """
        columns = heatmaps.amax(2).cpu().numpy()
        l_best = columns.shape[2] - 1 - columns[:, :, ::-1].argmax(2)
        value = np.take_along_axis(columns, l_best[:, :, None], 2)[:, :, 0]
        index = torch.from_numpy(l_best).to(heatmaps.device)[:, :, None, None]
        depth = heatmaps.shape[2]
        column = heatmaps.gather(3, index.expand(-1, -1, depth, 1))[..., 0].cpu().numpy()
        p_best = depth - 1 - column[:, :, ::-1].argmax(2)
        self._keep(member, start[0], value, start[1] + p_best, start[2] + l_best)

    def add_zeros(self, slices: int, l_last: int) -> None:
        """Take into account that whole columns of the neck are zero.

        Args:
            slices: Number of axial slices.
            l_last: The zero column that is furthest to the patient's left.
        """
        shape = (OUT_CHANNELS, slices)
        p = np.full(shape, self._depth - 1, np.int64)
        columns = np.full(shape, l_last, np.int64)
        for member in range(len(self._value)):
            self._keep(member, 0, np.zeros(shape, np.float32), p, columns)

    def _keep(
        self,
        member: int,
        first_slice: int,
        value: NDArray[np.float32],
        p: NDArray[np.int64],
        columns: NDArray[np.int64],
    ) -> None:
        key = (self._width - 1 - columns) * self._depth + (self._depth - 1 - p)
        box = (member, slice(None), slice(first_slice, first_slice + value.shape[1]))
        better = (value > self._value[box]) | ((value == self._value[box]) & (key < self._key[box]))
        self._value[box] = np.where(better, value, self._value[box])
        self._key[box] = np.where(better, key, self._key[box])

"""Levels: neighbouring slices taken together, some 1.2 mm high.

A maximum that lasts over a level is steadier than one slice's. Thick slices are a level each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEVEL_MM = 1.2
"""Height of a level, about."""

_BLOCK_VOXELS = 1 << 20
"""Voxels that are averaged at a time: a few megabytes."""


@dataclass(frozen=True, eq=False)
class SideVolume:
    """One side's mean heatmaps with what is needed to measure in them.

    Attributes:
        mean: (2, x, y, z) float32, canonical, any strides.
        spacing_mm: The canonical voxel.
        leftward: Whether this is the patient's left side, which lies at small x.
    """

    mean: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    leftward: bool

    @property
    def slices(self) -> int:
        """Number of axial slices."""
        return int(self.mean.shape[3])

    @property
    def width_mm(self) -> float:
        """Extent of the scan along x."""
        return float(self.mean.shape[1] * self.spacing_mm[0])

    @property
    def step(self) -> int:
        """Slices of a level; the last level may have fewer."""
        return max(1, round(LEVEL_MM / self.spacing_mm[2]))

    @property
    def level_mm(self) -> float:
        """Height of a whole level."""
        return self.step * self.spacing_mm[2]

    @property
    def starts(self) -> NDArray[np.int64]:
        """(levels,) first slice of each."""
        return np.arange(0, self.slices, self.step)

    @property
    def middles(self) -> NDArray[np.float64]:
        """(levels,) mean slice index of each."""
        return (self.starts + np.minimum(self.starts + self.step, self.slices) - 1) / 2

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The levels in order, some at a time: (levels, 2, x, y), means over their slices.

        Raises:
            InputError: There is NaN or infinity among them.
        """
        channels, width, depth, slices = self.mean.shape
        levels = max(1, _BLOCK_VOXELS // (channels * width * depth * self.step))
        for start in range(0, slices, levels * self.step):
            part = self.mean[..., start : start + levels * self.step].transpose(3, 0, 1, 2)
            whole = len(part) - len(part) % self.step
            ordered = np.ascontiguousarray(part)
            shape = (whole // self.step, self.step, channels, width, depth)
            block = ordered[:whole].reshape(shape).mean(axis=1)
            if whole < len(part):
                block = np.concatenate([block, ordered[whole:].mean(axis=0, keepdims=True)])
            if not np.isfinite(block.sum()):
                raise InputError(
                    "the heatmap holds NaN or infinity",
                    found=f"canonical slices {start} to {start + len(part) - 1}",
                    remedy="make the heatmaps again with carotid transform heatmap --force",
                )
            yield block

    def heights(
        self, slice_index: NDArray[np.int64], points_mm: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Heights of both channels at points of slices, linear within the slice.

        Args:
            slice_index: (…) slices.
            points_mm: (…, 2) x and y from the first voxel.

        Returns:
            (…, 2) internal and external.
        """
        last = np.array(self.mean.shape[1:3]) - 1
        inside = np.clip(points_mm / self.spacing_mm[:2], 0, last)
        low = np.minimum(np.floor(inside), np.maximum(last - 1, 0)).astype(np.int64)
        share = inside - low
        high = np.minimum(low + 1, last)
        total = np.zeros((*points_mm.shape[:-1], 2))
        for x, in_x in ((low[..., 0], 1 - share[..., 0]), (high[..., 0], share[..., 0])):
            for y, in_y in ((low[..., 1], 1 - share[..., 1]), (high[..., 1], share[..., 1])):
                found = self.mean[:, x, y, slice_index]
                total += (in_x * in_y)[..., None] * np.moveaxis(found, 0, -1)
        return total

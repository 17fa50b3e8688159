"""Masks of lumens and walls, kept on the part of the grid that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts.noun import require_array, require_kinds, short
from carotid.errors import CarotidError
from carotid.geometry.grid import Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName


SEGMENTATION_COMPONENTS = ("internal lumen", "internal wall", "external lumen", "external wall")
"""The components of a segmentation; wall is all inside its outer boundary, lumen included."""

LABEL_VALUES = {"left lumen": 1, "left wall": 2, "right lumen": 3, "right wall": 4}
"""The values of a label map of both sides; 0 is background, and the wall is without the lumen."""


@dataclass(frozen=True, eq=False)
class SideMasks:
    """Masks of one side, on the part of a grid that holds all that is not zero.

    Attributes:
        masks: (4, i, j, k) uint8, 0 and 1, in the order of `SEGMENTATION_COMPONENTS`.
        start: The grid's indices of the part's first voxel.
    """

    __repr__ = short

    masks: NDArray[np.uint8]
    start: tuple[int, int, int]

    def __post_init__(self) -> None:
        require_array("masks", self.masks, (len(SEGMENTATION_COMPONENTS), None, None, None), "iu")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Masks of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The scan's stored grid, or the canonical one where that is all that is known.
    """

    __repr__ = short

    left: SideMasks
    right: SideMasks
    grid: Grid

    def __post_init__(self) -> None:
        require_kinds(self, left=SideMasks, right=SideMasks, grid=Grid)
        for side in (self.left, self.right):
            stop = np.add(side.start, side.masks.shape[1:])
            if (stop > self.grid.shape).any():
                raise CarotidError(
                    "masks has the wrong shape: it reaches beyond the grid",
                    found=tuple(stop.tolist()),
                    expected=f"at most {self.grid.shape}",
                )

    def reoriented(self, orientation: str) -> Segmentation:
        """The same masks, indexed in another order of axes; see `Reordering`."""
        way = Reordering.between(self.grid, orientation)
        left, right = (_reordered(one, way, self.grid) for one in (self.left, self.right))
        return Segmentation(left, right, way.grid(self.grid))

    def side(self, name: SideName) -> SideMasks:
        """One side by its name."""
        return self.left if name == "left" else self.right

    def masks(self, name: SideName, first: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """(4, i, j, k) uint8: one side's masks on the whole grid, or on some of its slices.

        Args:
            name: Which side.
            first: First slice along the grid's last index.
            stop: One past the last slice; default all.

        Returns:
            An array whose first axis is fastest in memory, as files have it.
        """
        out = self._zeros(len(SEGMENTATION_COMPONENTS), first, stop)
        masks, place = self._within(self.side(name), first, first + out.shape[3])
        out[(slice(None), *place)] = masks
        return out

    def labels(self, first: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """(1, i, j, k) uint8: both sides in one map, see `LABEL_VALUES`; otherwise as `masks`.

        Lumens lie over walls and, where sides meet, the right one over the left.
        """
        out = self._zeros(1, first, stop)
        for name in SIDE_NAMES:
            masks, place = self._within(self.side(name), first, first + out.shape[3])
            for component in ("external wall", "internal wall", "external lumen", "internal lumen"):
                mask = masks[SEGMENTATION_COMPONENTS.index(component)]
                out[0][place][mask != 0] = LABEL_VALUES[f"{name} {component.split()[1]}"]
        return out

    def _zeros(self, channels: int, first: int, stop: int | None) -> NDArray[np.uint8]:
        i, j, k = self.grid.shape
        slices = (k if stop is None else stop) - first
        return np.zeros((slices, j, i, channels), np.uint8).transpose(3, 2, 1, 0)

    def _within(
        self, side: SideMasks, first: int, stop: int
    ) -> tuple[NDArray[np.uint8], tuple[slice, ...]]:
        """What of a side's part lies in some slices, and where that is in an array of these."""
        (i, j, k), (rows, columns, slices) = side.start, side.masks.shape[1:]
        low, high = max(first, k), max(first, k, min(stop, k + slices))
        place = (slice(i, i + rows), slice(j, j + columns), slice(low - first, high - first))
        return side.masks[..., low - k : high - k], place


def _reordered(one: SideMasks, way: Reordering, grid: Grid) -> SideMasks:
    masks = np.ascontiguousarray(way.view(one.masks, first_axis=1), one.masks.dtype)
    start = [
        grid.shape[old] - one.start[old] - one.masks.shape[1 + old] if flip else one.start[old]
        for old, flip in zip(way.axes, way.flips, strict=True)
    ]
    return SideMasks(masks, (start[0], start[1], start[2]))

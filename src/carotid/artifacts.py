"""What stages make and hand on: nouns of the pipeline, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import CarotidError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

CHANNELS = ("internal", "external")
"""What the two channels of a heatmap stand for; the common carotid is high in both."""


@dataclass(frozen=True, eq=False)
class SideHeatmaps:
    """An ensemble's heatmaps of one side of a neck.

    Attributes:
        mean: (2, i, j, k) float32, mean over the members, in the stored index order.
        std: (2, i, j, k) float32, standard deviation (n−1); zeros for one member.
        max_indices: (members, 2, axial slices, 2) int64, canonical (R-A-S) voxel indices (x, y) of
            each member's largest value in each channel and axial slice.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    max_indices: NDArray[np.int64]

    def __post_init__(self) -> None:
        _require(self.mean.ndim == 4 and self.mean.shape[0] == len(CHANNELS), "mean", self.mean)
        _require(self.std.shape == self.mean.shape, "std", self.std)
        fits = self.max_indices.ndim == 4 and self.max_indices.shape[1::2] == (len(CHANNELS), 2)
        _require(fits, "max_indices", self.max_indices)


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """An ensemble's heatmaps of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The stored grid that `mean` and `std` lie on.
    """

    left: SideHeatmaps
    right: SideHeatmaps
    grid: Grid

    def __post_init__(self) -> None:
        for side in (self.left, self.right):
            _require(side.mean.shape[1:] == self.grid.shape, "mean", side.mean)

    def side(self, name: SideName) -> SideHeatmaps:
        """One side by its name."""
        return self.left if name == "left" else self.right


def _require(fits: bool, name: str, array: NDArray[np.generic]) -> None:  # noqa: FBT001
    if not fits:
        raise CarotidError(f"the heatmaps' {name} has the wrong shape", found=array.shape)

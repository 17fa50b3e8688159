"""A scan, and the heatmaps of both sides: in memory, or read as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from carotid.artifacts.labels import LABELS
from carotid.artifacts.noun import require_array, require_kinds, short
from carotid.geometry.grid import CANONICAL, Grid, Reordering

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume


@dataclass(frozen=True, eq=False)
class Scan:
    """A participant's scan.

    Attributes:
        volume: The voxels as stored; they have been checked (`check_intensities`).
        intensities: What becomes 0 and 1; None takes intensities as they are.
    """

    __repr__ = short

    volume: Volume
    intensities: IntensityRange | None


@dataclass(frozen=True, eq=False)
class SideHeatmaps:
    """An ensemble's heatmaps of one side of a neck.

    Attributes:
        mean: (2, i, j, k) float32, mean over the members, in the stored index order.
        std: (2, i, j, k) float32, standard deviation (n−1); zeros for one member.
        max_indices: (members, 2, axial slices, 2) int64, canonical (R-A-S) voxel indices (x, y) of
            each member's largest value in each channel and axial slice.
    """

    __repr__ = short

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    max_indices: NDArray[np.int64]

    def __post_init__(self) -> None:
        require_array("mean", self.mean, (len(LABELS), None, None, None))
        require_array("std", self.std, self.mean.shape)
        require_array("max_indices", self.max_indices, (None, len(LABELS), None, 2), "iu")


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """An ensemble's heatmaps of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The stored grid that `mean` and `std` lie on.
    """

    __repr__ = short

    left: SideHeatmaps
    right: SideHeatmaps
    grid: Grid

    def __post_init__(self) -> None:
        require_kinds(self, left=SideHeatmaps, right=SideHeatmaps, grid=Grid)
        for side in (self.left, self.right):
            require_array("mean", side.mean, (len(LABELS), *self.grid.shape))

    def side(self, name: SideName) -> SideHeatmaps:
        """One side by its name."""
        return self.left if name == "left" else self.right

    def slices(self, name: SideName) -> SlicesInMemory:
        """One side's canonical slices; nothing is copied."""
        side, way = self.side(name), Reordering.between(self.grid, CANONICAL)
        mean, std = (np.asarray(way.view(a, 1), np.float32) for a in (side.mean, side.std))
        return SlicesInMemory(mean, std, side.max_indices)


class HeatmapSlices(Protocol):
    """One side's heatmaps as canonical axial slices: from files, or from arrays."""

    @property
    def max_indices(self) -> NDArray[np.int64]:
        """(members, 2, axial slices, 2), canonical x and y of each member's maxima."""

    def mean(self) -> NDArray[np.float32]:
        """(2, x, y, z) float32, canonical, any strides; not kept here, so let go of it soon."""

    def std_at(self, channel: NDArray[np.int64], voxels: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) float32 standard deviation at (n,) channels and (n, 3) canonical voxels."""


class HeatmapSource(Protocol):
    """A participant's heatmaps, a side at a time; `Heatmaps` is one."""

    @property
    def grid(self) -> Grid:
        """The stored grid."""

    def slices(self, name: SideName) -> HeatmapSlices:
        """One side's canonical slices."""


@dataclass(frozen=True, eq=False)
class SlicesInMemory:
    """One side's canonical slices in memory.

    Attributes:
        canonical_mean, canonical_std: (2, x, y, z) float32, any strides.
        max_indices: (members, 2, axial slices, 2) int64, canonical x and y.
    """

    __repr__ = short

    canonical_mean: NDArray[np.float32]
    canonical_std: NDArray[np.float32]
    max_indices: NDArray[np.int64]

    def mean(self) -> NDArray[np.float32]:
        """(2, x, y, z)."""
        return self.canonical_mean

    def std_at(self, channel: NDArray[np.int64], voxels: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) standard deviation."""
        x, y, z = voxels.T
        return np.asarray(self.canonical_std[channel, x, y, z], np.float32)

"""What stages make and hand on: nouns of the pipeline, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np

from carotid.errors import CarotidError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carotid.geometry.intensity import IntensityRange
    from carotid.geometry.polar import Rays, Sampling
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume

Label = Literal["internal", "external"]
LABELS: tuple[Label, Label] = ("internal", "external")
"""The arteries of one side, in the order of a heatmap's channels. The common carotid is high in
both channels; in tables it is written as internal."""

Boundary = Literal["lumen", "wall"]
BOUNDARIES: tuple[Boundary, Boundary] = ("lumen", "wall")
"""What is outlined, the column `object` of a contour table; wall is the wall's outer boundary."""


def _short(noun: Any) -> str:
    """A noun in one line: arrays as type and shape, grids as sizes, nouns in it by their kind."""
    parts = (f"{one.name}={_brief(getattr(noun, one.name))}" for one in fields(noun))
    return f"{type(noun).__name__}({', '.join(parts)})"


def _brief(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, Grid):
        spacing = " x ".join(f"{one:.3g}" for one in value.spacing_mm)
        return f"{' x '.join(map(str, value.shape))} voxels of {spacing} mm, {value.orientation}"
    if isinstance(value, tuple):
        return f"{len(value)} items"
    return type(value).__name__ if is_dataclass(value) else repr(value)


@dataclass(frozen=True, eq=False)
class Scan:
    """A participant's scan.

    Attributes:
        volume: The voxels as stored; they have been checked (`check_intensities`).
        intensities: What becomes 0 and 1; None takes intensities as they are.
    """

    __repr__ = _short

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

    __repr__ = _short

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    max_indices: NDArray[np.int64]

    def __post_init__(self) -> None:
        _require(self.mean.ndim == 4 and self.mean.shape[0] == len(LABELS), "mean", self.mean)
        _require(self.std.shape == self.mean.shape, "std", self.std)
        fits = self.max_indices.ndim == 4 and self.max_indices.shape[1::2] == (len(LABELS), 2)
        _require(fits, "max_indices", self.max_indices)


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """An ensemble's heatmaps of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The stored grid that `mean` and `std` lie on.
    """

    __repr__ = _short

    left: SideHeatmaps
    right: SideHeatmaps
    grid: Grid

    def __post_init__(self) -> None:
        for side in (self.left, self.right):
            _require(side.mean.shape[1:] == self.grid.shape, "mean", side.mean)

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

    __repr__ = _short

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


@dataclass(frozen=True, eq=False)
class Centerline:
    """The centers of one artery on one side, one per axial slice.

    Attributes:
        points: (n, 3) float64, canonical (R-A-S) voxel indices x, y, z; z whole and rising.
        mean_value: (n,) float64, the mean heatmap there; NaN where unknown.
        std_value: (n,) float64, the heatmaps' standard deviation there; NaN where unknown.
        max_distances: (n,) float64, mean distance of the members' maxima, in-plane voxels; NaN
            where unknown.
        uncertainty_mm: (n,) float64, expected error of the center; NaN where unknown.
    """

    __repr__ = _short

    points: NDArray[np.float64]
    mean_value: NDArray[np.float64]
    std_value: NDArray[np.float64]
    max_distances: NDArray[np.float64]
    uncertainty_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.points)
        _require(self.points.shape == (n, 3), "points", self.points)
        for name in ("mean_value", "std_value", "max_distances", "uncertainty_mm"):
            _require(getattr(self, name).shape == (n,), name, getattr(self, name))
        if not np.isfinite(self.points).all() or (np.diff(self.points[:, 2]) <= 0).any():
            raise CarotidError("a centerline's points must be finite and rise in z")

    @classmethod
    def of_points(cls, points: NDArray[np.float64]) -> Self:
        """A centerline of which nothing but (n, 3) points is known."""
        unknown = np.full(len(points), np.nan)
        return cls(np.asarray(points, np.float64).reshape(-1, 3), *[unknown] * 4)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Bifurcation:
    """Where the common carotid divides.

    Attributes:
        point: (3,) float64, canonical voxel indices x, y, z, all fractional.
        uncertainty_mm: Expected error of its height; NaN where unknown.
        corrected: Whether it was set by hand.
    """

    __repr__ = _short

    point: NDArray[np.float64]
    uncertainty_mm: float
    corrected: bool = False


@dataclass(frozen=True, eq=False)
class SideCenterlines:
    """The centerlines of one side.

    Attributes:
        internal: Internal carotid with the common carotid below it; may have no points.
        external: External carotid above the bifurcation; may have no points.
        bifurcation: None where it is unknown.
    """

    __repr__ = _short

    internal: Centerline
    external: Centerline
    bifurcation: Bifurcation | None = None

    def artery(self, label: Label) -> Centerline:
        """One artery by its label."""
        return self.internal if label == "internal" else self.external


@dataclass(frozen=True, eq=False)
class Centerlines:
    """The centerlines of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The scan's stored grid; None where it is unknown, as in other programs' tables.
    """

    __repr__ = _short

    left: SideCenterlines
    right: SideCenterlines
    grid: Grid | None

    def side(self, name: SideName) -> SideCenterlines:
        """One side by its name."""
        return self.left if name == "left" else self.right


@dataclass(frozen=True, eq=False)
class PolarBlock:
    """Polar images of some slices of one side, in order of label (external first), then z.

    Attributes:
        labels: The artery of each slice.
        centers: (k, centers, 3) float64, canonical voxel indices; 1 or 9 centers a slice.
        images: (k, centers, length, n_angles, polar_ray) float32, one row an angle; see
            `carotid.geometry.polar`.
    """

    __repr__ = _short

    labels: tuple[Label, ...]
    centers: NDArray[np.float64]
    images: NDArray[np.float32]

    def __post_init__(self) -> None:
        k, centers = self.centers.shape[:2]
        _require(self.centers.shape == (k, centers, 3), "centers", self.centers)
        _require(len(self.labels) == k, "labels", self.centers)
        fits = self.images.ndim == 5 and self.images.shape[:2] == (k, centers)
        _require(fits, "images", self.images)


class PolarImages(Protocol):
    """Polar images of a participant: read from files, or drawn as they are asked for."""

    @property
    def canonical(self) -> Grid:
        """The scan's grid in canonical order, to which centers refer."""

    @property
    def stored(self) -> Grid | None:
        """The scan's stored grid; None where it is unknown."""

    @property
    def rays(self) -> Rays:
        """How the rays are drawn."""

    @property
    def sampling(self) -> Sampling | None:
        """How values are taken between voxels; None where it is unknown."""

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        """The images of one side, a block at a time."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed outline in one axial slice; the last point joins the first.

    Attributes:
        points: (n, 2) float64, canonical voxel indices x, y.
        deviation: (n,) float64, as the known tool defines it; NaN where unknown.
        norm_deviation: (n,) float64, likewise.
        deviation_mm: (n,) float64, standard deviation of the radius; NaN where unknown.
        corrected: Whether it was corrected by hand.
    """

    __repr__ = _short

    points: NDArray[np.float64]
    deviation: NDArray[np.float64]
    norm_deviation: NDArray[np.float64]
    deviation_mm: NDArray[np.float64]
    corrected: bool = False

    def __post_init__(self) -> None:
        n = len(self.points)
        _require(self.points.shape == (n, 2), "points", self.points)
        for name in ("deviation", "norm_deviation", "deviation_mm"):
            _require(getattr(self, name).shape == (n,), name, getattr(self, name))

    @classmethod
    def of_points(cls, points: NDArray[np.float64], *, corrected: bool = False) -> Self:
        """An outline of which nothing but (n, 2) points is known."""
        unknown = np.full(len(points), np.nan)
        placed = np.asarray(points, np.float64).reshape(-1, 2)
        return cls(placed, unknown, unknown, unknown, corrected)


@dataclass(frozen=True, eq=False)
class CrossSection:
    """One artery in one axial slice.

    Attributes:
        label: Which artery.
        z: Canonical slice index.
        lumen: Outline of the lumen; None where there is none.
        wall: Outline of the wall's outer boundary; None where there is none.
    """

    __repr__ = _short

    label: Label
    z: int
    lumen: Outline | None
    wall: Outline | None

    def outline(self, boundary: Boundary) -> Outline | None:
        """One outline by its name."""
        return self.lumen if boundary == "lumen" else self.wall


@dataclass(frozen=True, eq=False)
class Contours:
    """The outlines of both sides of a neck.

    Attributes:
        left, right: Cross-sections of each side, sorted by label (external first, as text), then z.
        canonical: The scan's grid in canonical order, to which the points' indices refer.
        stored: The scan's stored grid; None where it is unknown.
    """

    __repr__ = _short

    left: tuple[CrossSection, ...]
    right: tuple[CrossSection, ...]
    canonical: Grid
    stored: Grid | None

    def side(self, name: SideName) -> tuple[CrossSection, ...]:
        """One side by its name."""
        return self.left if name == "left" else self.right


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

    __repr__ = _short

    masks: NDArray[np.uint8]
    start: tuple[int, int, int]

    def __post_init__(self) -> None:
        fits = self.masks.ndim == 4 and len(self.masks) == len(SEGMENTATION_COMPONENTS)
        _require(fits, "masks", self.masks)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Masks of both sides of a neck.

    Attributes:
        left, right: The patient's sides.
        grid: The scan's stored grid, or the canonical one where that is all that is known.
    """

    __repr__ = _short

    left: SideMasks
    right: SideMasks
    grid: Grid

    def __post_init__(self) -> None:
        for side in (self.left, self.right):
            stop = np.add(side.start, side.masks.shape[1:])
            _require(bool((stop <= self.grid.shape).all()), "masks", side.masks)

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


def _require(fits: bool, name: str, array: NDArray[np.generic]) -> None:  # noqa: FBT001
    if not fits:
        raise CarotidError(f"{name} has the wrong shape", found=array.shape)

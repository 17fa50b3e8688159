"""Where the arteries run: centers slice by slice, and where the common carotid divides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.artifacts.noun import require_array, require_kinds, short
from carotid.errors import CarotidError
from carotid.geometry.grid import CANONICAL, Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts.labels import Label
    from carotid.geometry.sides import SideName


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

    __repr__ = short

    points: NDArray[np.float64]
    mean_value: NDArray[np.float64]
    std_value: NDArray[np.float64]
    max_distances: NDArray[np.float64]
    uncertainty_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        require_array("points", self.points, (None, 3))
        for name in ("mean_value", "std_value", "max_distances", "uncertainty_mm"):
            require_array(name, getattr(self, name), (len(self.points),))
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

    __repr__ = short

    point: NDArray[np.float64]
    uncertainty_mm: float
    corrected: bool = False

    def __post_init__(self) -> None:
        require_array("point", self.point, (3,))


@dataclass(frozen=True, eq=False)
class SideCenterlines:
    """The centerlines of one side.

    Attributes:
        internal: Internal carotid with the common carotid below it; may have no points.
        external: External carotid above the bifurcation; may have no points.
        bifurcation: None where it is unknown.
    """

    __repr__ = short

    internal: Centerline
    external: Centerline
    bifurcation: Bifurcation | None = None

    def __post_init__(self) -> None:
        require_kinds(
            self,
            internal=Centerline,
            external=Centerline,
            bifurcation=Bifurcation,
            may_lack=("bifurcation",),
        )

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

    __repr__ = short

    left: SideCenterlines
    right: SideCenterlines
    grid: Grid | None

    def __post_init__(self) -> None:
        require_kinds(
            self, left=SideCenterlines, right=SideCenterlines, grid=Grid, may_lack=("grid",)
        )

    def side(self, name: SideName) -> SideCenterlines:
        """One side by its name."""
        return self.left if name == "left" else self.right

    def fits(self, canonical: Grid) -> bool:
        """Whether they may lie on a scan's canonical grid: they do where their own is unknown."""
        return self.grid is None or self.grid.reoriented(CANONICAL).agrees_with(canonical)

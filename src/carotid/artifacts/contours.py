"""Outlines of lumen and outer wall, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from carotid.artifacts.labels import BOUNDARIES
from carotid.artifacts.noun import require_array, require_kinds, short
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts.labels import Boundary, Label
    from carotid.artifacts.rays import RayRadii
    from carotid.geometry.sides import SideName


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

    __repr__ = short

    points: NDArray[np.float64]
    deviation: NDArray[np.float64]
    norm_deviation: NDArray[np.float64]
    deviation_mm: NDArray[np.float64]
    corrected: bool = False

    def __post_init__(self) -> None:
        require_array("points", self.points, (None, 2))
        for name in ("deviation", "norm_deviation", "deviation_mm"):
            require_array(name, getattr(self, name), (len(self.points),))

    @classmethod
    def of_points(cls, points: NDArray[np.float64], *, corrected: bool = False) -> Self:
        """An outline of which nothing but (n, 2) points is known."""
        unknown = np.full(len(points), np.nan)
        placed = np.asarray(points, np.float64).reshape(-1, 2)
        return cls(placed, unknown, unknown, unknown, corrected)


class OutlinePlace(NamedTuple):
    """Which of a neck's outlines one is.

    Attributes:
        side, label, boundary: What it outlines.
        z: Canonical slice index.
    """

    side: SideName
    label: Label
    boundary: Boundary
    z: int


@dataclass(frozen=True, eq=False)
class CrossSection:
    """One artery in one axial slice.

    Attributes:
        label: Which artery.
        z: Canonical slice index.
        lumen: Outline of the lumen; None where there is none.
        wall: Outline of the wall's outer boundary; None where there is none.
    """

    __repr__ = short

    label: Label
    z: int
    lumen: Outline | None
    wall: Outline | None

    def __post_init__(self) -> None:
        require_kinds(self, lumen=Outline, wall=Outline, may_lack=("lumen", "wall"))

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
        planes: Radii in planes across the arteries by side and label, where the outlines were cut
            from them; None where they were not.
        smoothing: What smoothed the scan and was undone before, in words; None where nothing was.
        removed: Whose outlines were taken away by hand: side, artery, canonical slice.
    """

    __repr__ = short

    left: tuple[CrossSection, ...]
    right: tuple[CrossSection, ...]
    canonical: Grid
    stored: Grid | None
    planes: Mapping[SideName, Mapping[Label, RayRadii]] | None = None
    smoothing: str | None = None
    removed: frozenset[tuple[SideName, Label, int]] = frozenset()

    def __post_init__(self) -> None:
        require_kinds(
            self, left=tuple, right=tuple, canonical=Grid, stored=Grid, may_lack=("stored",)
        )

    def side(self, name: SideName) -> tuple[CrossSection, ...]:
        """One side by its name."""
        return self.left if name == "left" else self.right

    def cross_sections(self) -> frozenset[tuple[SideName, Label, int]]:
        """Which there are."""
        return frozenset((s, one.label, one.z) for s in SIDE_NAMES for one in self.side(s))

    def outlines(self) -> dict[OutlinePlace, Outline]:
        """All outlines that there are, in the order of the cross-sections, lumens before walls."""
        return {
            OutlinePlace(side, section.label, boundary, section.z): outline
            for side in SIDE_NAMES
            for section in self.side(side)
            for boundary in BOUNDARIES
            if (outline := section.outline(boundary)) is not None
        }

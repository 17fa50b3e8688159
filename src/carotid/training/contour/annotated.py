"""Annotated contours as surfaces that can be asked anywhere between the annotated slices.

The signed distance from an outline in its slice is exact; between two slices it is interpolated.
Nothing is known beyond the first and last slice of an artery, nor across gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.geometry.outlines import centroids, signed_areas, stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, CrossSection, Label
    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.simulation.surfaces import Distance

MAX_GAP_MM = 5.0
"""Annotated slices up to this far apart are joined."""

NOT_PARTED_MM = 8.0
"""So far below the lowest external contour an outline may hold both arteries; one artery's own
radii are not known there."""


@dataclass(frozen=True, eq=False)
class OutlineStack:
    """The surface through the outlines of one boundary of one artery.

    Attributes:
        grid: The scan's canonical grid.
        z: (s,) rising canonical slices.
        outlines: (s, n, 2) mm in the slices (index times spacing).
    """

    grid: Grid
    z: NDArray[np.float64]
    outlines: NDArray[np.float64]

    @classmethod
    def of(cls, grid: Grid, sections: Sequence[CrossSection], boundary: Boundary) -> Self:
        """The stack of sections of one artery, sorted by z; all must have the boundary."""
        spacing = np.array(grid.spacing_mm[:2])
        lines = [one.outline(boundary) for one in sections]
        points = [line.points * spacing for line in lines if line is not None]
        return cls(grid, np.array([float(one.z) for one in sections]), stacked(points))

    def __call__(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) R-A-S mm; NaN where the outlines say nothing."""
        index = self.grid.index_from_world(at_mm)
        xy = index[:, :2] * np.array(self.grid.spacing_mm[:2])
        z = index[:, 2]
        out = np.full(len(z), np.nan)
        above = np.clip(np.searchsorted(self.z, z, side="right"), 1, len(self.z) - 1)
        gap = (self.z[above] - self.z[above - 1]) * self.grid.spacing_mm[2]
        inside = (z >= self.z[0]) & (z <= self.z[-1]) & (gap <= MAX_GAP_MM)
        for k in np.unique(above[inside]):
            here = inside & (above == k)
            low, high = (polygon_distance(xy[here], self.outlines[j]) for j in (k - 1, k))
            t = (z[here] - self.z[k - 1]) / (self.z[k] - self.z[k - 1])
            out[here] = low + t * (high - low)
        return out


def polygon_distance(
    points: NDArray[np.float64], outline: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signed distance of (m, 2) points from a closed (n, 2) outline, negative inside.

    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    >>> polygon_distance(np.array([[1.0, 1.5], [3.0, 1.0], [3.0, 3.0]]), square).round(3)
    array([-0.5  ,  1.   ,  1.414])
    """
    start, step = outline, np.roll(outline, -1, axis=0) - outline
    gap = points[:, None] - start
    length2 = np.maximum((step**2).sum(axis=1), 1e-12)
    t = np.clip((gap * step).sum(axis=2) / length2, 0, 1)
    away = gap - t[..., None] * step
    distance = np.sqrt((away**2).sum(axis=2).min(axis=1))
    # Crossings of the line that runs from the point to the right.
    end = start + step
    straddles = (start[:, 1] > points[:, None, 1]) != (end[:, 1] > points[:, None, 1])
    rise = np.where(step[:, 1] != 0, step[:, 1], 1.0)
    x = start[:, 0] + (points[:, None, 1] - start[:, 1]) / rise * step[:, 0]
    inside = ((straddles & (points[:, None, 0] < x)).sum(axis=1) % 2) == 1
    return np.asarray(np.where(inside, -distance, distance))


@dataclass(frozen=True, eq=False)
class AnnotatedArtery:
    """One artery as its annotation shows it; see `stretches.Artery`."""

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    lumen: Distance
    wall: Distance


@dataclass(frozen=True, eq=False)
class AnnotatedSide:
    """One side of a scan with its contours; see `stretches.Side`.

    Attributes:
        volume: The scan.
        internal: The common and internal carotid; below the flow divider both arteries in one.
        external: The external carotid above it; None where it is not annotated.
        unknown_mm: Heights R-A-S between which the internal artery's own radii are not known.
    """

    volume: Volume
    internal: AnnotatedArtery
    external: AnnotatedArtery | None
    unknown_mm: tuple[float, float]


def annotated_artery(
    grid: Grid, sections: Sequence[CrossSection], label: Label
) -> AnnotatedArtery | None:
    """One artery of a side's sections; None where fewer than two slices show it whole.

    Args:
        grid: The scan's canonical grid.
        sections: One side's cross-sections.
        label: Which artery.
    """
    own = [s for s in sections if s.label == label and s.lumen is not None and s.wall is not None]
    own.sort(key=lambda s: s.z)
    if len(own) < 2:
        return None
    lumen = OutlineStack.of(grid, own, "lumen")
    spacing = np.array(grid.spacing_mm[:2])
    middle = centroids(lumen.outlines) / spacing
    points = grid.world_from_index(np.column_stack([middle, lumen.z]))
    radius = np.sqrt(np.abs(signed_areas(lumen.outlines)) / np.pi)
    return AnnotatedArtery(points, radius, lumen, OutlineStack.of(grid, own, "wall"))

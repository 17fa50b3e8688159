"""One artery's outlines and course, in the scan's own millimetres, ready to be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.artifacts import LABELS
from carotid.geometry.axis import Axis
from carotid.geometry.outlines import centroids, stacked
from carotid.geometry.polygons import convex_hull, crosses_itself, has_area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection, Label, Outline, SideCenterlines
    from carotid.geometry.grid import Grid


ForkSource = Literal["found", "corrected", "lowest", "unknown"]
FORK_SOURCES: Mapping[str, str] = {
    "found": "found with the centerlines",
    "corrected": "set by hand",
    "lowest": "the lowest point of the external carotid",
    "unknown": "unknown: there are no positions and no segments",
}
"""Where a bifurcation comes from."""


@dataclass(frozen=True, eq=False)
class Border:
    """One boundary of an artery in the k slices that have it.

    Attributes:
        rows: (k,) which of the artery's slices these are.
        outlines_mm: (k, n, 2) counter-clockwise; where one crossed itself, its convex hull.
        spread_mm: (k, n) standard deviation of each point's distance from the center; NaN where
            unknown.
        hulls: (k,) whether the outline crossed itself.
        corrected: (k,) whether it was corrected by hand.
        at_edge: (k,) whether it reaches the edge of the scan.
    """

    rows: NDArray[np.int64]
    outlines_mm: NDArray[np.float64]
    spread_mm: NDArray[np.float64]
    hulls: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    at_edge: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Artery:
    """One artery of one side.

    Attributes:
        label: Which one.
        z: (k,) canonical slice numbers, rising.
        heights_mm: (k,) of these slices.
        lumen: The lumen's outlines.
        wall: The outer outlines of the wall.
        centers_mm: (k, 2) center of the lumen's area, else of the wall's.
        axis: The course.
        zero_mm: Length along the course at the bifurcation; NaN where that is unknown.
        fork_source: Where the bifurcation comes from.
    """

    label: Label
    z: NDArray[np.int64]
    heights_mm: NDArray[np.float64]
    lumen: Border
    wall: Border
    centers_mm: NDArray[np.float64]
    axis: Axis
    zero_mm: float
    fork_source: ForkSource

    def s_mm(self, heights_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Length along the artery from the bifurcation; NaN where that is unknown."""
        return self.axis.s_at(heights_mm) - self.zero_mm

    def heights_at(self, s_mm: float) -> float:
        """Height at a length from the bifurcation."""
        return float(self.axis.heights_at(s_mm + self.zero_mm))


def arteries_of(
    sections: Sequence[CrossSection],
    centerlines: SideCenterlines | None,
    canonical: Grid,
    smoothing_mm: float,
) -> tuple[Artery, ...]:
    """The arteries of one side that have outlines, internal first.

    The course goes through the centerline's points; where there is none, through the centers of
    the outlines. The bifurcation is the centerlines', else the lowest point of the external.
    """
    spacing = np.array(canonical.spacing_mm)
    fork, source = fork_mm(sections, centerlines, canonical)
    found = []
    for label in LABELS:
        own = sorted((one for one in sections if one.label == label), key=lambda one: one.z)
        own = [one for one in own if _usable(one.lumen) or _usable(one.wall)]
        if not own:
            continue
        z = np.array([one.z for one in own], np.int64)
        heights = z * spacing[2]
        lumen = _border([one.lumen for one in own], canonical, z)
        wall = _border([one.wall for one in own], canonical, z)
        centers = np.empty((len(own), 2))
        for border in (wall, lumen):
            centers[border.rows] = centroids(border.outlines_mm)
        course = np.column_stack([centers, heights])
        if centerlines is not None and len(centerlines.artery(label)):
            line = centerlines.artery(label).points * spacing
            alone = ~np.isin(z, np.rint(centerlines.artery(label).points[:, 2]).astype(np.int64))
            course = np.concatenate([line, course[alone]])
            course = course[np.argsort(course[:, 2], kind="stable")]
        axis = Axis.through(course, smoothing_mm)
        zero = np.nan if fork is None else float(axis.s_at(fork[2]))
        if fork is not None and label == "external" and fork[2] < axis.points_mm[0, 2]:
            # The external begins above the bifurcation: straight on from there.
            zero = -float(np.linalg.norm(axis.points_mm[0] - fork))
        found.append(Artery(label, z, heights, lumen, wall, centers, axis, zero, source))
    return tuple(found)


def fork_mm(
    sections: Sequence[CrossSection], centerlines: SideCenterlines | None, canonical: Grid
) -> tuple[NDArray[np.float64] | None, ForkSource]:
    """(3,) the bifurcation in scan millimetres, None where it is unknown, and its source."""
    spacing = np.array(canonical.spacing_mm)
    if centerlines is not None:
        fork = centerlines.bifurcation
        if fork is not None:
            place = np.asarray(fork.point * spacing, np.float64)
            return place, "corrected" if fork.corrected else "found"
        if len(centerlines.external):
            return np.asarray(centerlines.external.points[0] * spacing, np.float64), "lowest"
    external = [one for one in sections if one.label == "external" and _usable(one.lumen)]
    if not external:
        return None, "unknown"
    lowest = min(external, key=lambda one: one.z)
    outline = lowest.lumen
    if outline is None:
        return None, "unknown"
    center = outline.points.mean(axis=0)
    return np.asarray(np.array([*center, lowest.z]) * spacing, np.float64), "lowest"


def _usable(outline: Outline | None) -> bool:
    return outline is not None and has_area(outline.points)


def _border(outlines: Sequence[Outline | None], canonical: Grid, z: NDArray[np.int64]) -> Border:
    there = [(row, one) for row, one in enumerate(outlines) if one is not None and _usable(one)]
    rows = np.array([row for row, _ in there], np.int64)
    hulls = np.array([crosses_itself(one.points) for _, one in there], np.bool_)
    if not there:
        return Border(rows, np.empty((0, 3, 2)), np.empty((0, 3)), hulls, hulls, hulls)
    spacing = np.array(canonical.spacing_mm[:2])
    # The spread goes along as a third column, so that it is turned round with the points.
    whole = stacked(
        [
            _with_spread(convex_hull(one.points) * spacing, None)
            if crossed
            else _with_spread(one.points * spacing, one.deviation_mm)
            for (_, one), crossed in zip(there, hulls, strict=True)
        ]
    )
    points, spread = whole[..., :2], whole[..., 2]
    last = (np.array(canonical.shape[:2]) - 1) * spacing
    at_edge = ((points <= 0) | (points >= last)).any(axis=(1, 2))
    at_edge |= (z[rows] == 0) | (z[rows] == canonical.shape[2] - 1)
    corrected = np.array([one.corrected for _, one in there], np.bool_)
    return Border(rows, points, spread, hulls, corrected, at_edge)


def _with_spread(
    points: NDArray[np.float64], spread: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    return np.column_stack([points, np.full(len(points), np.nan) if spread is None else spread])

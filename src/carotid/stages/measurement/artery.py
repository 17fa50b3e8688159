"""One artery's outlines and course, in the scan's own millimetres, ready to be measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.geometry.axis import Axis
from carotid.geometry.outlines import centroids, stacked
from carotid.geometry.polygons import convex_hull, crosses_itself, has_area
from carotid.stages.measurement.fork import find_fork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection, Label, Outline, SideCenterlines
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.stages.measurement.fork import Fork, ForkSource


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
    side: SideName,
) -> tuple[Artery, ...]:
    """The arteries of one side that have outlines, internal first.

    The course goes through the centerline's points; where there is none, through the centers of
    the outlines.
    """
    found = _courses(sections, centerlines, canonical, smoothing_mm)
    fork = find_fork(found, centerlines, np.array(canonical.spacing_mm), side)
    return tuple(_counted_from(fork, one) for one in found.values())


def fork_of(
    sections: Sequence[CrossSection],
    centerlines: SideCenterlines | None,
    canonical: Grid,
    smoothing_mm: float,
    side: SideName,
) -> Fork:
    """Where positions along the arteries of one side begin."""
    found = _courses(sections, centerlines, canonical, smoothing_mm)
    return find_fork(found, centerlines, np.array(canonical.spacing_mm), side)


def _courses(
    sections: Sequence[CrossSection],
    centerlines: SideCenterlines | None,
    canonical: Grid,
    smoothing_mm: float,
) -> dict[Label, Artery]:
    """The arteries of one side that have outlines, without positions."""
    spacing = np.array(canonical.spacing_mm)
    found: dict[Label, Artery] = {}
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
        found[label] = Artery(label, z, heights, lumen, wall, centers, axis, np.nan, "unknown")
    return found


def _counted_from(fork: Fork, artery: Artery) -> Artery:
    """The artery with positions from a bifurcation."""
    if fork.point_mm is None:
        return artery
    axis, height = artery.axis, fork.point_mm[2]
    zero = float(axis.s_at(height))
    if artery.label == "external" and height < axis.points_mm[0, 2]:
        # The external begins above the bifurcation: straight on from there.
        zero = -float(np.linalg.norm(axis.points_mm[0] - fork.point_mm))
    return replace(artery, zero_mm=zero, fork_source=fork.source)


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

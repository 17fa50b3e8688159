"""Figures of contours that predict trouble: wide spread, outlines that touch, jumps, holes.

Nothing here needs to know where the walls really are. An artery's course is a row per axial slice
of the scan, so that it can be drawn beside everything else that runs along the neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS
from carotid.evaluation.figures import NAN, Part
from carotid.geometry.outlines import centroids, inside, nearest, signed_areas, stacked
from carotid.report.bright_lumens import bright_shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Contours, CrossSection, Label, Outline
    from carotid.geometry.sides import SideName

TOUCH_MM = 0.2
"""Lumen and outer wall that come closer than this are said to touch: no wall is that thin."""

NO_EDGE = 0.1
"""A lumen that is less darker than this than its surroundings is not dark: blood is, here."""

BRIGHT_SHARE = 0.1
"""A lumen with more than this share as bright as wall holds something. In sound ones it is 0.06 at
most, with noise that hides walls in places."""

_STEP_MM = 0.8
"""From an outline inwards and outwards: where both are looked at."""

JUMP_MM = 1.5
"""A slice whose outline lies so far from where its neighbours have it is said to jump."""


@dataclass(frozen=True, eq=False)
class ContourCourse:
    """One artery of one side: what its outlines are like in each axial slice (z).

    Attributes:
        there: (z,) whether lumen and wall are outlined.
        walled: (z,) whether the wall is, with a lumen or without.
        center: (z, 2) canonical x and y of the lumen's center; NaN where there is no lumen.
        spread_mm: (z,) mean standard deviation of the radius around the slice, of the wider of
            both outlines; NaN where it is unknown.
        widest_mm: (z,) the largest standard deviation in any direction, of either outline.
        gap_mm: (z,) least distance from the lumen to the outer wall, negative where they cross.
        edge: (z,) how much darker the lumen is inside its outline than around it: the difference
            by the sum; NaN without a scan.
        jump_mm: (z,) how far center or radius lie from the middle between both neighbours'.
        at_edge: (z,) whether an outline reaches the sides, the front or the back of the scan.
        bright: (z,) share of the lumen that is as bright as wall; NaN without a scan.
    """

    there: NDArray[np.bool_]
    walled: NDArray[np.bool_]
    center: NDArray[np.float64]
    spread_mm: NDArray[np.float64]
    widest_mm: NDArray[np.float64]
    gap_mm: NDArray[np.float64]
    edge: NDArray[np.float64]
    jump_mm: NDArray[np.float64]
    at_edge: NDArray[np.bool_]
    bright: NDArray[np.float64]


@dataclass(frozen=True)
class ContourFigures:
    """One side's contours in numbers; NaN where nothing can be counted.

    Attributes:
        slices: Cross-sections with both outlines, of both arteries.
        spread_median_mm, spread_p90_mm: Over them, of the stated spread.
        touch_share: Share of them in which lumen and outer wall touch or cross.
        no_edge_share: Share of lumens that are not darker than what is around them.
        jump_mm: Largest jump.
        hole_mm: Longest stretch without outlines between two slices with some, of one artery.
        no_lumen_mm: Longest stretch of one artery with a wall and without a lumen.
        bright_mm: Longest stretch of the internal carotid whose lumen holds something bright.
        score: 0 (nothing stands out) to 100.
    """

    slices: int
    spread_median_mm: float
    spread_p90_mm: float
    touch_share: float
    no_edge_share: float
    jump_mm: float
    hole_mm: float
    no_lumen_mm: float
    bright_mm: float
    score: float


CONTOUR_PARTS = {
    "spread_p90_mm": Part("contours: 90th percentile of the spread", 40, 0.35, 0.75, "mm"),
    "touch_share": Part("contours: slices where lumen and outer wall touch", 20, 0.02, 0.2, ""),
    "no_edge_share": Part("contours: slices where the lumen is not dark", 40, 0.15, 0.6, ""),
    "jump_mm": Part("contours: largest jump", 20, 1.5, 4.0, "mm"),
    "hole_mm": Part("contours: longest stretch without outlines", 20, 2.0, 20.0, "mm"),
    "no_lumen_mm": Part("contours: longest stretch of a wall without a lumen", 30, 2, 10, "mm"),
    "bright_mm": Part("contours: longest stretch of a lumen that is bright", 20, 0, 1.5, "mm"),
}
"""The parts of a side's score, 100 at most and where a side has no contours."""


def contour_courses(
    contours: Contours, name: SideName, scan: NDArray[np.generic] | None = None
) -> dict[Label, ContourCourse]:
    """Both arteries of one side.

    Args:
        contours: The outlines.
        name: Which side.
        scan: (x, y, z) canonical voxels on the contours' grid, or None.
    """
    sections = contours.side(name)
    return {
        label: _course([one for one in sections if one.label == label], contours, scan)
        for label in LABELS
    }


def contour_figures(courses: Mapping[Label, ContourCourse], slice_mm: float) -> ContourFigures:
    """What both arteries of a side add up to."""
    there = np.concatenate([one.there for one in courses.values()])
    spread = np.concatenate([one.spread_mm for one in courses.values()])
    gap = np.concatenate([one.gap_mm for one in courses.values()])[there]
    jump = np.concatenate([one.jump_mm for one in courses.values()])
    edge = np.concatenate([one.edge for one in courses.values()])
    edge = edge[np.isfinite(edge)]
    known = spread[np.isfinite(spread)]
    bright = courses["internal"].bright
    values = {
        "spread_p90_mm": float(np.percentile(known, 90)) if known.size else NAN,
        "touch_share": float((gap < TOUCH_MM).mean()) if gap.size else NAN,
        "no_edge_share": float((edge < NO_EDGE).mean()) if edge.size else NAN,
        "jump_mm": float(np.nanmax(jump)) if np.isfinite(jump).any() else NAN,
        "hole_mm": max(_longest_hole(one.there) for one in courses.values()) * slice_mm,
        "no_lumen_mm": max(_longest_run(one.walled & ~one.there) for one in courses.values())
        * slice_mm,
        "bright_mm": _longest_run(bright > BRIGHT_SHARE) * slice_mm
        if np.isfinite(bright).any()
        else NAN,
    }
    return ContourFigures(
        slices=int(there.sum()),
        spread_median_mm=float(np.median(known)) if known.size else NAN,
        score=100.0 if not there.any() else min(100.0, sum(contour_points(values).values())),
        **values,
    )


def contour_points(values: Mapping[str, float]) -> dict[str, float]:
    """Points of each part; a figure that is unknown gives none."""
    return {
        key: 0.0 if np.isnan(values[key]) else part.points(values[key])
        for key, part in CONTOUR_PARTS.items()
    }


def contour_score(figures: Mapping[SideName, ContourFigures]) -> float:
    """A participant's: the worse side's."""
    return max(one.score for one in figures.values())


def _course(
    sections: Sequence[CrossSection], contours: Contours, scan: NDArray[np.generic] | None
) -> ContourCourse:
    slices = contours.canonical.shape[2]
    spacing = np.array(contours.canonical.spacing_mm[:2])
    names = ("gap", "spread", "widest", "edge", "bright")
    columns = {name: np.full(slices, np.nan) for name in names}
    at_edge = np.zeros(slices, np.bool_)
    last = np.array(contours.canonical.shape[:2]) - 1
    centers = {boundary: np.full((slices, 2), np.nan) for boundary in BOUNDARIES}
    radius = {boundary: np.full(slices, np.nan) for boundary in BOUNDARIES}
    for boundary in BOUNDARIES:
        known = [(one.z, o) for one in sections if (o := _usable(one, boundary)) is not None]
        if known:
            where = np.array([z for z, _ in known])
            outlines = stacked([o.points * spacing for _, o in known])
            centers[boundary][where] = centroids(outlines)
            radius[boundary][where] = np.sqrt(signed_areas(outlines) / np.pi)
            spreads = [_mean(o.deviation_mm) for _, o in known]
            widest = [np.fmax.reduce(o.deviation_mm) for _, o in known]
            if boundary == "lumen" and scan is not None:
                columns["edge"][where] = _edges(scan, outlines, where, spacing)
            columns["spread"][where] = np.fmax(columns["spread"][where], spreads)
            columns["widest"][where] = np.fmax(columns["widest"][where], widest)
            at_edge[where] |= [((o.points <= 0) | (o.points >= last)).any() for _, o in known]
    both = [one for one in sections if all(_usable(one, b) is not None for b in BOUNDARIES)]
    if both:
        lumens, walls = (
            stacked([o.points * spacing for one in both if (o := one.outline(b)) is not None])
            for b in BOUNDARIES
        )
        gaps = np.where(inside(lumens, walls), 1, -1) * nearest(lumens, walls)[0]
        where = np.array([one.z for one in both])
        columns["gap"][where] = gaps.min(axis=1)
        if scan is not None:
            columns["bright"][where] = bright_shares(
                scan, lumens, walls, where, contours.canonical.spacing_mm
            )
    jumps = [_second_difference(centers[b]) for b in BOUNDARIES]
    jumps += [_second_difference(radius[b][:, None]) for b in BOUNDARIES]
    return ContourCourse(
        there=np.isfinite(columns["gap"]),
        walled=np.isfinite(radius["wall"]),
        center=centers["lumen"] / spacing,
        spread_mm=columns["spread"],
        widest_mm=columns["widest"],
        gap_mm=columns["gap"],
        edge=columns["edge"],
        jump_mm=np.fmax.reduce(jumps),
        at_edge=at_edge,
        bright=columns["bright"],
    )


def _edges(
    scan: NDArray[np.generic],
    outlines: NDArray[np.float64],
    z: NDArray[np.int64],
    spacing: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(s,) how much darker it is within (s, n, 2) outlines in mm than around them."""
    rays = outlines - centroids(outlines)[:, None]
    length = np.maximum(np.linalg.norm(rays, axis=2, keepdims=True), 1e-6)
    step = rays / length
    inner, outer = (
        _at(scan, (outlines + move * step) / spacing, z).mean(axis=1)
        for move in (-np.minimum(_STEP_MM, length / 2), _STEP_MM)
    )
    total = np.abs(inner) + np.abs(outer)
    return np.asarray((outer - inner) / np.maximum(total, 1e-6), np.float64)


def _at(
    scan: NDArray[np.generic], points: NDArray[np.float64], z: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(s, n) nearest voxels of (s, n, 2) canonical x and y in (s,) slices."""
    x, y = (np.clip(np.rint(points[..., k]).astype(int), 0, scan.shape[k] - 1) for k in (0, 1))
    return np.asarray(scan[x, y, z[:, None]], np.float64)


def _usable(section: CrossSection, boundary: Boundary) -> Outline | None:
    outline = section.outline(boundary)
    return outline if outline is not None and len(outline.points) > 2 else None


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else NAN


def _second_difference(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(z,) distance of each of (z, k) from the middle between its neighbours; NaN at ends."""
    out = np.full(len(values), np.nan)
    if len(values) > 2:
        middle = (values[2:] + values[:-2]) / 2
        out[1:-1] = np.linalg.norm(values[1:-1] - middle, axis=1)
    return out


def _longest_hole(there: NDArray[np.bool_]) -> int:
    where = np.flatnonzero(there)
    return int(np.diff(where).max() - 1) if where.size > 1 else 0


def _longest_run(there: NDArray[np.bool_]) -> int:
    gaps = np.flatnonzero(~np.concatenate([[False], there, [False]]))
    return int(np.diff(gaps).max() - 1)

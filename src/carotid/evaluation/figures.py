"""Figures that predict trouble, for one side of a neck, and the score that orders a page.

Nothing here needs to know where the carotids really are: figures come from the height of the
maxima, from how they move along the neck, and from how far the members of the ensemble disagree.
All positions are canonical (index 0 grows to R, 1 to A, 2 to S); distances are in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.evaluation.distances import disagreement_mm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

NAN = float("nan")

APART_MM = 2.0
"""Members whose maxima lie further from the point between them than this do not agree."""

JUMP_MM = 3.0
"""What maxima of neighbouring slices move beyond one slice's height, for it to be a jump."""

RIVAL_MM, RIVAL_HEIGHT = 6.0, 0.7
"""A rival of a maximum lies further from it than this, along R or A, and is at least so high as a
share of it."""

SEPARATE_MM = 3.0
"""Internal and external maxima further apart than this are taken to lie on two vessels."""


@dataclass(frozen=True, eq=False)
class Course:
    """Along one side: what there is per axial slice (z) and channel.

    Attributes:
        spacing_mm: Canonical voxel size.
        peak: (z, 2) height of the mean heatmap's maximum.
        rival: (z, 2) height of the largest value further than `RIVAL_MM` from it.
        position_mm: (z, 2, 2) where it lies in its slice, canonical x and y times spacing.
        disagreement_mm: (z, 2) mean distance of the members' maxima from their centroid.
        members: How many members there are.
    """

    spacing_mm: tuple[float, float, float]
    peak: NDArray[np.float64]
    rival: NDArray[np.float64]
    position_mm: NDArray[np.float64]
    disagreement_mm: NDArray[np.float64]
    members: int

    def part(self, start: int, stop: int) -> Course:
        """The axial slices from `start` up to, not with, `stop`."""
        box = slice(start, stop)
        return replace(
            self,
            peak=self.peak[box],
            rival=self.rival[box],
            position_mm=self.position_mm[box],
            disagreement_mm=self.disagreement_mm[box],
        )


@dataclass(frozen=True)
class ChannelFigures:
    """One channel of one side. Shares are from 0 to 1; NaN where nothing can be counted.

    Attributes:
        peak_share: Share of axial slices whose peak is above the threshold.
        disagreement_median_mm: Median of the members' disagreement, in slices with such a peak.
        disagreement_p95_mm: Its 95th percentile.
        apart_share: Share of slices with such a peak in which members do not agree.
        gap_mm: Longest stretch without such a peak between two slices that have one; the whole
            height of the scan where there is none.
        jump_mm: Largest distance, within the plane, between the maxima of neighbouring slices that
            both have such a peak.
        jumps_per_dm: How many such distances exceed one slice's height by 3 mm, in 100 mm of
            slices with a peak.
        rival_share: Share of slices with such a peak that has a rival.
    """

    peak_share: float
    disagreement_median_mm: float
    disagreement_p95_mm: float
    apart_share: float
    gap_mm: float
    jump_mm: float
    jumps_per_dm: float
    rival_share: float


@dataclass(frozen=True)
class SideFigures:
    """One side of a neck.

    Attributes:
        internal, external: The two channels.
        separate_mm: Height over which both channels have a peak and lie apart: how much of the
            neck above the bifurcation is told into two vessels.
        score: 0 (nothing stands out) to 100; see `side_score`.
    """

    internal: ChannelFigures
    external: ChannelFigures
    separate_mm: float
    score: float


def make_course(
    peak: NDArray[np.floating],
    peak_index: NDArray[np.integer],
    rival: NDArray[np.floating],
    max_indices: NDArray[np.integer],
    spacing_mm: tuple[float, float, float],
) -> Course:
    """Bring a side's maxima to millimetres.

    Args:
        peak: (z, 2) heights.
        peak_index: (z, 2, 2) canonical (x, y) of the mean heatmap's maxima.
        rival: (z, 2) see `rival_heights`.
        max_indices: (members, 2, z, 2) canonical (x, y) of each member's maxima.
        spacing_mm: Canonical voxel size.
    """
    return Course(
        spacing_mm,
        np.asarray(peak, np.float64),
        np.asarray(rival, np.float64),
        peak_index * np.array(spacing_mm[:2]),
        disagreement_mm(max_indices, spacing_mm[:2]),
        max_indices.shape[0],
    )


def rival_heights(
    over_y: NDArray[np.floating],
    over_x: NDArray[np.floating],
    peak_index: NDArray[np.integer],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64]:
    """(z, 2) height of what is largest further than `RIVAL_MM` from the maxima, along x or y.

    Args:
        over_y: (2, x, z) largest values along y.
        over_x: (2, y, z) largest values along x.
        peak_index: (z, 2, 2) x and y of the maxima.
        spacing_mm: Of x and y.
    """
    found = np.zeros(peak_index.shape[:2])
    for axis, values in enumerate((over_y, over_x)):
        by_slice = values.transpose(2, 0, 1)
        away = np.abs(np.arange(values.shape[1]) - peak_index[..., axis, None]) * spacing_mm[axis]
        np.maximum(found, np.where(away > RIVAL_MM, by_slice, 0).max(axis=2), out=found)
    return found


def side_figures(course: Course, threshold: float) -> SideFigures:
    """All figures of one side.

    Args:
        course: Its maxima.
        threshold: What a peak has to exceed for the later steps to use it.
    """
    internal, external = (_channel_figures(course, c, threshold) for c in (0, 1))
    both = (course.peak > threshold).all(axis=1)
    apart = np.linalg.norm(course.position_mm[:, 0] - course.position_mm[:, 1], axis=1)
    separate = float((both & (apart > SEPARATE_MM)).sum() * course.spacing_mm[2])
    score = side_score(internal, external)
    return SideFigures(internal, external, separate, score)


def left_right_mm(left: Course, right: Course, threshold: float) -> float:
    """Median distance between the internal maxima of both sides, where both have a peak; or NaN."""
    both = (left.peak[:, 0] > threshold) & (right.peak[:, 0] > threshold)
    if not both.any():
        return NAN
    between = left.position_mm[both, 0] - right.position_mm[both, 0]
    return float(np.median(np.linalg.norm(between, axis=1)))


def _channel_figures(course: Course, channel: int, threshold: float) -> ChannelFigures:
    high = course.peak[:, channel] > threshold
    slice_mm = course.spacing_mm[2]
    spread = course.disagreement_mm[high, channel]
    known = spread.size > 0 and course.members > 1
    rivals = course.rival[high, channel] >= RIVAL_HEIGHT * course.peak[high, channel]
    steps = np.linalg.norm(np.diff(course.position_mm[:, channel], axis=0), axis=1)
    steps = steps[high[1:] & high[:-1]]
    return ChannelFigures(
        peak_share=float(high.mean()),
        disagreement_median_mm=float(np.median(spread)) if known else NAN,
        disagreement_p95_mm=float(np.percentile(spread, 95)) if known else NAN,
        apart_share=float((spread > APART_MM).mean()) if known else NAN,
        gap_mm=_longest_gap(high) * slice_mm,
        jump_mm=float(steps.max()) if steps.size else NAN,
        jumps_per_dm=_per_dm(steps > JUMP_MM + slice_mm, slice_mm) if steps.size else NAN,
        rival_share=float(rivals.mean()) if rivals.size else NAN,
    )


def _per_dm(jumps: NDArray[np.bool_], slice_mm: float) -> float:
    return float(jumps.sum() / (len(jumps) * slice_mm) * 100)


def _longest_gap(high: NDArray[np.bool_]) -> int:
    """Most slices in a row that are not high, between two that are; all of them where none is."""
    where = np.flatnonzero(high)
    if where.size == 0:
        return int(high.size)
    if where.size == 1:
        return 0
    return int(np.diff(where).max() - 1)


@dataclass(frozen=True)
class Part:
    """One part of the score: how much it counts, and from what to what it rises.

    Attributes:
        title: What it looks at.
        weight: Points out of 100.
        fine, bad: The figure that gives no points, and the one that gives all.
        unit: Of these two.
    """

    title: str
    weight: float
    fine: float
    bad: float
    unit: str

    def points(self, value: float) -> float:
        """The points of a figure; all of them where it could not be counted."""
        if np.isnan(value):
            return self.weight
        share = (value - self.fine) / (self.bad - self.fine)
        return self.weight * min(1.0, max(0.0, share))

    def in_unit(self, value: float) -> str:
        """One of the two figures with its unit; shares in percent."""
        return f"{value:g} {self.unit}" if self.unit else f"{100 * value:g} %"


SCORE_PARTS = {
    "internal_share": Part("internal: share of slices with a peak", 30, 0.85, 0.75, ""),
    "external_share": Part("external: share of slices with a peak", 5, 0.6, 0.1, ""),
    "rival": Part("share of slices whose peak has a rival, the worse channel", 45, 0.04, 0.4, ""),
    "apart": Part(
        "share of slices where members do not agree, the worse channel", 15, 0.05, 0.4, ""
    ),
    "jumps": Part("jumps in 100 mm, the worse channel", 5, 1.0, 6.0, "times"),
}
"""The parts of a side's score."""


def side_score(internal: ChannelFigures, external: ChannelFigures) -> float:
    """The sum of the points of all parts, 0 to 100."""
    return float(sum(score_points(internal, external).values()))


def score_points(internal: ChannelFigures, external: ChannelFigures) -> dict[str, float]:
    """Points by part.

    A figure that cannot be counted gives no points, unless that is because no slice has a peak.
    """
    channels = (internal, external)
    unknown = NAN if internal.peak_share == external.peak_share == 0 else 0.0
    values = {
        "internal_share": internal.peak_share,
        "external_share": external.peak_share,
        "rival": _worst([c.rival_share for c in channels], unknown),
        "apart": _worst([c.apart_share for c in channels], unknown),
        "jumps": _worst([c.jumps_per_dm for c in channels], unknown),
    }
    return {key: SCORE_PARTS[key].points(value) for key, value in values.items()}


DOUBTFUL = 25.0
CHECK = 15.0
"""Scores from which a participant is called doubtful, and worth a check."""

Judged = Literal["doubtful", "check", "plausible"]


def judged(score: float) -> Judged:
    """What a participant's score says, in a word."""
    if score >= DOUBTFUL:
        return "doubtful"
    return "check" if score >= CHECK else "plausible"


NEAR = Part("both sides' internal maxima close together", 25, 25.0, 10.0, "mm")
"""Points for a participant whose sides seem to have found one and the same vessel."""


def participant_score(sides: Iterable[float], between_mm: float) -> float:
    """What orders the page: 0 to 100.

    The worst side's score, and the points of `NEAR`, where the distance between the sides is known.
    """
    near = 0.0 if np.isnan(between_mm) else NEAR.points(between_mm)
    return min(100.0, max(sides) + near)


def _worst(values: list[float], unknown: float) -> float:
    numbers = [v for v in values if not np.isnan(v)]
    return max(numbers, default=unknown)

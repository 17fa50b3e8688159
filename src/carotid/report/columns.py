"""The figures as columns of the page's table, each with its explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carotid.artifacts import LABELS
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carotid.artifacts import Label
    from carotid.evaluation.figures import ChannelFigures
    from carotid.geometry.sides import SideName
    from carotid.report.rows import Row


@dataclass(frozen=True)
class Column:
    """A column of figures in the page's table.

    Attributes:
        head: Its title.
        unit: mm, % or nothing.
        digits: Decimals shown.
        worse: Whether high or low figures are the bad ones.
        explanation: For the page and the documentation.
        value: The figure of one side, or of the participant as a whole.
        per_side: Whether it is one side's; then the worse side's is shown.
        brief: Whether it is shown too where later stages fill the table.
    """

    head: str
    unit: str
    digits: int
    worse: Literal["high", "low"]
    explanation: str
    value: Callable[[Row, SideName], float]
    per_side: bool = True
    brief: bool = False

    def worst(self, row: Row) -> tuple[float, SideName | None]:
        """The figure shown, and whose it is; NaN where there is none."""
        found = [(self.value(row, side), side) for side in SIDE_NAMES]
        known = [(value, side) for value, side in found if not math.isnan(value)]
        if not known:
            return math.nan, None
        best = max(known) if self.worse == "high" else min(known)
        return best[0], best[1] if self.per_side else None

    def cell(self, row: Row) -> tuple[str, str, SideName | None]:
        """What the page sorts by, what it shows, and whose it is; the unit is in the head."""
        value, side = self.worst(row)
        if math.isnan(value):
            return "", "\u2013", None
        if math.isinf(value):
            return "1e9", "?", side
        shown = f"{100 * value if self.unit == '%' else value:.{self.digits}f}"
        return f"{value:.6g}", shown, side


def _of(
    part: Callable[[ChannelFigures], float],
    pick: Callable[[list[float]], float],
    *channels: Label,
) -> Callable[[Row, SideName], float]:
    """The larger or smaller figure of some channels, or of both, that is known."""

    def value(row: Row, side: SideName) -> float:
        if side not in row.sides:
            return math.nan
        both = [part(getattr(row.sides[side], channel)) for channel in channels or LABELS]
        known = [v for v in both if not math.isnan(v)]
        return pick(known) if known else math.nan

    return value


def _figure(stage: str, name: str) -> Callable[[Row, SideName], float]:
    """A figure of a side's heatmaps, centerlines, contours or known centers."""

    def value(row: Row, side: SideName) -> float:
        figures = getattr(row, stage)
        return float(getattr(figures[side], name)) if side in figures else math.nan

    return value


def _measured(name: str, factor: float = 1.0) -> Callable[[Row, SideName], float]:
    """A measurement of a side."""

    def value(row: Row, side: SideName) -> float:
        if side not in row.arteries:
            return math.nan
        return float(getattr(row.arteries[side], name).value) * factor

    return value


def _stenosis(row: Row, side: SideName) -> float:
    """That of a side; infinite where none is told as an unsure lumen may be narrow."""
    share = _measured("stenosis", 0.01)(row, side)
    untold = side in row.arteries and row.arteries[side].untold
    return math.inf if untold and math.isnan(share) else share


SCORE = Column(
    "Score", "", 0, "high",
    "How much stands out, from 0 to 100; it orders the page. It predicts trouble, it does not "
    "measure it.",
    lambda row, _: row.score, per_side=False,
)  # fmt: skip

HEATMAP_COLUMNS = (
    Column(
        "Peaks", "%", 0, "low",
        "Share of axial slices in which the internal channel's mean heatmap has a peak above the "
        "threshold. Slices of noise at the ends of a scan lower it for everybody.",
        _of(lambda c: c.peak_share, max, "internal"), brief=True,
    ),
    Column(
        "Peaks ext.", "%", 0, "low",
        "The same for the external channel, whose vessel ends earlier.",
        _of(lambda c: c.peak_share, max, "external"),
    ),
    Column(
        "Rivals", "%", 0, "high",
        "Share of slices with a peak above the threshold in which another place, more than 6 mm "
        "away, is at least 70 % as high in the mean heatmap: the networks are of two minds. Worse "
        "channel.",
        _of(lambda c: c.rival_share, max),
    ),
    Column(
        "Disagree", "mm", 1, "high",
        "Median over slices of the members' disagreement: the mean distance of their maxima from "
        "the point in the middle of them, where the mean heatmap's peak is above the threshold. "
        "Worse channel. There is none with a single model.",
        _of(lambda c: c.disagreement_median_mm, max),
    ),
    Column(
        "Disagree 95", "mm", 1, "high",
        "Its 95th percentile: how far the members are apart in the worst slices.",
        _of(lambda c: c.disagreement_p95_mm, max), brief=True,
    ),
    Column(
        "Gap", "mm", 1, "high",
        "Longest stretch without a peak above the threshold between two slices that have one; the "
        "whole height where no slice has one. Worse channel.",
        _of(lambda c: c.gap_mm, max),
    ),
    Column(
        "Jump", "mm", 1, "high",
        "Largest distance, within the axial plane, between the maxima of two neighbouring slices "
        "that both have a peak above the threshold. Worse channel. Where the network changes from "
        "one vessel to another, the maximum jumps.",
        _of(lambda c: c.jump_mm, max),
    ),
    Column(
        "Apart", "mm", 0, "low",
        "Height over which the internal and the external maximum both have a peak and lie more "
        "than 3 mm apart. Near 0 means that the two were nowhere told apart: the bifurcation is "
        "outside of the scan, or both channels are on one vessel. Not part of the score.",
        _figure("sides", "separate_mm"),
    ),
    Column(
        "Left-right", "mm", 0, "low",
        "Median distance between the internal maxima of the left and of the right side, in slices "
        "where both have a peak. Carotids of adults lie 4 to 6 cm apart; a short distance "
        "means that both sides found the same vessel.",
        lambda row, _: row.between_mm, per_side=False, brief=True,
    ),
)  # fmt: skip
"""Columns of a page of heatmaps."""

CENTERLINE_COLUMNS = (
    Column(
        "Unsure", "%", 0, "high",
        "Share of the internal carotid's slices in which the error that is expected of the center "
        "exceeds 2 mm, so that it may lie outside of the lumen.",
        _figure("centerlines", "unsure_share"),
    ),
    Column(
        "Bif. ±", "mm", 1, "high",
        "Expected error of the height of the bifurcation.",
        _figure("centerlines", "bifurcation_uncertainty_mm"),
    ),
)  # fmt: skip
"""Columns of a page of centerlines."""

CONTOUR_COLUMNS = (
    Column(
        "Spread", "mm", 2, "high",
        "90th percentile, over the slices of both arteries, of the spread that the contours state: "
        "the standard deviation of the radius, averaged around the outline, of the lumen or of the "
        "outer wall, whichever is wider.",
        _figure("contours", "spread_p90_mm"),
    ),
    Column(
        "Touch", "%", 0, "high",
        "Share of slices in which lumen and outer wall come closer than 0.2 mm, or cross.",
        _figure("contours", "touch_share"),
    ),
    Column(
        "Not dark", "%", 0, "high",
        "Share of lumens that are not darker than what is around them, as blood is where it is "
        "suppressed.",
        _figure("contours", "no_edge_share"),
    ),
    Column(
        "Jump", "mm", 1, "high",
        "Largest distance of an outline's center, or of its radius, from the middle between its "
        "neighbours above and below.",
        _figure("contours", "jump_mm"),
    ),
    Column(
        "Hole", "mm", 1, "high",
        "Longest stretch of an artery without outlines between two slices with some.",
        _figure("contours", "hole_mm"),
    ),
)  # fmt: skip
"""Columns of a page of contours."""

MEASUREMENT_COLUMNS = (
    Column(
        "ICA stenosis", "%", 0, "high",
        "Diameter stenosis of the internal carotid by NASCET's definition; the common carotid is "
        "not part of it: a plaque there shows in the thickest wall. Negative where the narrowest "
        "place is wider than the reference beyond the bulb, as in many healthy bulbs. A ? stands "
        "where contours do not know how wide a lumen is that may be the narrowest.",
        _stenosis,
    ),
    Column(
        "Thickest", "mm", 1, "high",
        "Largest thickness of the wall of the common and internal carotid.",
        _measured("thickest"),
    ),
)  # fmt: skip
"""Columns of a page of measurements."""

TRUTH_COLUMNS = (
    Column(
        "Error", "mm", 1, "high",
        "Median distance, within the slice, from the mean heatmap's maxima to the known center of "
        "their own vessel, over all annotated slices and both channels.",
        _figure("truth", "median_mm"),
    ),
    Column(
        "Within 2 mm", "%", 0, "low",
        "Share of those maxima that lie within 2 mm of the known center.",
        _figure("truth", "right_share"),
    ),
)  # fmt: skip
"""Columns of a page for which centers are known."""


def columns_of(rows: Sequence[Row]) -> dict[str, tuple[Column, ...]]:
    """The columns of a page by their group: those for which there is anything to show."""
    contours = any(row.contours for row in rows)
    centerlines = any(row.centerlines for row in rows)
    heatmaps = HEATMAP_COLUMNS if any(row.sides for row in rows) else ()
    groups = {
        "": (SCORE,),
        "Measurements": MEASUREMENT_COLUMNS if any(row.arteries for row in rows) else (),
        "Contours": CONTOUR_COLUMNS if contours else (),
        "Centerlines": CENTERLINE_COLUMNS if centerlines else (),
        "Heatmaps": tuple(column for column in heatmaps if column.brief or not contours),
        "Known centers": TRUTH_COLUMNS if any(row.truth for row in rows) else (),
    }
    return {group: columns for group, columns in groups.items() if columns}

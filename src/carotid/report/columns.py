"""The figures as columns: of the page's table, and of `quality.tsv`, each with its explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carotid.artifacts import LABELS
from carotid.evaluation.figures import CHECK, DOUBTFUL
from carotid.geometry.sides import SIDE_NAMES, SideName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carotid.evaluation.figures import ChannelFigures, SideFigures
    from carotid.report.examination import Examination
    from carotid.report.sources import Subject

Group = Literal["doubtful", "check", "unremarkable", "no heatmaps"]


@dataclass(frozen=True)
class KnownDistance:
    """How far one side's maxima lie from known centers.

    Attributes:
        median_mm: Median over slices and channels.
        right_share: Share within 2 mm.
    """

    median_mm: float
    right_share: float


@dataclass(frozen=True)
class Row:
    """One participant in the table: numbers and words, no pictures.

    Attributes:
        participant_id: Whose.
        result: See `sources.Subject`, or unreadable.
        reason: Why there are no heatmaps, or what the last run said.
        number: Of the participant in the order of ids, from 1: a name for links.
        members: Size of the ensemble; 0 without heatmaps.
        sides: Figures; empty without heatmaps.
        between_mm: Distance between the sides.
        score: What orders the page; NaN without heatmaps.
        truth: Distances from known centers, where there are any.
        unlike: In what the scan differs from those that the models were trained on.
    """

    participant_id: str
    result: str
    reason: str
    number: int
    members: int
    sides: Mapping[SideName, SideFigures]
    between_mm: float
    score: float
    truth: Mapping[SideName, KnownDistance]
    unlike: tuple[str, ...] = ()

    @property
    def group(self) -> Group:
        """In a word, what the score says, and whether the models know such scans."""
        if not self.sides:
            return "no heatmaps"
        if self.score >= DOUBTFUL or self.unlike:
            return "doubtful"
        return "check" if self.score >= CHECK else "unremarkable"

    @property
    def word(self) -> str:
        """The group, or why there are no heatmaps."""
        return self.group if self.sides else self.result


def row_without(participant_id: str, result: str, reason: str, number: int) -> Row:
    """The row of a participant without heatmaps."""
    return Row(participant_id, result, reason, number, 0, {}, math.nan, math.nan, {})


def row_of(subject: Subject, number: int, exam: Examination) -> Row:
    """The row of a participant whose heatmaps were examined."""
    truth = {
        name: KnownDistance(side.truth.median_mm, side.truth.right_share)
        for name, side in exam.sides.items()
        if side.truth is not None
    }
    figures = {name: side.figures for name, side in exam.sides.items()}
    return Row(
        subject.participant_id,
        subject.result,
        subject.reason,
        number,
        exam.members,
        figures,
        exam.between_mm,
        exam.score,
        truth,
        subject.unlike,
    )


def worst_first(rows: list[Row]) -> list[Row]:
    """The order of the page.

    Those without heatmaps, those unlike all that the models know, then by falling score and id.
    """
    return sorted(
        rows,
        key=lambda r: (
            bool(r.sides),
            not r.unlike,
            -r.score if r.sides else 0.0,
            r.participant_id,
        ),
    )


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
    """

    head: str
    unit: str
    digits: int
    worse: Literal["high", "low"]
    explanation: str
    value: Callable[[Row, SideName], float]
    per_side: bool = True

    def worst(self, row: Row) -> tuple[float, SideName | None]:
        """The figure shown, and whose it is; NaN where there is none."""
        found = [(self.value(row, side), side) for side in SIDE_NAMES if side in row.sides]
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
        shown = f"{100 * value if self.unit == '%' else value:.{self.digits}f}"
        return f"{value:.6g}", shown, side


def _of(
    part: Callable[[ChannelFigures], float], pick: Callable[[list[float]], float]
) -> Callable[[Row, SideName], float]:
    """The larger or smaller figure of both channels that is known."""

    def value(row: Row, side: SideName) -> float:
        both = [part(getattr(row.sides[side], channel)) for channel in LABELS]
        known = [v for v in both if not math.isnan(v)]
        return pick(known) if known else math.nan

    return value


def _known(row: Row, side: SideName, field: str) -> float:
    return float(getattr(row.truth[side], field)) if side in row.truth else math.nan


COLUMNS = (
    Column(
        "Score", "", 0, "high",
        "How much stands out, from 0 to 100; it orders the page. It predicts trouble, it does not "
        "measure it.",
        lambda row, _: row.score, per_side=False,
    ),
    Column(
        "Peaks", "%", 0, "low",
        "Share of axial slices in which the internal channel's mean heatmap has a peak above the "
        "threshold. Slices of noise at the ends of a scan lower it for everybody.",
        lambda row, side: row.sides[side].internal.peak_share,
    ),
    Column(
        "Peaks ext.", "%", 0, "low",
        "The same for the external channel, whose vessel ends earlier.",
        lambda row, side: row.sides[side].external.peak_share,
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
        _of(lambda c: c.disagreement_p95_mm, max),
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
        lambda row, side: row.sides[side].separate_mm,
    ),
    Column(
        "Left-right", "mm", 0, "low",
        "Median distance between the internal maxima of the left and of the right side, in slices "
        "where both have a peak. Carotids of adults lie 4 to 6 cm apart; a short distance "
        "means that both sides found the same vessel.",
        lambda row, _: row.between_mm, per_side=False,
    ),
)  # fmt: skip
"""Columns of every page."""

TRUTH_COLUMNS = (
    Column(
        "Error", "mm", 1, "high",
        "Median distance, within the slice, from the mean heatmap's maxima to the known center of "
        "their own vessel, over all annotated slices and both channels.",
        lambda row, side: _known(row, side, "median_mm"),
    ),
    Column(
        "Within 2 mm", "%", 0, "low",
        "Share of those maxima that lie within 2 mm of the known center.",
        lambda row, side: _known(row, side, "right_share"),
    ),
)  # fmt: skip
"""Columns of a page for which centers are known."""

_CHANNEL_FIELDS = {
    "peak_share": 4,
    "disagreement_median_mm": 2,
    "disagreement_p95_mm": 2,
    "apart_share": 4,
    "gap_mm": 2,
    "jump_mm": 2,
    "jumps_per_dm": 1,
}

TSV_HEADER = [
    "order", "participant_id", "result", "reason", "score", "side", "side_score",
    *(f"{channel}_{field}" for channel in LABELS for field in _CHANNEL_FIELDS),
    "separate_mm", "left_right_mm", "members", "truth_median_mm", "truth_within_2mm",
    "unlike_training",
]  # fmt: skip
"""Columns of `quality.tsv`; `docs/report.md` explains each."""


def tsv(rows: list[Row]) -> str:
    """The table as text: a line per participant and side, in the given order."""
    lines = ["\t".join(TSV_HEADER)]
    for order, row in enumerate(rows, start=1):
        sides: list[SideName | None] = [name for name in SIDE_NAMES if name in row.sides]
        lines += ["\t".join(_tsv_fields(order, row, side)) for side in sides or [None]]
    return "\n".join(lines) + "\n"


def _tsv_fields(order: int, row: Row, side: SideName | None) -> list[str]:
    first = [str(order), _plain(row.participant_id), row.result, _plain(row.reason)]
    if side is None:
        return first + [""] * (len(TSV_HEADER) - len(first))
    figures = row.sides[side]
    fields = [*first, _digits(row.score, 2), side, _digits(figures.score, 2)]
    for channel in LABELS:
        one = getattr(figures, channel)
        fields += [_digits(getattr(one, name), digits) for name, digits in _CHANNEL_FIELDS.items()]
    fields += [_digits(figures.separate_mm, 2), _digits(row.between_mm, 2), str(row.members)]
    known = (_known(row, side, "median_mm"), _known(row, side, "right_share"))
    return [*fields, _digits(known[0], 2), _digits(known[1], 4), _plain("; ".join(row.unlike))]


def _digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _plain(text: str) -> str:
    """Text that cannot break a line of a table: control characters are spelled out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)

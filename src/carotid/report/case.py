"""One participant's place on the page: what stands out, pictures, charts and figures, as HTML."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.distances import RIGHT_MM
from carotid.report import pictures
from carotid.report.charts import Chart, chart
from carotid.report.figures import SCORE_PARTS, SideFigures, score_points
from carotid.report.sections import sections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.report.columns import Row
    from carotid.report.examination import Examination

_TOP_PEAK = 450.0
_TOP_MM = 10.0
_WORTH_A_WORD = 0.4
"""Share of a part's points from which it is named as a reason."""


def body(
    exam: Examination, scan: NDArray[np.generic] | None, threshold: float, notes: list[str]
) -> str:
    """Everything below a case's heading.

    Args:
        exam: The numbers.
        scan: (x, y, z) canonical voxels on the heatmaps' grid, or None.
        threshold: What a peak has to exceed.
        notes: What the reader should know, such as why there is no scan.
    """
    scene = pictures.make_scene(exam, scan, threshold)
    sides = pictures.SIDES_ON_SCREEN
    projections = pictures.coronal(scene) + pictures.coronal(scene, spread=True)
    views = "".join(pictures.sagittal(scene, side) for side in sides)
    projections += f'<div class="row near">{views}</div>'
    charts = "".join(_charts(exam, side, threshold, scene.px_per_mm) for side in sides)
    straight = "".join(pictures.strips(scene, side) for side in sides)
    straight += "".join(_error_chart(exam, side, scene.px_per_mm) for side in sides)
    told = "".join(f'<p class="note">{escape(note)}</p>' for note in notes)
    beside = f'<div class="row near">{straight}</div>' if straight else ""
    return (
        f"{told}{_reasons(exam)}"
        f'<div class="row">{projections}<div class="row near">{charts}</div></div>'
        f'<div class="row lower">{beside}<div class="sections">{sections(scene)}</div>'
        f'</div>{_figures_table(exam)}<p class="facts">{_facts(exam.grid, exam.members)}</p>'
    )


def heading(row: Row, order: int) -> str:
    """A case's title line; its place in the order is known only when all are examined."""
    score = "" if math.isnan(row.score) else f" {row.score:.0f}"
    kind = row.group.replace(" ", "-")
    word = row.result if not row.sides else row.group
    return (
        f'<header><h2><small>{order}</small> <a href="#c{row.number}">{escape(row.participant_id)}'
        f'</a></h2><b class="badge {kind}">{escape(word)}{score}</b>'
        f'<a class="up" href="#table">table</a></header>'
        + (f'<p class="note">{escape(row.reason)}</p>' if row.reason else "")
    )


def _reasons(exam: Examination) -> str:
    """The parts of the score that made it, in words."""
    words = []
    slice_mm = exam.grid.spacing_mm[2]
    for side in pictures.SIDES_ON_SCREEN:
        figures = exam.sides[side].figures
        points = score_points(figures.internal, figures.external, slice_mm)
        words += [
            f"{side}: {_in_words(key, figures)}"
            for key, value in points.items()
            if value >= _WORTH_A_WORD * SCORE_PARTS[key].weight
        ]
    if not math.isnan(exam.between_mm) and exam.between_mm < 20:
        words.append(f"left and right only {exam.between_mm:.0f} mm apart")
    if not words:
        return ""
    return '<ul class="why">' + "".join(f"<li>{word}</li>" for word in words) + "</ul>"


def _in_words(key: str, figures: SideFigures) -> str:
    internal, external = figures.internal, figures.external
    if key == "internal_share":
        return f"internal peaks in {100 * internal.peak_share:.0f} % of slices"
    if key == "external_share":
        return f"external peaks in {100 * external.peak_share:.0f} % of slices"
    pairs = {
        "disagreement": ("members up to {} apart", "disagreement_p95_mm", "members not comparable"),
        "gap": ("a gap of {}", "gap_mm", "no peak"),
        "jump": ("a jump of {}", "jump_mm", "no course to follow"),
    }
    words, field, otherwise = pairs[key]
    values = [getattr(one, field) for one in (internal, external)]
    known = [value for value in values if not math.isnan(value)]
    return words.format(f"{max(known):.0f} mm") if known else otherwise


def _charts(exam: Examination, side: SideName, threshold: float, px_per_mm: float) -> str:
    """Peaks, and how far the members disagree where there is a peak."""
    course = exam.sides[side].course
    letter = side[0].upper()
    label = f"Peak along the height, {side} side"
    peak = Chart(f"Peak {letter}", label, _TOP_PEAK, "smallest", threshold)
    shown = _chart(peak, course.peak, exam, px_per_mm)
    if exam.members > 1:
        label = f"Members' disagreement along the height, {side} side"
        spread = Chart(f"Disagree {letter}", label, _TOP_MM, "largest", unit=" mm")
        values = np.where(course.peak > threshold, course.disagreement_mm, np.nan)
        shown += _chart(spread, values, exam, px_per_mm)
    return shown


def _error_chart(exam: Examination, side: SideName, px_per_mm: float) -> str:
    """Distance to the known center; empty where none is known."""
    truth = exam.sides[side].truth
    if truth is None:
        return ""
    label = f"Distance to the known center along the height, {side} side"
    error = Chart(f"Error {side[0].upper()}", label, _TOP_MM, "largest", RIGHT_MM, " mm")
    return _chart(error, truth.distance_mm, exam, px_per_mm)


def _chart(what: Chart, values: NDArray[np.float64], exam: Examination, px_per_mm: float) -> str:
    drawn = chart(what, values, exam.grid.spacing_mm[2], px_per_mm)
    return f"<figure>{drawn}<figcaption>{what.title}</figcaption></figure>"


_TITLES = ("side", "channel", "slices with a peak", "disagreement, median", "95th percentile",
           "longest gap", "largest jump")  # fmt: skip


def _figures_table(exam: Examination) -> str:
    rows = []
    for side in pictures.SIDES_ON_SCREEN:
        for channel in LABELS:
            one = getattr(exam.sides[side].figures, channel)
            values = [f"{100 * one.peak_share:.0f} %"]
            values += [
                "\u2013" if math.isnan(value) else f"{value:.1f} mm"
                for value in (one.disagreement_median_mm, one.disagreement_p95_mm, one.gap_mm,
                              one.jump_mm)
            ]  # fmt: skip
            cells = "".join(f"<td>{value}</td>" for value in values)
            rows.append(f"<tr><th scope=row>{side}</th><td>{channel}</td>{cells}</tr>")
    head = "".join(f"<th scope=col>{title}</th>" for title in _TITLES)
    return (
        f'<details class="numbers"><summary>Figures of each side and channel</summary>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        f"</table></div></details>"
    )


def _facts(grid: Grid, members: int) -> str:
    size = " &times; ".join(str(n) for n in grid.shape)
    spacing = " &times; ".join(f"{s:.3g}" for s in grid.spacing_mm)
    cosines = np.abs(np.diag(grid.direction))
    tilt = float(np.degrees(np.arccos(np.clip(cosines.min(), 0, 1))))
    tilted = f", tilted by {tilt:.0f}°" if tilt >= 1 else ""
    models = f"{members} models" if members > 1 else "one model"
    return f"{size} voxels of {spacing} mm (right to left, back to front, height){tilted}; {models}"

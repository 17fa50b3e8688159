"""One participant's heatmaps on the page: what stands out, pictures, charts and figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.distances import RIGHT_MM
from carotid.evaluation.figures import SCORE_PARTS, SideFigures, score_points
from carotid.evaluation.score_told import near_words
from carotid.report import heatmap_pictures as pictures
from carotid.report.drawing.charts import Quantity, chart
from carotid.report.rendering import render
from carotid.report.sections import Pair, sections

if TYPE_CHECKING:
    from markupsafe import Markup
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.report.drawing.picture import Chart, Picture
    from carotid.report.examination import Examination

_TOP_PEAK = 450.0
_TOP_MM = 10.0
_WORTH_A_WORD = 0.4
"""Share of a part's points from which it is named as a reason."""


@dataclass(frozen=True)
class HeatmapCase:
    """What a page shows of one participant's heatmaps.

    Attributes:
        coronal, sagittal, strips: Pictures of the whole height.
        charts, errors: Curves along it; `errors` where centers are known.
        sections: Axial ones.
        titles, figures: A table: side, channel and its figures.
        facts: Size of the scan and of the ensemble.
    """

    coronal: list[Picture]
    sagittal: list[Picture]
    strips: list[Picture]
    charts: list[Chart]
    errors: list[Chart]
    sections: list[Pair]
    titles: tuple[str, ...]
    figures: list[tuple[str, str, list[str]]]
    facts: str


def heatmap_section(
    exam: Examination, scan: NDArray[np.generic] | None, threshold: float
) -> Markup:
    """Pictures and figures of the heatmaps.

    Args:
        exam: The numbers.
        scan: (x, y, z) canonical voxels on the heatmaps' grid, or None.
        threshold: What a peak has to exceed.
    """
    scene = pictures.make_scene(exam, scan, threshold)
    sides = pictures.on_screen(exam.sides)
    case = HeatmapCase(
        coronal=[pictures.coronal(scene), pictures.coronal(scene, spread=True)],
        sagittal=[pictures.sagittal(scene, side) for side in sides],
        strips=[strip for side in sides for strip in pictures.strips(scene, side)],
        charts=[one for side in sides for one in _charts(exam, side, threshold, scene.px_per_mm)],
        errors=[one for side in sides for one in _error_chart(exam, side, scene.px_per_mm)],
        sections=sections(scene),
        titles=_TITLES,
        figures=_figures(exam),
        facts=_facts(exam.grid, exam.members),
    )
    return render("heatmaps.html", case=case)


def heatmap_reasons(exam: Examination) -> list[str]:
    """The parts of the score that made it, in words."""
    words = []
    for side in pictures.on_screen(exam.sides):
        figures = exam.sides[side].figures
        points = score_points(figures.internal, figures.external)
        words += [
            f"{side}: {_in_words(key, figures)}"
            for key, value in points.items()
            if value >= _WORTH_A_WORD * SCORE_PARTS[key].weight
        ]
    if not math.isnan(exam.between_mm) and exam.between_mm < 20:
        words.append(near_words(exam.between_mm))
    return words


def _in_words(key: str, figures: SideFigures) -> str:
    internal, external = figures.internal, figures.external
    if key == "internal_share":
        return f"internal peaks in {100 * internal.peak_share:.0f} % of slices"
    if key == "external_share":
        return f"external peaks in {100 * external.peak_share:.0f} % of slices"
    words, field, otherwise = {
        "rival": (
            "another spot nearly as high in {:.0%} of slices",
            "rival_share",
            "no peak to compare",
        ),
        "apart": ("models on different spots in {:.0%} of slices", "apart_share", "no peak"),
        "jumps": ("{:.0f} jumps along 100 mm", "jumps_per_dm", "no course to follow"),
    }[key]
    known = [v for v in (getattr(c, field) for c in (internal, external)) if not math.isnan(v)]
    return words.format(sum(known) / len(known)) if known else otherwise


def _charts(exam: Examination, side: SideName, threshold: float, px_per_mm: float) -> list[Chart]:
    """Peaks, and how far the members disagree where there is a peak."""
    course, slice_mm = exam.sides[side].course, exam.grid.spacing_mm[2]
    letter = side[0].upper()
    label = f"Peak along the height, {side} side"
    peak = Quantity(f"Peak {letter}", label, _TOP_PEAK, "smallest", threshold)
    shown = [chart(peak, course.peak, slice_mm, px_per_mm)]
    if exam.members > 1:
        label = f"Members' disagreement along the height, {side} side"
        spread = Quantity(f"Disagree {letter}", label, _TOP_MM, "largest", unit=" mm")
        values = np.where(course.peak > threshold, course.disagreement_mm, np.nan)
        shown.append(chart(spread, values, slice_mm, px_per_mm))
    return shown


def _error_chart(exam: Examination, side: SideName, px_per_mm: float) -> list[Chart]:
    """Distance to the known center; nothing where none is known."""
    truth = exam.sides[side].truth
    if truth is None:
        return []
    label = f"Distance to the known center along the height, {side} side"
    error = Quantity(f"Error {side[0].upper()}", label, _TOP_MM, "largest", RIGHT_MM, " mm")
    return [chart(error, truth.distance_mm, exam.grid.spacing_mm[2], px_per_mm)]


_TITLES = ("side", "channel", "slices with a peak", "disagreement, median", "95th percentile",
           "longest gap", "largest jump")  # fmt: skip


def _figures(exam: Examination) -> list[tuple[str, str, list[str]]]:
    rows: list[tuple[str, str, list[str]]] = []
    for side in pictures.on_screen(exam.sides):
        for channel in LABELS:
            one = getattr(exam.sides[side].figures, channel)
            lengths = (one.disagreement_median_mm, one.disagreement_p95_mm, one.gap_mm, one.jump_mm)
            told = ["\u2013" if math.isnan(value) else f"{value:.1f} mm" for value in lengths]
            rows.append((side, channel, [f"{100 * one.peak_share:.0f} %", *told]))
    return rows


def _facts(grid: Grid, members: int) -> str:
    size = " \u00d7 ".join(str(n) for n in grid.shape)
    spacing = " \u00d7 ".join(f"{s:.3g}" for s in grid.spacing_mm)
    cosines = np.abs(np.diag(grid.direction))
    tilt = float(np.degrees(np.arccos(np.clip(cosines.min(), 0, 1))))
    tilted = f", tilted by {tilt:.0f}°" if tilt >= 1 else ""
    models = f"{members} models" if members > 1 else "one model"
    return f"{size} voxels of {spacing} mm (right to left, back to front, height){tilted}; {models}"

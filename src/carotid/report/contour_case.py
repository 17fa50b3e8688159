"""One participant's contours on the page: straightened arteries, what to check, regular heights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.report import contour_pictures
from carotid.report.contour_figures import CONTOUR_PARTS, contour_figures, contour_points
from carotid.report.contour_findings import findings
from carotid.report.heatmap_pictures import on_screen
from carotid.report.rendering import render

if TYPE_CHECKING:
    from markupsafe import Markup

    from carotid.geometry.sides import SideName
    from carotid.report.contour_figures import ContourFigures
    from carotid.report.contour_pictures import ContourScene
    from carotid.report.drawing.picture import Chart, Picture

_WORTH_A_WORD = 0.4
"""Share of a part's points from which it is named as a reason."""

_WORDS = {
    "spread_p90_mm": "contours uncertain by {:.1f} mm",
    "jump_mm": "contours jump by {:.0f} mm",
    "hole_mm": "no contours over {:.0f} mm",
    "no_lumen_mm": "no lumen within the wall over {:.0f} mm",
    "bright_mm": "the lumen holds something bright over {:.0f} mm: a narrow place, a web or slow "
    "flow",
}


@dataclass(frozen=True)
class StraightSide:
    """A side's arteries, straightened.

    Attributes:
        side: Which.
        arteries: The name and the two cuts of each.
        spread: The stated spread along the height.
    """

    side: SideName
    arteries: list[tuple[str, list[Picture]]]
    spread: Chart


def contour_section(scene: ContourScene, smoothing: str) -> Markup:
    """Pictures and figures of the contours.

    Args:
        scene: The contours, over the scan.
        smoothing: What was undone of the scanner's smoothing, in sentences; empty for nothing.
    """
    shown = on_screen(scene.courses)
    sides = [
        StraightSide(
            side,
            [
                (label, cuts)
                for label in LABELS
                if (cuts := contour_pictures.straightened(scene, side, label))
            ],
            contour_pictures.spread_chart(scene, side),
        )
        for side in shown
        if any(one.there.any() for one in scene.courses[side].values())
    ]
    return render(
        "contours.html",
        smoothing=smoothing,
        sides=sides,
        to_check=contour_pictures.tiles_to_check(scene),
        found=len({(one.side, one.z) for one in findings(scene)}),
        regular=[contour_pictures.regular_tiles(scene, side) for side in shown],
        figures=[(side, _figures(figures_of(scene, side))) for side in shown],
    )


def figures_of(scene: ContourScene, side: SideName) -> ContourFigures:
    """One side's contours in numbers."""
    return contour_figures(scene.courses[side], scene.slice_mm)


def contour_reasons(scene: ContourScene) -> list[str]:
    """The parts of the score that made it, in words."""
    words = []
    for side in on_screen(scene.courses):
        figures = figures_of(scene, side)
        if not figures.slices:
            words.append(f"{side}: no contours")
            continue
        values = {key: getattr(figures, key) for key in CONTOUR_PARTS}
        for key, points in contour_points(values).items():
            if points >= _WORTH_A_WORD * CONTOUR_PARTS[key].weight:
                words.append(f"{side}: {_in_words(key, values[key])}")
    return words


def _in_words(key: str, value: float) -> str:
    if key == "touch_share":
        return f"lumen and outer wall touch in {100 * value:.0f} % of slices"
    if key == "no_edge_share":
        return f"the lumen is not dark in {100 * value:.0f} % of slices"
    return _WORDS[key].format(value)


def _figures(figures: ContourFigures) -> list[str]:
    touch, no_edge = (
        "\u2013" if np.isnan(value) else f"{100 * value:.0f} %"
        for value in (figures.touch_share, figures.no_edge_share)
    )
    lengths = [
        "\u2013" if np.isnan(value) else f"{value:.2f} mm"
        for value in (figures.spread_median_mm, figures.spread_p90_mm, figures.jump_mm,
                      figures.hole_mm)
    ]  # fmt: skip
    return [str(figures.slices), *lengths[:2], touch, no_edge, *lengths[2:]]

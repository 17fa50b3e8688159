"""One participant's measurements on the page: key numbers, maps, curves, and two cross-sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted
from carotid.figures.courses import drawn_courses
from carotid.figures.cuts import extreme_rows
from carotid.geometry.sides import SIDE_NAMES
from carotid.report.contour_pictures import tile
from carotid.report.heatmap_pictures import on_screen
from carotid.report.measured import KEY_NUMBERS, UNKNOWN, all_figures, position, told
from carotid.report.measurement_pictures import Extent, area_curve, thickness_map
from carotid.report.rendering import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from carotid.figures.courses import DrawnCourse
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements
    from carotid.report.contour_pictures import ContourScene
    from carotid.report.drawing.picture import Chart, Picture
    from carotid.report.measured import ArteryFigures


_NOTHING = ("\u2013", "")


@dataclass(frozen=True)
class MeasuredSide:
    """A side's common and internal carotid.

    Attributes:
        side: Which.
        map, curve: Drawings at one scale.
        cuts: What a cross-section is, and its picture.
    """

    side: SideName
    map: Picture
    curve: Chart
    cuts: list[tuple[str, Picture]]


def measurement_section(
    measurements: Measurements,
    scene: ContourScene | None,
    models: list[str],
    shown: Sequence[SideName] = SIDE_NAMES,
) -> Markup:
    """Key numbers and drawings.

    Args:
        measurements: The tables.
        scene: The contours, for pictures of cross-sections; None for none.
        models: What made the contours, in sentences.
        shown: The sides that the scan shows.
    """
    in_order = on_screen(shown)
    courses = {
        one.side: one
        for one in drawn_courses(measurements)
        if one.label == "internal" and one.lumen_read.any()
    }
    extent = Extent.of(list(courses.values())) if courses else None
    figures = all_figures(measurements)
    rows = [
        (
            words,
            [told(getattr(figures.get(side, UNKNOWN), name), unit, digits) for side in in_order],
        )
        for name, (words, unit, digits) in KEY_NUMBERS.items()
    ]
    rows.append(
        (
            "Measured length; readable cross-sections",
            [_covered(figures.get(side, UNKNOWN)) for side in in_order],
        )
    )
    by_hand = [_by_hand(figures.get(side, UNKNOWN)) for side in in_order]
    if any(words != _NOTHING for words in by_hand):
        rows.append(("Corrected by hand", by_hand))
    sides = [
        MeasuredSide(
            side,
            thickness_map(courses[side], extent),
            area_curve(courses[side], extent),
            [] if scene is None else _cuts(courses[side], scene),
        )
        for side in in_order
        if side in courses and extent is not None
    ]
    known = all(one.from_bifurcation for one in courses.values())
    return render(
        "measurements.html",
        sides=sides,
        titles=[side.capitalize() for side in in_order],
        rows=rows,
        from_bifurcation=known,
        models=models,
        cut=extent is not None and extent.cut,
    )


def _by_hand(figures: ArteryFigures) -> tuple[str, str]:
    corrected, removed = figures.corrected_slices, figures.removed_slices
    told = [
        counted(round(corrected), "slice") if corrected > 0 else "",
        f"{counted(round(removed), 'slice')} removed" if removed > 0 else "",
        "bifurcation" if figures.bifurcation == "corrected" else "",
    ]
    first, *others = [words for words in told if words] or [_NOTHING[0]]
    return first, ", ".join(others)


def _covered(figures: ArteryFigures) -> tuple[str, str]:
    if np.isnan(figures.covered_mm):
        return _NOTHING
    readable = "" if np.isnan(figures.readable_share) else f"; {100 * figures.readable_share:.0f} %"
    left_out = ""
    if figures.unsure_slices > 0:
        unsure = counted(round(figures.unsure_slices), "slice")
        left_out = f"{unsure} unsure: the thickest wall may lie there"
    return f"{figures.covered_mm:.0f} mm{readable}", left_out


def _cuts(course: DrawnCourse, scene: ContourScene) -> list[tuple[str, Picture]]:
    found = []
    for extreme, row in extreme_rows(course).items():
        name, unit = {"narrowest": ("la_mm2", "mm²"), "thickest": ("wt_max_mm", "mm")}[extreme]
        value, s = course.values(name)[row], course.s_mm[row]
        words = f"{extreme}: {value:.1f} {unit} at {position(s)}"
        z = round(float(course.values("z")[row]))
        found.append((words, tile(scene, course.side, z, extreme)))
    return found

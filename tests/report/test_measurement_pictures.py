"""Charts of measured arteries: words that no line crosses, axes with both ends, nothing cut."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.figures.arteries import measured

from carotid.figures.courses import DrawnCourse, drawn_courses
from carotid.report.measurement_pictures import Extent, area_curve, thickness_map


def internals() -> list[DrawnCourse]:
    return [one for one in drawn_courses(measured()) if one.label == "internal"]


def wider(course: DrawnCourse, sd_mm2: float) -> DrawnCourse:
    """The same with another spread of its areas."""
    spread = np.full(len(course.table), sd_mm2)
    cells = {**course.table.cells, "tva_sd_mm2": spread, "la_sd_mm2": spread}
    return replace(course, table=replace(course.table, cells=cells))


def across(data: str) -> list[float]:
    """The x of all points of a path of absolute steps."""
    return [float(x) for x in re.findall(r"[ML]([\d.-]+) ", data)]


def test_curves_end_before_the_numbers_of_heights() -> None:
    courses = internals()
    drawn = area_curve(courses[0], Extent.of(courses))
    ticks = [one for one in drawn.layers if one.kind == "tick"]
    border = across(ticks[0].data)[0]
    curves = [one for one in drawn.layers if one.kind.startswith(("area", "spread"))]
    assert len(curves) >= 2
    assert all(max(across(one.data)) <= border for one in curves)
    heights = [one for one in drawn.words if re.fullmatch(r"([+\u2212]\d+ mm|0)", one.text)]
    assert "\u221220 mm" in {one.text for one in heights}
    for one in heights:
        if one.text != "0":
            assert one.x - 8 * len(one.text) > border
    assert all(one.over_lines for one in drawn.words if one.text in ("common", "bulb", "internal"))


def test_the_axis_of_areas_has_both_ends_and_says_what_it_cuts() -> None:
    courses = [wider(one, 3.0) for one in internals()]
    extent = Extent.of(courses)
    outer = courses[0].values("tva_mm2")[courses[0].wall_read]
    assert extent.top_mm2 >= outer.max() + 1.96 * 3.0
    assert not extent.cut
    feet = [one for one in area_curve(courses[0], extent).words if one.y > extent.height]
    assert [one.text for one in feet] == ["0", f"{extent.top_mm2:g} mm²"]
    assert feet[0].x < feet[1].x
    wide = Extent.of([wider(one, 1000.0) for one in courses])
    assert wide.cut
    assert wide.top_mm2 == pytest.approx(1.5 * outer.max(), abs=25 + 0.1 * outer.max())
    assert f"≥ {wide.top_mm2:g} mm²" in {one.text for one in area_curve(courses[0], wide).words}


def test_directions_stand_below_the_map() -> None:
    right, left = (thickness_map(one, Extent.of(internals())) for one in internals())
    assert not right.words
    assert [one.text for one in right.below] == ["lat", "ant", "med"]
    assert [one.text for one in left.below] == ["med", "ant", "lat"]

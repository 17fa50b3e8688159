"""Figures of contours against outlines whose figures can be told by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.report.results import circle, round_contours, straight_centers

from carotid.artifacts import Contours, CrossSection
from carotid.geometry.grid import Grid
from carotid.report.contour_figures import (
    CONTOUR_PARTS,
    contour_courses,
    contour_figures,
    contour_points,
)

GRID = Grid((60, 30, 20), np.diag([1.5, 1.0, 2.0, 1.0]))
WAY = straight_centers(GRID, 10.0, fork=2.0)  # both channels on one straight vessel
CENTER = WAY[0, 0]


def contours(*changed: CrossSection, without: tuple[int, ...] = ()) -> Contours:
    """Internal circles of 2.6 and 4 mm on the right in every slice, but for what is changed."""
    made = round_contours(GRID, {"right": WAY, "left": WAY})
    slices = {one.z: one for one in made.right if one.label == "internal" and one.z not in without}
    slices |= {one.z: one for one in changed}
    return replace(made, right=tuple(slices[z] for z in sorted(slices)), left=())


def section(z: int, lumen_mm: float = 2.6, shift_mm: float = 0.0) -> CrossSection:
    center = CENTER + np.array([shift_mm / 1.5, 0.0])
    return CrossSection("internal", z, circle(center, lumen_mm, GRID), circle(CENTER, 4.0, GRID))


def test_sound_contours_have_nothing_to_tell() -> None:
    made = contours()
    figures = contour_figures(contour_courses(made, "right"), 2.0)
    assert figures.slices == 20
    assert figures.spread_median_mm == pytest.approx(0.15)
    assert figures.touch_share == 0
    assert figures.jump_mm == pytest.approx(0, abs=1e-6)
    assert figures.hole_mm == 0
    assert figures.score == 0


def test_gap_is_the_thinnest_wall_and_negative_where_outlines_cross() -> None:
    made = contours(section(4, 3.9), section(5, 2.6, 1.3), section(6, 2.6, 2.0))
    course = contour_courses(made, "right")["internal"]
    assert course.gap_mm[0] == pytest.approx(1.4, abs=0.03)  # polygons of 32 points
    assert course.gap_mm[4] == pytest.approx(0.1, abs=0.03)
    assert course.gap_mm[5] == pytest.approx(0.1, abs=0.03)
    assert course.gap_mm[6] == pytest.approx(-0.6, abs=0.03)
    assert contour_figures({"internal": course}, 2.0).touch_share == pytest.approx(3 / 20)


def test_jump_is_told_in_millimetres_and_also_for_the_radius() -> None:
    course = contour_courses(contours(section(9, 2.6, 1.2)), "right")["internal"]
    assert course.jump_mm[9] == pytest.approx(1.2, abs=0.01)
    assert course.jump_mm[8] == pytest.approx(0.6, abs=0.01)
    course = contour_courses(contours(section(9, 1.6)), "right")["internal"]
    assert course.jump_mm[9] == pytest.approx(1.0, abs=0.02)


def test_holes_are_between_outlines_not_at_the_ends() -> None:
    courses = contour_courses(contours(without=(0, 1, 10, 11, 12, 19)), "right")
    assert contour_figures(courses, 2.0).hole_mm == 6.0


def test_a_wall_without_a_lumen_is_told_and_is_doubtful() -> None:
    solid = [replace(section(z), lumen=None) for z in range(12, 20)]
    figures = contour_figures(contour_courses(contours(*solid), "right"), 2.0)
    assert figures.no_lumen_mm == 16.0
    assert figures.slices == 12
    assert figures.score == 30
    assert contour_figures(contour_courses(contours(), "right"), 2.0).no_lumen_mm == 0


def test_without_contours_a_side_has_all_points() -> None:
    figures = contour_figures(contour_courses(contours(), "left"), 2.0)
    assert figures.slices == 0
    assert np.isnan(figures.touch_share)
    assert figures.score == 100


@pytest.mark.parametrize(("inside", "around", "share"), [(50, 400, 0.0), (400, 50, 1.0)])
def test_lumens_have_to_be_dark(inside: int, around: int, share: float) -> None:
    x = (np.arange(GRID.shape[0])[:, None] - CENTER[0]) * 1.5
    y = np.arange(GRID.shape[1])[None, :] - CENTER[1]
    plane = np.where(np.hypot(x, y) < 2.6, inside, around).astype(np.int16)
    scan = np.repeat(plane[..., None], GRID.shape[2], axis=2)
    courses = contour_courses(contours(), "right", scan)
    figures = contour_figures(courses, 2.0)
    assert figures.no_edge_share == share
    assert figures.score == 40 * share
    assert courses["internal"].edge[3] == pytest.approx(
        (around - inside) / (around + inside), abs=0.25
    )
    assert np.isnan(contour_figures(contour_courses(contours(), "right"), 2.0).no_edge_share)


def test_unknown_spread_counts_nothing() -> None:
    unknown = [
        replace(one, lumen=replace(one.lumen, deviation_mm=np.full(32, np.nan)),
                wall=replace(one.wall, deviation_mm=np.full(32, np.nan)))
        for one in contours().right if one.lumen is not None and one.wall is not None
    ]  # fmt: skip
    figures = contour_figures(contour_courses(contours(*unknown), "right"), 2.0)
    assert np.isnan(figures.spread_p90_mm)
    assert figures.score == 0


def test_worse_figures_give_more_points() -> None:
    fine = dict.fromkeys(CONTOUR_PARTS, 0.0)
    for key, part in CONTOUR_PARTS.items():
        middle = (part.fine + part.bad) / 2
        assert contour_points({**fine, key: middle})[key] == pytest.approx(part.weight / 2)
        assert contour_points({**fine, key: 2 * part.bad})[key] == part.weight

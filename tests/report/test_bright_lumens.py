"""What is as bright as wall within a lumen's outline, and how it comes onto the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.report.results import round_contours, straight_centers

from carotid.geometry.grid import Grid
from carotid.report.contour_case import contour_reasons
from carotid.report.contour_figures import contour_courses, contour_figures
from carotid.report.contour_findings import findings
from carotid.report.contour_pictures import make_contour_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Contours

GRID = Grid((60, 60, 20), np.diag([0.75, 0.75, 2.0, 1.0]))
WAY = straight_centers(GRID, 10.0, fork=2.0)
CENTER = WAY[0, 0]
LUMEN_MM, OUTER_MM = 2.6, 4.0
BLOOD, WALL, AROUND = 60.0, 400.0, 180.0


def contours() -> Contours:
    made = round_contours(GRID, {"right": WAY, "left": WAY})
    return replace(made, right=tuple(one for one in made.right if one.label == "internal"), left=())


def distance() -> NDArray[np.float64]:
    x, y = np.ogrid[: GRID.shape[0], : GRID.shape[1]]
    return np.asarray(np.hypot(x - CENTER[0], y - CENTER[1]) * GRID.spacing_mm[0], np.float64)


def scan(blood: float = BLOOD, wall: float = WALL, noise: float = 0.0) -> NDArray[np.float64]:
    """Dark blood in a bright wall, everywhere as it is outlined."""
    away = distance()
    plane = np.where(away < LUMEN_MM, blood, np.where(away < OUTER_MM, wall, AROUND))
    made = np.repeat(plane[..., None], GRID.shape[2], axis=2)
    return made + noise * np.random.default_rng(3).normal(size=made.shape)


def bright_mm(seen: NDArray[np.float64]) -> float:
    return contour_figures(contour_courses(contours(), "right", seen), 2.0).bright_mm


@pytest.mark.parametrize(("noise", "most"), [(0.0, 0.01), (80.0, 0.05), (300.0, 0.2)])
def test_dark_lumens_have_nothing_bright(noise: float, most: float) -> None:
    """Noise that is nearly as strong as the wall is no lesion either."""
    course = contour_courses(contours(), "right", scan(noise=noise))["internal"]
    assert np.nanmax(course.bright) < most
    assert bright_mm(scan()) == 0
    assert np.isnan(contour_courses(contours(), "right")["internal"].bright).all()


def test_a_narrow_place_that_is_not_outlined_is_told_and_is_worth_a_check() -> None:
    seen = scan()
    away = distance()[..., None]
    seen[..., 8:10] = np.where((away > 0.6) & (away < LUMEN_MM), WALL, seen[..., 8:10])
    figures = contour_figures(contour_courses(contours(), "right", seen), 2.0)
    assert figures.bright_mm == 4.0
    assert figures.score >= 15
    made = make_contour_scene(contours(), seen)
    assert made is not None
    told = [one for one in findings(made) if "of the lumen as bright as wall" in one.why]
    assert {one.z for one in told} == {8, 9}
    assert contour_reasons(made)[0] == (
        "right: the lumen holds something bright over 4 mm: a narrow place, a web or slow flow"
    )


def test_a_thin_shelf_is_told() -> None:
    seen = scan()
    y = np.arange(GRID.shape[1])[None, :] - CENTER[1]
    shelf = (distance() < LUMEN_MM) & (y * GRID.spacing_mm[1] < -0.6)
    seen[shelf, 12] = WALL
    assert bright_mm(seen) == 2.0


def test_a_wall_that_is_outlined_too_far_out_is_none() -> None:
    """Half a millimetre of wall within the lumen's outline is an error of outlines, no lesion."""
    seen = scan()
    seen[(distance() > LUMEN_MM - 0.5) & (distance() < LUMEN_MM)] = WALL
    assert bright_mm(seen) == 0


def test_bright_blood_tells_nothing() -> None:
    assert np.isnan(bright_mm(scan(blood=WALL, wall=BLOOD)))
    assert np.isnan(bright_mm(scan(blood=WALL, wall=WALL)))


def test_without_a_scan_nothing_is_known_of_it() -> None:
    assert np.isnan(contour_figures(contour_courses(contours(), "right", None), 2.0).bright_mm)

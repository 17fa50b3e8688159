"""Corrections that cannot be meant for the artery that they name are refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.necks import turned
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of, straight

from carotid.artifacts import Centerlines, Contours
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL
from carotid.stages.correction import Drawn
from carotid.stages.correction_places import (
    Courses,
    check_bifurcation,
    check_outline,
    large_changes,
    moved_along_mm,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

GRIDS = [
    grid_of((0.5, 0.8, 1.0), "LPS"),
    grid_of((0.5, 0.8, 1.0), "RAS"),
    grid_of((0.5, 0.8, 1.0), "PSR", turned(8, -6, 12)),
]
ACROSS_MM = {"left": -14.0, "right": 14.0}


def vessels(side: SideName) -> Any:
    course = straight(15) + np.array([ACROSS_MM[side], 0, 0])
    return {"internal": Vessel.around(course, 3, 4)}


@cache
def drawn_on(number: int) -> tuple[Contours, Centerlines]:
    grid = GRIDS[number]
    left = contours_of(vessels("left"), grid)
    lines = {
        side: centerlines_of(vessels(side), grid, (ACROSS_MM[side], 0.0, 0.0), side)
        for side in ("left", "right")
    }
    contours = Contours(
        left.left, contours_of(vessels("right"), grid, "right").right, left.canonical, left.stored
    )
    return contours, Centerlines(lines["left"].left, lines["right"].right, grid)


def neck(grid: Grid) -> tuple[Contours, Centerlines]:
    return drawn_on(next(k for k, one in enumerate(GRIDS) if one is grid))


@pytest.fixture(params=GRIDS, ids=["LPS", "RAS", "PSR, tilted"])
def grid(request: pytest.FixtureRequest) -> Grid:
    chosen: Grid = request.param
    return chosen


def index(grid: Grid, *point_mm: float) -> NDArray[np.float64]:
    return grid.reoriented(CANONICAL).index_from_world(np.array(point_mm))


def test_bifurcations_near_their_arteries_are_taken(grid: Grid) -> None:
    _, lines = neck(grid)
    check_bifurcation("left", index(grid, -14, 8, 3), lines, grid.reoriented(CANONICAL))
    check_bifurcation("right", index(grid, 8, 0, -10), lines, grid.reoriented(CANONICAL))


@pytest.mark.parametrize(
    ("side", "point", "message"),
    [
        (
            "left",
            (14, 0, 0),
            r"left point lies 27 mm from the left centerlines and \d mm from the r",
        ),
        ("right", (-14, 0, 0), r"right point lies 27 mm from the right centerlines and \d mm from"),
        ("left", (-14, 0, 75), r"the left point lies 5\d mm from the left centerlines .expected"),
        ("left", (-14, 14, 0), r"the left point lies 14 mm from the left centerlines .expected"),
    ],
)
def test_bifurcations_far_away_are_refused(
    side: SideName, point: tuple[float, float, float], message: str, grid: Grid
) -> None:
    _, lines = neck(grid)
    with pytest.raises(InputError, match=message):
        check_bifurcation(side, index(grid, *point), lines, grid.reoriented(CANONICAL))


def test_a_side_without_centerlines_is_not_the_other_one() -> None:
    grid = GRIDS[0]
    _, lines = neck(grid)
    empty = replace(lines, left=centerlines_of({}, grid).left)
    canonical = grid.reoriented(CANONICAL)
    check_bifurcation("left", index(grid, -14, 0, 0), empty, canonical)
    with pytest.raises(InputError, match=r"far from the left centerlines and . mm from the right"):
        check_bifurcation("left", index(grid, 14, 0, 0), empty, canonical)


def test_moves_are_measured_along_the_artery(grid: Grid) -> None:
    _, lines = neck(grid)
    ends = index(grid, -14, 1, 4), index(grid, -14, -2, -9)
    found = moved_along_mm(ends, "left", lines, grid.reoriented(CANONICAL))
    assert found == pytest.approx(-13, abs=1.2)


def ring(grid: Grid, center_mm: tuple[float, float, float], side: SideName, label: Any) -> Drawn:
    turn = 2 * np.pi * np.arange(24) / 24
    middle = index(grid, *center_mm)
    points = middle[:2] + 3 * np.column_stack([np.cos(turn), np.sin(turn)]) / (0.5, 0.8)
    return Drawn(side, label, "lumen", round(middle[2]), points)


def test_outlines_near_their_artery_are_taken(grid: Grid) -> None:
    courses = Courses.of(*neck(grid))
    check_outline(ring(grid, (-14, 7, 2), "left", "internal"), courses)
    check_outline(ring(grid, (-16, 0, 17), "left", "internal"), courses)  # above its end
    check_outline(ring(grid, (-10, 4, 5), "left", "external"), courses)  # not known so far
    only_outlines = Courses.of(neck(grid)[0], None)
    check_outline(ring(grid, (14, 7, 2), "right", "internal"), only_outlines)


@pytest.mark.parametrize(
    ("center", "side", "label", "message"),
    [
        ((14, 0, 2), "left", "internal", r"2[78] mm from that artery and \d mm from the right int"),
        ((-14, 15, 2), "left", "internal", r"lies 1[45] mm from that artery .expected its center"),
        ((14, 0, 2), "left", "external", r"lies \d mm from the right internal carotid"),
    ],
)
def test_outlines_far_away_are_refused(
    center: tuple[float, float, float], side: SideName, label: Any, message: str, grid: Grid
) -> None:
    with pytest.raises(InputError, match=message):
        check_outline(ring(grid, center, side, label), Courses.of(*neck(grid)))


@pytest.mark.parametrize("clockwise", [False, True])
def test_outlines_that_cross_themselves_are_refused_and_a_trembling_hand_is_not(
    clockwise: bool,
) -> None:
    courses = Courses.of(*neck(GRIDS[0]))
    one = ring(GRIDS[0], (-14, 0, 2), "left", "internal")
    points = one.points[::-1] if clockwise else one.points
    trembling = points[[*range(5), 6, 5, *range(7, 24)]]
    check_outline(replace(one, points=trembling), courses)
    for eight in (points[[*range(12), *range(23, 11, -1)]], points[[*range(24), *range(1, 24)]]):
        with pytest.raises(InputError, match=r"left internal lumen in slice .* crosses itself"):
            check_outline(replace(one, points=eight), courses)


def test_outlines_that_go_far_are_told() -> None:
    contours, _ = neck(GRIDS[0])
    one = ring(GRIDS[0], (-14, 0, 2), "left", "internal")
    middle = one.points.mean(axis=0)
    astray = one.points.copy()
    astray[3] = middle + 3.5 * (astray[3] - middle)  # one point that a hand has dragged along
    ((which, away),) = large_changes(contours, [one, replace(one, points=astray)])
    assert which.points is astray
    assert away == pytest.approx(7.5, abs=0.6)
    assert not large_changes(contours, [replace(one, points=astray, label="external")])

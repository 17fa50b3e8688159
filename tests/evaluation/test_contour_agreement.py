"""Overlap and distances of outlines that are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.evaluation.contour_agreement import (
    distances,
    lumen_dice,
    outline_agreement,
    point_distances,
    wall_dice,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

SQUARE = np.array([(0, 0), (4, 0), (4, 4), (0, 4)], np.float64)
ONE = np.ones(2)


def circle(
    radius: float, x: float = 0, y: float = 0, points: int = 400, turn: float = 0
) -> NDArray[np.float64]:
    t = 2 * np.pi * (np.arange(points) + turn) / points
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], axis=1)


def moved(outline: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    return np.asarray(outline + np.array([x, y]), np.float64)


def test_dice_of_squares() -> None:
    assert lumen_dice(SQUARE, SQUARE) == 1
    assert lumen_dice(SQUARE, moved(SQUARE, 2, 0)) == pytest.approx(0.5)
    assert lumen_dice(SQUARE, moved(SQUARE, 9, 0)) == 0
    assert lumen_dice(SQUARE, moved(SQUARE[::-1], 2, 0)) == pytest.approx(0.5)


def test_dice_of_walls_is_that_of_rings() -> None:
    big, small = SQUARE * 2 - 2, SQUARE
    assert wall_dice(small, big, small, big) == 1
    assert wall_dice(small, big, small * 0.5 + 1, big) == pytest.approx(2 * 48 / (48 + 60))


def test_a_lumen_beyond_its_wall_takes_nothing_away_outside() -> None:
    shifted = moved(SQUARE, 2, 0)
    assert wall_dice(shifted, SQUARE, shifted, SQUARE) == 1
    left_half = np.array([(0, 0), (2, 0), (2, 4), (0, 4)], np.float64)
    nothing = SQUARE[:1].repeat(3, axis=0)
    assert wall_dice(shifted, SQUARE, nothing, left_half) == pytest.approx(1)


def test_nothing_against_nothing_is_unknown() -> None:
    line = np.array([(0, 0), (1, 1), (2, 2)], np.float64)
    assert math.isnan(lumen_dice(line, line))
    assert math.isnan(wall_dice(SQUARE, SQUARE, SQUARE, SQUARE))


def test_a_circle_turned_by_half_a_step_is_close_to_itself() -> None:
    one, other = circle(5, points=31), circle(5, points=31, turn=0.5)
    found = point_distances(one, other, ONE)
    assert found.to_points_voxels == pytest.approx(0.507, abs=0.001)
    assert found.mm == pytest.approx(5 * (1 - np.cos(np.pi / 31)), abs=1e-9)


def test_distances_are_in_mm_with_x_and_y_apart() -> None:
    found = point_distances(SQUARE, moved(SQUARE, 1, 0), np.array([0.5, 2.0]))
    np.testing.assert_allclose(found.to_points_voxels, [1, 1, 1, 1])
    np.testing.assert_allclose(found.mm, [0.5, 0, 0, 0.5])
    up = point_distances(SQUARE, moved(SQUARE, 0, 1), np.array([0.5, 2.0]))
    np.testing.assert_allclose(up.mm, [2, 2, 0, 0])


def test_circles_inside_each_other() -> None:
    found = outline_agreement(circle(3), circle(4))
    assert found.area_1_mm2 == pytest.approx(9 * np.pi, rel=1e-3)
    assert found.area_2_mm2 == pytest.approx(16 * np.pi, rel=1e-3)
    assert found.mean_surface_distance_mm == pytest.approx(1, abs=1e-3)
    assert found.hausdorff_mm == pytest.approx(1, abs=1e-3)


def test_the_mean_is_over_both_outlines_by_length() -> None:
    long, short = SQUARE * [10, 1], SQUARE
    found = outline_agreement(long, short)
    # 36 of the long one's 88 mm lie beyond: two runs of 36 from 0 to 36 away, one of 4 at 36.
    beyond = 2 * 36 * 18 + 4 * 36
    inner = 2 * (2 * 2 / 2)  # the short one's right side lies inside, up to 2 from the long one
    mean = (beyond + inner) / (88 + 16)
    assert found.mean_surface_distance_mm == pytest.approx(mean, rel=0.01)
    assert found.hausdorff_mm == pytest.approx(36, abs=1e-6)
    turned = outline_agreement(short, long)
    assert turned.mean_surface_distance_mm == pytest.approx(found.mean_surface_distance_mm)
    assert turned.hausdorff_mm == found.hausdorff_mm


def test_the_hausdorff_distance_reaches_every_point() -> None:
    spike = np.array([(0, 0), (4, 0), (4, 4), (2.001, 4), (2, 9), (1.999, 4), (0, 4)], np.float64)
    assert outline_agreement(spike, SQUARE).hausdorff_mm == pytest.approx(5)


def test_many_points_are_worked_on_part_by_part() -> None:
    points = np.random.default_rng(0).uniform(-9, 9, (3000, 2))
    outline = circle(4, points=1000)
    assert distances(points, outline) == pytest.approx(abs(np.hypot(*points.T) - 4), abs=1e-3)

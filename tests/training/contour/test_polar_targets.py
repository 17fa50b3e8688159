from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.polar import Rays
from carotid.training.contour.polar_targets import compatible_targets, crossings, exact_targets

RAYS = Rays()
PER_VOXEL = 127 / 100


def _circle(radius: float, points: int = 400) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack([np.cos(turn), np.sin(turn)]) * radius


def test_exact_targets_of_circles() -> None:
    target = exact_targets(_circle(8.0), _circle(11.0), np.zeros(2), RAYS)
    np.testing.assert_allclose(target[0], 8 * PER_VOXEL, atol=2e-3)
    np.testing.assert_allclose(target[1], 3 * PER_VOXEL, atol=2e-3)


def test_outputs_stand_for_the_far_half_of_their_ray() -> None:
    """Output j is at angle −π + 2πj/n: the center lies nearer to the wall on its own side."""
    target = exact_targets(_circle(8.0), _circle(11.0), np.array([2.0, 0.0]), RAYS)
    assert target[0, 0] == pytest.approx(10 * PER_VOXEL, abs=2e-3)
    assert target[0].min() == pytest.approx(6 * PER_VOXEL, abs=0.1)


def test_the_known_tool_lacks_half_a_sample() -> None:
    exact = exact_targets(_circle(8.0), _circle(11.0), np.zeros(2), RAYS)
    known = compatible_targets(_circle(8.0), _circle(11.0), np.zeros(2), RAYS, 100)
    np.testing.assert_allclose(exact[0] - known[0], 0.5, atol=0.03)
    np.testing.assert_allclose(exact[1] - known[1], 0.0, atol=0.03)


def test_compatible_targets_are_the_closest_pair_of_all() -> None:
    rng = np.random.default_rng(2)
    lumen, wall = _circle(6.0, 17) + rng.normal(0, 0.4, (17, 2)), _circle(9.0, 23)
    center = np.array([0.7, -0.4])
    rays = Rays(n_angles=7, polar_ray=31, cartesian_ray=40.0)
    count = 10 * 31
    along = -20 + np.arange(count // 2) * 40 / (count - 1)
    expected = np.empty((2, 7))
    for j, turn in enumerate(2 * np.pi * np.arange(7) / 7):
        points = along[:, None] * [np.cos(turn), np.sin(turn)] + center
        first = []
        for outline in (lumen, wall):
            gap = np.linalg.norm(points[:, None] - outline, axis=2)
            first.append(int(gap.argmin()) // len(outline))
        expected[:, j] = 15 - first[0] / 10, (first[0] - first[1]) / 10
    found = compatible_targets(lumen, wall, center, rays, 10)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_of_several_crossings_the_nearest_of_the_lumen_and_the_farthest_of_the_wall() -> None:
    star = np.array([[5.0, -0.5], [5.0, 0.5], [-1.0, 6.0], [2.0, 0.2], [-1.0, -6.0]])
    hits = crossings(star, np.array([[1.0, 0.0]]))
    assert np.isfinite(hits).sum() >= 1
    target = exact_targets(star, star * 2, np.zeros(2), Rays(n_angles=31))
    assert (target >= 0).all() or np.isnan(target).any()


def test_a_vertex_on_a_ray_counts_once() -> None:
    square = np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])
    hits = crossings(square, np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(np.isfinite(hits).sum(axis=1), [1, 1])
    np.testing.assert_allclose(np.nanmax(hits, axis=1), 2.0)


def test_a_ray_that_meets_nothing_is_nan() -> None:
    hits = crossings(_circle(1.0) + np.array([5.0, 0.0]), np.array([[-1.0, 0.0]]))
    assert np.isnan(hits).all()

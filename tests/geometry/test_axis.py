from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.axis import Axis


def helix(heights: np.ndarray) -> np.ndarray:
    return np.column_stack([4 * np.sin(heights / 9), 4 * np.cos(heights / 9), heights])


def test_a_straight_oblique_course_has_its_exact_length_and_direction() -> None:
    heights = np.arange(0, 40, 0.8)
    axis = Axis.through(np.column_stack([0.5 * heights, -0.25 * heights, heights]), 2)
    factor = np.sqrt(1 + 0.25 + 0.0625)
    asked = np.array([-5.0, 0.0, 12.3, 39.2, 60.0])
    np.testing.assert_allclose(axis.s_at(asked), factor * asked, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(axis.heights_at(axis.s_at(asked)), asked, atol=1e-6)
    np.testing.assert_allclose(axis.tangents(asked), [[0.5, -0.25, 1] / factor] * 5, atol=1e-4)
    np.testing.assert_allclose(axis.at(asked)[:, 0], 0.5 * asked, atol=2e-3)


def test_a_curved_course_is_followed_through_noise_of_half_a_voxel() -> None:
    heights = np.arange(0, 60, 0.35)
    true = helix(heights)
    noisy = true.copy()
    noisy[:, :2] = np.rint(true[:, :2] / 0.35) * 0.35
    axis = Axis.through(noisy, 2)
    inner = heights[(heights > 3) & (heights < 57)]
    gap = np.linalg.norm(axis.at(inner) - helix(inner), axis=1)
    assert gap.max() < 0.15
    slope = np.column_stack([4 / 9 * np.cos(inner / 9), -4 / 9 * np.sin(inner / 9)])
    along = np.column_stack([slope, np.ones(len(inner))])
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    turn = np.rad2deg(np.arccos(np.clip((axis.tangents(inner) * along).sum(axis=1), -1, 1)))
    assert turn.max() < 3
    rate = np.sqrt(1 + (4 / 9) ** 2)
    assert axis.s_at(50.0) - axis.s_at(10.0) == pytest.approx(40 * rate, rel=0.01)


def test_gaps_and_single_points_are_bridged() -> None:
    axis = Axis.through(np.array([[1.0, 2, 0], [1, 2, 1], [6, 2, 21], [6, 2, 22]]), 1)
    assert axis.at(np.array([11.0]))[0, 0] == pytest.approx(3.5, abs=1.5)
    assert np.isfinite(axis.points_mm).all()
    alone = Axis.through(np.array([[7.0, 8, 9]]), 2)
    np.testing.assert_allclose(alone.at(np.array([5.0, 9.0])), [[7, 8, 5], [7, 8, 9]])
    np.testing.assert_allclose(alone.s_at(np.array([5.0, 9.0])), [-4, 0])
    np.testing.assert_allclose(alone.tangents(np.array([9.0])), [[0, 0, 1]])

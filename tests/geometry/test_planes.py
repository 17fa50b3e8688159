from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.planes import Planes, carried_along


def _helix(turns: float = 1.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    t = np.linspace(0, 2 * np.pi * turns, 400)
    return np.column_stack([6 * np.cos(t), 6 * np.sin(t), 4 * t])


def test_planes_lie_at_even_arc_lengths_across_the_curve() -> None:
    planes = Planes.across(_helix(), 1.0, tangent_reach_mm=0.5)
    np.testing.assert_allclose(np.diff(planes.along_mm), 1.0)
    gaps = np.linalg.norm(np.diff(planes.centers, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 1.0, atol=0.01)
    inner = slice(2, -2)
    t = planes.centers[inner, 2] / 4
    true = np.column_stack([-6 * np.sin(t), 6 * np.cos(t), np.full(len(t), 4.0)]) / np.hypot(6, 4)
    np.testing.assert_allclose(planes.tangents[inner], true, atol=0.02)


def test_frames_are_right_angled_and_of_unit_length() -> None:
    planes = Planes.across(_helix(2), 0.7)
    frame = np.stack([planes.first, planes.second, planes.tangents], axis=1)
    identity = np.broadcast_to(np.eye(3), frame.shape)
    np.testing.assert_allclose(frame @ frame.transpose(0, 2, 1), identity, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(frame), 1.0)


def test_frames_do_not_twist() -> None:
    """Each ray 0 is the one before, but for the turn of the tangent: no turn about the tangent."""
    planes = Planes.across(_helix(), 0.5)
    for k in range(len(planes) - 1):
        across = (
            planes.first[k] - (planes.first[k] @ planes.tangents[k + 1]) * planes.tangents[k + 1]
        )
        assert planes.first[k + 1] @ across / np.linalg.norm(across) == pytest.approx(1)


def test_ray_0_points_to_the_right_of_an_upright_artery() -> None:
    planes = Planes.across(np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 20.0]]), 1.0)
    np.testing.assert_allclose(planes.first, np.tile([1.0, 0, 0], (21, 1)), atol=1e-12)
    rays = planes.directions(4)[5]
    expected = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]
    np.testing.assert_allclose(rays, expected, atol=1e-12)


def test_a_turn_by_a_right_angle_leaves_frames() -> None:
    tangents = np.array([[0.0, 0, 1], [1.0, 0, 0], [0.0, 1, 0]])
    across = carried_along(tangents)
    np.testing.assert_allclose((across * tangents).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 1)


def test_part_keeps_planes_as_they_are() -> None:
    planes = Planes.across(_helix(), 1.0)
    part = planes.part(slice(5, 9))
    assert len(part) == 4
    np.testing.assert_array_equal(part.centers, planes.centers[5:9])
    np.testing.assert_array_equal(part.directions(8), planes.directions(8)[5:9])

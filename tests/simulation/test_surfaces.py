from __future__ import annotations

import numpy as np
import pytest

from carotid.simulation.canvas import Canvas, tube_distance
from carotid.simulation.surfaces import Chain, exit_radii, union


def _wavy(n: int = 40) -> Chain:
    s = np.linspace(0, 60, n)
    points = np.column_stack([s, 4 * np.sin(s / 9), 3 * np.cos(s / 13)])
    return Chain(points, 2.5 + 0.8 * np.sin(s / 5))


def test_a_chain_says_what_the_canvas_paints() -> None:
    chain = _wavy()
    canvas = Canvas(np.zeros((50, 24, 26), np.float32), (4.0, -8.0, -9.0), (0.7, 0.7, 0.7), 0.5)
    found = tube_distance(canvas, chain.points, chain.radius, 6.0)
    assert found is not None
    box, painted = found
    s, p, lateral = np.broadcast_arrays(*canvas.grid_mm(box))
    asked = [
        chain(np.stack([s[k], p[k], lateral[k]], axis=-1).reshape(-1, 3).astype(np.float64))
        for k in range(len(s))
    ]
    expected = np.minimum(np.concatenate(asked), 6.0).reshape(painted.shape)
    np.testing.assert_allclose(painted, expected, atol=1e-4)


def test_far_segments_that_are_left_out_change_nothing() -> None:
    rng = np.random.default_rng(0)
    chain = _wavy(200)
    around = rng.normal(0, 5, (30, 3)) + np.array([30, 0, 0])
    alone = np.concatenate([chain(one[None]) for one in around])
    np.testing.assert_allclose(chain(around), alone, atol=1e-9)


def test_rays_leave_a_sphere_where_they_should() -> None:
    ball = Chain(np.array([[0.0, 0, 0], [0.0, 0, 0]]), np.array([3.0, 3.0]))
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rays = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(24)])
    off = np.array([1.2, 0.0, 0.0])
    expected = -1.2 * np.cos(turn) + np.sqrt(9 - (1.2 * np.sin(turn)) ** 2)
    np.testing.assert_allclose(exit_radii(ball, off, rays, 9.0), expected, atol=2e-3)


@pytest.mark.parametrize(("center", "reach"), [([4.0, 0, 0], 9.0), ([0.0, 0, 0], 2.0)])
def test_no_radius_from_outside_or_beyond_reach(center: list[float], reach: float) -> None:
    ball = Chain(np.zeros((2, 3)), np.array([3.0, 3.0]))
    rays = np.eye(3)
    assert np.isnan(exit_radii(ball, np.array(center), rays, reach)).all()


def test_a_union_is_left_at_its_far_side() -> None:
    one = Chain(np.zeros((2, 3)), np.array([2.0, 2.0]))
    other = Chain(np.full((2, 3), [3.0, 0, 0]), np.array([2.0, 2.0]))
    rays = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    radii = exit_radii(union((one, other)), np.zeros(3), rays, 9.0)
    np.testing.assert_allclose(radii, [5.0, 2.0], atol=2e-3)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.simulation.canvas import (
    Canvas,
    ellipsoid_distance,
    separable,
    smooth_noise,
    tube_distance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def canvas() -> Canvas:
    image = np.zeros((30, 24, 26), dtype=np.float32)
    return Canvas(image, (-3.0, 2.0, -8.0), (0.7, 0.8, 0.6), 0.7)


def _positions(canvas: Canvas) -> NDArray[np.float64]:
    axes = [canvas.axis_mm(k).astype(np.float64) for k in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def test_a_bent_tapering_tube_against_brute_force(canvas: Canvas) -> None:
    points = np.array([[0.0, 8.0, -2.0], [6.0, 10.0, 0.0], [9.0, 16.0, 3.0]])
    radius = np.array([3.0, 2.0, 1.0])
    reach = 2.0
    found = tube_distance(canvas, points, radius, reach)
    assert found is not None
    box, distance = found
    x = _positions(canvas)
    fine = np.linspace(0, 2, 801)
    centers = np.stack([np.interp(fine, [0, 1, 2], points[:, k]) for k in range(3)], axis=1)
    radii = np.interp(fine, [0, 1, 2], radius)
    spheres = np.full(x.shape[:3], np.inf)
    for center, r in zip(centers, radii, strict=True):
        np.minimum(spheres, np.linalg.norm(x - center, axis=-1) - r, out=spheres)
    whole = np.full(x.shape[:3], reach, dtype=np.float32)
    whole[box] = distance
    near = spheres < reach - 0.1
    # A cone with rounded ends is not quite the hull of its spheres: the taper's tilt is left out.
    assert np.abs(whole - spheres)[near].max() < 0.15
    assert (whole[~near] > reach - 0.3).all()
    assert near.any()


def test_what_lies_outside_of_the_canvas_is_nothing(canvas: Canvas) -> None:
    far = np.array([[500.0, 0.0, 0.0], [510.0, 0.0, 0.0]])
    assert tube_distance(canvas, far, np.ones(2), 1.0) is None
    assert ellipsoid_distance(canvas, (500.0, 0.0, 0.0), (5.0, 5.0, 5.0)) is None


def test_a_sphere_is_an_ellipsoid(canvas: Canvas) -> None:
    found = ellipsoid_distance(canvas, (6.0, 10.0, 0.0), (3.0, 3.0, 3.0), turn=0.4)
    assert found is not None
    box, distance = found
    exact = np.linalg.norm(_positions(canvas)[box] - [6.0, 10.0, 0.0], axis=-1) - 3
    np.testing.assert_allclose(distance, exact, atol=1e-4)
    assert distance.dtype == np.float32


def test_a_turned_ellipsoid_is_long_along_the_turned_axis(canvas: Canvas) -> None:
    found = ellipsoid_distance(canvas, (6.0, 10.0, 0.0), (3.0, 1.0, 5.0), turn=np.pi / 2)
    assert found is not None
    inside = _positions(canvas)[found[0]][found[1] < 0]
    extent = np.ptp(inside, axis=0)
    assert extent[1] > 8
    assert extent[2] < 2.5


def test_edges_take_a_voxel_and_paint_replaces_shares(canvas: Canvas) -> None:
    share = canvas.edge(np.array([-9.0, -0.175, 0.0, 0.175, 9.0], dtype=np.float32))
    np.testing.assert_allclose(share, [1, 0.75, 0.5, 0.25, 0], atol=1e-6)
    box = (slice(0, 1), slice(0, 1), slice(0, 5))
    canvas.image[...] = 2
    canvas.paint(box, share[None, None, :], 4.0)
    np.testing.assert_allclose(canvas.image[0, 0, :5], [4, 3.5, 3, 2.5, 2], atol=1e-6)
    assert (canvas.image[1:] == 2).all()


def test_separable_is_a_product_along_each_axis() -> None:
    rng = np.random.default_rng(3)
    array = rng.normal(size=(3, 4, 5)).astype(np.float32)
    a, b, c = (rng.normal(size=(m, n)).astype(np.float32) for m, n in ((6, 3), (2, 4), (7, 5)))
    expected = np.einsum("xi,yj,zk,ijk->xyz", a, b, c, array)
    np.testing.assert_allclose(separable(array, (a, b, c)), expected, atol=1e-4)


def test_noise_has_its_scale_and_spread() -> None:
    axis = np.arange(0, 60, 0.8, dtype=np.float32)
    noise = smooth_noise(np.random.default_rng(1), (axis, axis, axis), (4.0, 4.0, 12.0))
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1.0, abs=0.2)
    steps = [float(np.diff(noise, axis=k).std()) for k in range(3)]
    assert steps[2] < 0.5 * steps[0]
    assert steps[0] < 0.5

"""Rays and samples: where they lie, in every stored order, and what happens at borders."""

from __future__ import annotations

import numpy as np
import pytest
from tests.necks import ORDERS, SHAPE, affine_of, neck, stored, turned

from carotid.geometry import polar
from carotid.geometry.grid import Grid
from carotid.geometry.intensity import IntensityRange
from carotid.geometry.polar import (
    PolarSampler,
    Rays,
    repeated_rows,
    with_repeated_rows,
    without_repeated_rows,
)
from carotid.geometry.volume import Volume

RAYS = Rays(n_angles=8, polar_ray=9, cartesian_ray=8, length=3)
CENTER = np.array([[18.0, 10.0, 12.0], [17.4, 9.2, 13.0]])
EAST, NORTH = 0, 2
"""Rays that point to +x and to +y."""


def linear(order: str = "RAS", tilt: bool = False) -> Volume:
    """A volume whose value is x + 100 y + 10000 z of the canonical index."""
    x, y, z = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    turn = turned(9, -14, 6) if tilt else None
    array, affine = stored(x + 100.0 * y + 10_000.0 * z, affine_of(turn), order)
    return Volume(array, Grid(array.shape, affine))


def test_default_radii_are_those_of_the_known_tool() -> None:
    radii = Rays().radii
    assert radii.dtype == np.float32
    assert radii[[0, 126]].tolist() == [-50, 50]
    assert radii[63] == pytest.approx(-7.7e-7, rel=0.02)


def test_angles_go_once_around() -> None:
    angles = Rays().angles
    np.testing.assert_allclose(angles, 2 * np.pi * np.arange(31) / 31, atol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_rays_run_to_the_right_and_to_the_front_in_every_order(order: str) -> None:
    images = PolarSampler(linear(order, tilt=True), None, RAYS).images(CENTER)
    for (x, y, z), image in zip(CENTER, images, strict=True):
        middle = 10_000 * z + 100 * y + x
        steps = np.arange(-4, 5)
        np.testing.assert_allclose(image[1, EAST], middle + steps, atol=0.02)
        np.testing.assert_allclose(image[1, NORTH], middle + 100 * steps, atol=0.02)
        np.testing.assert_allclose(image[2] - image[1], 10_000, atol=0.04)


def test_images_do_not_depend_on_what_is_drawn_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume(neck(), Grid(SHAPE, affine_of()))
    centers = np.random.default_rng(0).uniform(0, 20, (12, 3))
    for sampling in ("linear", "compatible"):
        sampler = PolarSampler(volume, IntensityRange(20, 90), RAYS, sampling)
        together = sampler.images(centers)
        with monkeypatch.context() as patch:
            patch.setattr(polar, "MAX_CROP_BYTES", 5000)
            np.testing.assert_array_equal(sampler.images(centers), together)
        alone = np.concatenate([sampler.images(one[None]) for one in centers])
        np.testing.assert_array_equal(alone, together)


def test_no_centers_no_images() -> None:
    assert PolarSampler(linear(), None, RAYS).images(np.zeros((0, 3))).shape == (0, 3, 8, 9)


def test_beyond_the_border_linear_takes_the_border_and_compatible_makes_values_up() -> None:
    center = np.array([[1.0, 10.0, 0.0]])
    inside = PolarSampler(linear(), None, RAYS, "linear").images(center)[0]
    assert inside[1, EAST, 0] == inside[1, EAST, 3]  # x = −3 and x = 0
    np.testing.assert_array_equal(inside[0], inside[1])  # z = −1 and z = 0
    made_up = PolarSampler(linear(), None, RAYS, "compatible").images(center)[0]
    # At (1, 10, −1): z's share of −1 goes to x, so one voxel to the left of 1.
    assert made_up[0, EAST, 4] == pytest.approx(1000)
    # At (−3, 10, 0): x's share of −3 goes to z, three slices down.
    assert made_up[1, EAST, 0] == pytest.approx(1000 - 30_000)


def test_compatible_mixes_up_the_shares_of_x_and_z() -> None:
    center = np.array([[10.5, 10.0, 8.0]])
    found = PolarSampler(linear(), None, RAYS, "compatible").images(center)[0, 1, EAST, 4]
    assert found == pytest.approx(10 + 1000 + 85_000, abs=0.1)


def test_intensities_are_cut_before_they_are_interpolated() -> None:
    array = np.zeros((9, 9, 3), np.int16)
    array[5:] = 1000
    volume = Volume(array, Grid((9, 9, 3), np.eye(4)))
    rays = Rays(n_angles=4, polar_ray=3, cartesian_ray=2, length=1)
    found = PolarSampler(volume, IntensityRange(0, 100), rays).images(np.array([[4.25, 4.0, 1.0]]))
    assert found[0, 0, 0, 1] == pytest.approx(0.25)


@pytest.mark.parametrize("n_angles", [3, 4, 24, 31])
def test_repeated_rows_go_and_come_back(n_angles: int) -> None:
    unique = np.random.default_rng(0).random((2, 3, n_angles, 5), np.float32)
    complete = with_repeated_rows(unique)
    assert complete.shape[-2] == 2 * n_angles - 1
    np.testing.assert_array_equal(without_repeated_rows(complete), unique)


def test_rows_of_31_angles_are_as_specified() -> None:
    rows = repeated_rows(31)
    assert rows[:15].tolist() == list(range(16, 31))
    assert rows[15:46].tolist() == list(range(31))
    assert rows[46:].tolist() == list(range(15))

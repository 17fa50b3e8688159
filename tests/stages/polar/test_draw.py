"""Which images are drawn, and which centerlines are refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from pydantic import ValidationError
from tests.necks import SHAPE, affine_of, neck

from carotid.artifacts import Centerline, Centerlines, Scan, SideCenterlines
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.polar import PolarSampler
from carotid.geometry.volume import Volume
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters

GRID = Grid(SHAPE, affine_of())
VOLUME = Volume(neck(), GRID)
SCAN = Scan(VOLUME, None)
SMALL = PolarParameters(n_angles=4, polar_ray=5, cartesian_ray=6, length=3)


def lines(*points: tuple[float, float, float], grid: Grid | None = GRID) -> Centerlines:
    """Points of the left internal artery and nothing else."""
    none = Centerline.of_points(np.zeros((0, 3)))
    internal = Centerline.of_points(np.array(points, np.float64).reshape(-1, 3))
    return Centerlines(SideCenterlines(internal, none), SideCenterlines(none, none), grid)


def test_nine_centers_come_in_the_order_of_the_known_tool() -> None:
    parameters = SMALL.model_copy(update={"multiple_centers": True})
    (block,) = draw_polar_images(SCAN, lines((10, 9, 5)), parameters).blocks("left")
    shifts = block.centers[0] - [10, 9, 5]
    assert shifts[:, 2].tolist() == [0] * 9
    assert shifts[:, :2].tolist() == [
        [0, 0], [0, -1], [0, 1], [-1, 0], [-1, -1], [-1, 1], [1, 0], [1, -1], [1, 1],
    ]  # fmt: skip
    alone = PolarSampler(VOLUME, None, SMALL.rays).images(block.centers[0])
    np.testing.assert_array_equal(block.images[0], alone)


def test_a_side_without_centers_has_no_blocks() -> None:
    assert not list(draw_polar_images(SCAN, lines(), SMALL).blocks("right"))


def test_many_slices_come_in_blocks() -> None:
    points = [(10.0, 9.0, float(z)) for z in range(SHAPE[2])]
    tall = Volume(np.tile(neck(), (1, 1, 4)), Grid((*SHAPE[:2], SHAPE[2] * 4), affine_of()))
    points = [(10.0, 9.0, float(z)) for z in range(SHAPE[2] * 4)]
    blocks = list(
        draw_polar_images(Scan(tall, None), lines(*points, grid=None), SMALL).blocks("left")
    )
    assert [len(block.labels) for block in blocks] == [36, 36, 32]
    heights = np.concatenate([block.centers[:, 0, 2] for block in blocks])
    np.testing.assert_array_equal(heights, np.arange(104))


@pytest.mark.parametrize("point", [(-0.1, 5, 5), (5, 20.5, 5), (5, 5, 26)])
def test_a_center_outside_of_the_scan_is_refused(point: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="left internal artery lies outside"):
        draw_polar_images(SCAN, lines(point), SMALL)


def test_two_centers_in_one_slice_are_refused() -> None:
    with pytest.raises(InputError, match="two centers of the left internal"):
        draw_polar_images(SCAN, lines((5, 5, 5.1), (6, 5, 5.9)), SMALL)


def test_centerlines_of_another_scan_are_refused() -> None:
    other = Grid(SHAPE, affine_of() + np.eye(4, k=3) * 9)
    with pytest.raises(InputError, match="another grid"):
        draw_polar_images(SCAN, lines((5, 5, 5), grid=other), SMALL)


def test_unequal_spacing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    images = draw_polar_images(SCAN, lines((5, 5, 5)), SMALL)
    assert not caplog.text, "networks that look at the scan itself never ask for an image"
    list(images.blocks("left"))
    assert "0.800 x 0.900 mm" in caplog.text


def test_images_beyond_the_scan_are_told_where_values_are_made_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    points = lines((2, 9, 5), (10, 9, 6), (10, 9, 25))
    list(draw_polar_images(SCAN, points, SMALL).blocks("left"))
    assert "extrapolates" not in caplog.text
    compatible = SMALL.model_copy(update={"sampling": "compatible"})
    list(draw_polar_images(SCAN, points, compatible).blocks("left"))
    assert "left internal: 2 of 3 polar images" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("length", 4), ("length", 0), ("n_angles", 2), ("polar_ray", 2), ("cartesian_ray", 0),
        ("cartesian_ray", float("nan")), ("cartesian_ray", True), ("sampling", "cubic"),
        ("multiple_centers", 1), ("n_angles", 31.0), ("rays", 3), ("polar_ray", 1 << 40),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        PolarParameters.model_validate({key: value})


def test_defaults_are_those_of_the_known_tool() -> None:
    rays = PolarParameters().rays
    assert (rays.n_angles, rays.polar_ray, rays.cartesian_ray, rays.length) == (31, 127, 100, 7)
    assert PolarParameters().sampling == "linear"

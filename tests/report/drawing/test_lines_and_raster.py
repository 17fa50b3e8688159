"""Outlines against circles, marks against their points, images against their numbers."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from carotid.report.anatomy import curved_slab, followed, regular_heights, section_box, straightened
from carotid.report.drawing import lines, raster
from carotid.report.drawing.charts import Quantity, chart


def points_of(data: str) -> np.ndarray:
    """Points of path data made of one M and relative l steps."""
    start, steps = data.removesuffix("z").removeprefix("M").split("l")
    first = np.array(start.split(), float)
    rest = np.array(steps.split(), float).reshape(-1, 2)
    return np.concatenate([[first], first + np.cumsum(rest, axis=0)])


def test_outline_of_a_round_hill_is_a_circle() -> None:
    row_mm, column_mm = 1.5, 0.5
    y = (np.arange(40)[:, None] + 0.5) * row_mm
    x = (np.arange(120)[None, :] + 0.5) * column_mm
    hill = 20 - np.hypot(x - 30, y - 25)
    data = lines.outlines(hill, 8.0, row_mm, column_mm, 0.2)
    assert data.count("M") == 1
    radius = np.hypot(*(points_of(data) - (30, 25)).T)
    np.testing.assert_allclose(radius, 12.0, atol=0.2)


def test_outline_closes_at_the_border() -> None:
    data = lines.outlines(np.full((6, 6), 9.0), 5.0, 1.0, 1.0, 0.0)
    assert data.endswith("z")
    assert lines.outlines(np.zeros((6, 6)), 5.0, 1.0, 1.0, 0.0) == ""
    assert lines.outlines(np.full((1, 9), 9.0), 5.0, 1.0, 1.0, 0.0) == ""


def test_polyline_breaks_where_nothing_is_known() -> None:
    points = np.array([[0, 0], [1, 1], [np.nan, 2], [3, 3.25], [-0.04, 4]])
    assert lines.polyline(points) == "M0 0L1 1M3 3.2L0 4"


def test_marks_lie_around_their_points() -> None:
    start = re.match(r"M([\d.]+) ([\d.]+)", lines.circles([(5, 6)], 1.0))
    assert start is not None
    assert (float(start[1]), float(start[2])) == (4.0, 6.0)
    assert lines.crosses([(5, 6)], 1.0) == "M4 6h2M5 5v2"
    assert lines.triangles([], 1.0) == ""


def test_same_numbers_make_the_same_bytes_and_the_right_colors() -> None:
    grey = np.zeros((32, 32), np.float32)
    internal, external = grey.copy(), grey.copy()
    internal[:, :20] = external[:, 12:] = 1.0
    first = raster.color_image(grey, internal, external)
    assert first == raster.color_image(grey, internal, external)
    data = base64.b64decode(first.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    red, yellow, green = pixels[16, 4], pixels[16, 16], pixels[16, 28]
    assert red[0] > 150 > 80 > red[1]
    assert green[1] > 150 > 80 > green[0]
    assert min(yellow[:2]) > 150 > 80 > yellow[2]


def test_window_keeps_noise_dark_and_constants_black() -> None:
    noise = np.linspace(0, 10, 100).reshape(10, 10)
    assert raster.window(noise).max() == 1
    assert raster.window(noise, least=100.0).max() < 0.12
    assert not raster.window(np.full((3, 3), 7.0)).any()


def test_frame_is_in_true_proportion_and_bounded() -> None:
    frame = raster.Frame.of(100, 40, 2.0, 0.5, 2.0)
    assert (frame.width_mm, frame.height_mm) == (20.0, 200.0)
    assert frame.height_px / frame.width_px == pytest.approx(10, rel=0.02)
    large = raster.Frame.of(5000, 10, 1.0, 1.0, 2.0)
    assert large.height_px == raster.MAX_PIXELS
    assert large.width_px == 1


def test_way_is_followed_where_known() -> None:
    position = np.array([5.0, 99, 5, 5, 5, 9, 9, 9])
    known = np.array([True, False, True, True, True, True, True, True])
    way = followed(position, known, 100, 6.0)
    assert way[0] == way[1] == 5
    assert way[-1] == 9
    assert (followed(position, np.zeros(8, bool), 11, 1.0) == 5).all()


def test_slab_and_strip_follow_their_way() -> None:
    scan = np.zeros((40, 30, 3), np.int16)
    scan[10, 5, 0] = scan[20, 15, 1] = 900
    slab = curved_slab(scan, 1, np.array([5.0, 15.0, -4.0]), 8.0)
    assert slab.shape == (40, 3)
    assert slab[10, 0] > 0
    assert slab[20, 1] > 0
    strip = straightened(scan, np.array([[10, 5], [20, 15], [39, 29]]), (2.0, 2.0, 1.0))
    assert strip.shape == (15 + 2, 3) or strip.shape[0] % 2 == 1
    middle = strip.shape[0] // 2
    assert strip[:, 0].argmax() == strip[:, 1].argmax() == middle


def test_sections_stay_inside() -> None:
    box = section_box((0, 100), (200, 101, 5), (0.5, 0.5, 1.0))
    assert box.start == (0, 5)
    assert box.stop == (96, 101)
    assert regular_heights(8, 4) == [7, 5, 3, 1]
    assert regular_heights(2, 8) == [1, 0]


def test_chart_runs_from_the_top_down_and_breaks() -> None:
    what = Quantity("t", "label", 10.0, "largest", mark=2.0, unit=" mm")
    values = np.array([[0.0, 5.0], [10.0, np.nan], [99.0, 5.0]])
    drawn = chart(what, values, 10.0, 1.0)
    data = {layer.kind: layer.data for layer in drawn.layers}
    assert (
        data["curve internal"] == "M66 5L66 15L6 25"
    )  # the top slice first; 99 is drawn at the border
    assert data["curve external"].count("M") == 2
    assert drawn.label == "label"


def test_chart_of_many_slices_keeps_extremes() -> None:
    values = np.zeros((1000, 2))
    values[500, 0] = 9.0
    drawn = chart(Quantity("t", "l", 10.0, "largest"), values, 0.3, 1.0)
    internal = next(layer.data for layer in drawn.layers if layer.kind == "curve internal")
    assert internal.count("L") < 170
    assert "L60 " in internal

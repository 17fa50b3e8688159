"""Contours lie on what they outline: a marker in every axis order, edges of circles, bands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.report.conftest import small_grid, spoilt
from tests.report.results import neck_scan, round_contours, straight_centers
from tests.report.test_heatmap_pictures import data_of, decoded

from carotid.artifacts import Contours
from carotid.geometry.grid import CANONICAL
from carotid.geometry.volume import Volume
from carotid.report import contour_pictures
from carotid.report.contour_pictures import ContourScene, findings, make_contour_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName

GRID = small_grid("RAS")
WAYS: dict[SideName, NDArray[np.float64]] = {
    "left": straight_centers(GRID, -24),
    "right": straight_centers(GRID, 24),
}


def scene(contours: Contours | None = None, orientation: str = "RAS") -> ContourScene:
    """Circles on a simulated neck that was stored in some order."""
    volume = Volume(neck_scan(GRID, WAYS), GRID).reoriented(orientation)
    made = round_contours(volume.grid, WAYS) if contours is None else contours
    found = make_contour_scene(made, volume.reoriented(CANONICAL).array)
    assert found is not None
    return found


def points_of(data: str) -> NDArray[np.float64]:
    start, steps = data.removesuffix("z").removeprefix("M").split("l")
    first = np.array(start.split(), float)
    steps_mm = np.array(steps.split(), float).reshape(-1, 2)
    whole = np.concatenate([first[None], first + np.cumsum(steps_mm, axis=0)])
    return np.asarray(whole, np.float64)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIL", "ASR"])
def test_outlines_lie_on_the_vessel(orientation: str) -> None:
    shown = contour_pictures.tile(scene(orientation=orientation), "right", 30, "")
    pixels = decoded(shown)[..., 0].astype(float)
    scale = pixels.shape[1] / shown.extent_mm[0]
    for label in ("internal", "external"):
        lumen = points_of(data_of(shown, f"lumen {label}"))
        center = lumen.mean(axis=0)
        assert np.hypot(*(lumen - center).T) == pytest.approx(2.6, abs=0.06)
        x, y = (center * scale).astype(int)
        assert pixels[y, x] < 60  # blood is dark
        ring = [pixels[int((center[1] + 3.3 * np.sin(t)) * scale),
                       int((center[0] + 3.3 * np.cos(t)) * scale)]
                for t in np.arange(8) * np.pi / 4]  # fmt: skip
        assert np.median(ring) > 160  # the wall is bright
    # The internal carotid runs backwards: below the external one; and outwards: to the left.
    internal, external = (
        points_of(data_of(shown, f"lumen {label}")).mean(axis=0)
        for label in ("internal", "external")
    )
    assert internal[1] > external[1] + 3
    assert internal[0] < external[0] - 3


def test_bands_are_as_wide_as_the_spread() -> None:
    shown = contour_pictures.tile(scene(), "left", 3, "")
    rings = [one + "z" for one in data_of(shown, "band-lumen internal").split("z") if one]
    radii = [np.ptp(points_of(ring), axis=0).mean() / 2 for ring in rings]
    assert radii == pytest.approx([2.75, 2.45], abs=0.06)  # of the lumen


def test_edges_of_a_straightened_artery_are_one_lumen_apart() -> None:
    right_left, front_back = contour_pictures.straightened(scene(), "left", "internal")
    assert right_left.borders == [("R", "l"), ("L", "r")]
    assert front_back.borders == [("A", "l"), ("P", "r")]
    for shown in (right_left, front_back):
        edges = [
            np.array(re.findall(r"([\d.]+) ([\d.]+)", line), float)
            for line in data_of(shown, "lumen internal").split("M")
            if line
        ]
        assert len(edges) == 2
        apart = np.abs(edges[0][:, 0] - edges[1][:, 0])
        assert apart == pytest.approx(5.2, abs=0.25)
        assert (edges[0][:, 0] + edges[1][:, 0]) / 2 == pytest.approx(
            shown.extent_mm[0] / 2, abs=0.2
        )
        middle = decoded(shown)[:, decoded(shown).shape[1] // 2, 0]
        assert np.median(middle) < 60


def test_what_stands_out_comes_first() -> None:
    made = scene(spoilt(round_contours(GRID, WAYS)))
    found = findings(made)
    assert {one.side for one in found} == {"left"}
    assert found[0].z == 15
    assert "cross" in found[0].why
    assert "jump of 5.0 mm" in found[0].why
    assert any("touch" in one.why and one.z < 12 for one in found)
    tiles = contour_pictures.tiles_to_check(made)
    assert 1 < len(tiles) <= contour_pictures.TO_CHECK
    assert tiles[0].caption.startswith("left · 31 mm · int.: lumen and wall cross")


def test_regular_tiles_and_without_scan() -> None:
    bare = make_contour_scene(round_contours(GRID, WAYS), None)
    assert bare is not None
    tiles = contour_pictures.regular_tiles(bare, "right")
    assert len(tiles) == contour_pictures.TILES
    assert np.ptp(decoded(tiles[0])) < 3
    empty = Contours((), (), GRID, None)
    assert make_contour_scene(empty, None) is None


def test_spread_is_drawn_along_the_height() -> None:
    drawn = contour_pictures.spread_chart(scene(), "left")
    data = {layer.kind: layer.data for layer in drawn.layers}
    x = [float(value) for value in re.findall(r"[ML]([\d.]+) ", data["curve internal"])]
    assert x == pytest.approx([6 + 0.15 / 1.5 * 60] * len(x), abs=0.1)
    assert "alarm" not in data
    spoilt_chart = contour_pictures.spread_chart(scene(spoilt(round_contours(GRID, WAYS))), "left")
    assert any(layer.kind == "alarm" for layer in spoilt_chart.layers)

"""Contours lie on what they outline: a marker in every axis order, edges of circles, bands."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.figures.arteries import PLAQUE_MM, measured
from tests.report.conftest import small_grid, spoilt
from tests.report.results import circle, neck_scan, round_contours, straight_centers
from tests.report.test_heatmap_pictures import data_of, decoded

from carotid.artifacts import Contours, CrossSection
from carotid.geometry.grid import CANONICAL
from carotid.geometry.volume import Volume
from carotid.report import contour_pictures
from carotid.report.contour_findings import findings
from carotid.report.contour_pictures import ContourScene, make_contour_scene
from carotid.report.measured_slices import MeasuredSlices, Thickest, measured_slices

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
    assert tiles[0].caption.startswith(
        "left · slice 15, 31 mm from the lower end · int.: lumen and wall cross"
    )


def test_an_outline_that_is_unsure_in_one_direction_stands_out() -> None:
    made = round_contours(GRID, WAYS)
    spread = np.full(32, 0.15)
    spread[7] = 1.2
    sections = [
        replace(one, wall=replace(one.wall, deviation_mm=spread))
        if one.label == "internal" and one.z == 9 and one.wall is not None
        else one
        for one in made.right
    ]
    (found,) = findings(scene(replace(made, right=tuple(sections))))
    assert (found.side, found.label, found.z) == ("right", "internal", 9)
    assert found.why == "spread 1.2 mm in one direction"


def test_the_thickest_wall_is_looked_at_where_it_is_unsure() -> None:
    made = scene()
    assert findings(made) == []
    for sd_mm, told in ((0.4, []), (0.6, ["thickest wall, 3.1 mm: unsure"])):
        known = {**made.measured, "left": MeasuredSlices({}, Thickest(12, 3.14, sd_mm))}
        found = findings(replace(made, measured=known))
        assert [one.why for one in found] == told
        assert all((one.side, one.label, one.z) == ("left", "internal", 12) for one in found)


@pytest.mark.parametrize(
    ("thickness_mm", "sd_mm", "in_bulb", "told"),
    [
        (2.0, 0.3, True, ["thickest wall, 2.0 mm: plaque or slow flow"]),
        (2.0, 0.6, True, ["thickest wall, 2.0 mm: unsure, plaque or slow flow"]),
        (2.0, 0.3, False, []),
        (1.4, 0.3, True, []),
    ],
)
def test_a_thick_wall_in_the_bulb_may_be_slow_flow(
    thickness_mm: float, sd_mm: float, in_bulb: bool, told: list[str]
) -> None:
    made = scene()
    thickest = Thickest(12, thickness_mm, sd_mm, in_bulb)
    found = findings(
        replace(made, measured={**made.measured, "left": MeasuredSlices({}, thickest)})
    )
    assert [one.why for one in found] == told


def test_slices_are_named_by_number_and_place() -> None:
    known = measured_slices(measured())
    table = measured().right.slices
    z, s = table.numbers("z"), table.numbers("s_mm")
    row = int(np.nanargmin(np.abs(s + 8)))
    assert (
        known["right"].where(int(z[row]), 1.0)
        == f"slice {z[row]:.0f}, \u22128 mm from the bifurcation"
    )
    assert known["right"].where(9999, 0.5) == "slice 9999, 5000 mm from the lower end"
    thickest = known["left"].thickest
    assert thickest is not None
    assert thickest.thickness_mm == pytest.approx(1 + PLAQUE_MM, abs=0.15)
    assert measured_slices(None)["left"].s_mm == {}


def test_a_tile_at_the_edge_of_the_scan_has_its_outlines_in_the_middle() -> None:
    center = np.array([1.0, 16.0])
    lumen, wall = (circle(center, radius, GRID) for radius in (2.6, 4.0))
    edged = scene(Contours((CrossSection("internal", 3, lumen, wall),), (), GRID, None))
    assert edged.courses["left"]["internal"].at_edge[3]
    shown = contour_pictures.tile(edged, "left", 3, "")
    drawn = points_of(data_of(shown, "wall internal"))
    assert drawn.min() > 1
    assert (drawn < np.array(shown.extent_mm) - 1).all()
    middle = (drawn.min(axis=0) + drawn.max(axis=0)) / 2
    assert middle == pytest.approx(np.array(shown.extent_mm) / 2, abs=0.6)
    pixels = decoded(shown)[..., 0]
    assert pixels[:, -int(0.3 * pixels.shape[1]) :].max() < 12, "black beyond the scan"
    assert np.median(pixels[:, : pixels.shape[1] // 3]) > 20


def test_outlines_far_beyond_the_scan_do_not_make_a_picture_of_all_that() -> None:
    """It would take terabytes."""
    center = np.array([16.0, 16.0])
    lumen, wall = (circle(center, radius, GRID) for radius in (2.6, 5e5))
    far = scene(Contours((CrossSection("internal", 3, lumen, wall),), (), GRID, None))
    shown = contour_pictures.tile(far, "left", 3, "")
    assert max(shown.extent_mm) < 100
    drawn = points_of(data_of(shown, "lumen internal"))
    assert np.ptp(drawn, axis=0) == pytest.approx([5.2, 5.2], abs=0.2), "the lumen is there"


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

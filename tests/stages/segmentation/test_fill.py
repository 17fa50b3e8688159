"""Masks lie on the vessel, in every stored order, and doubtful outlines are told."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from tests.necks import ORDERS, turned
from tests.stages.segmentation.tubes import SLICES, TUBES, center, grid_of, tubes

from carotid.artifacts import (
    LABEL_VALUES,
    SEGMENTATION_COMPONENTS,
    Contours,
    CrossSection,
    Outline,
    Segmentation,
)
from carotid.geometry.grid import Grid
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters

OURS = SegmentationParameters()
OBLIQUE = turned(12, -17, 8)
GRID = Grid((30, 30, 5), np.eye(4))
EIGHT = np.array([(5, 5), (15, 15), (15, 5), (5, 15)], np.float64)


def assert_on_the_vessels(made: Segmentation, canonical: Grid) -> None:
    """The center of mass in each slice is the tube's, on average, and the area the circle's."""
    for (side, label), (_, _, *radii) in TUBES.items():
        slices = SLICES[side, label]
        for name, radius in zip(("lumen", "wall"), radii, strict=True):
            mask = made.masks(side)[SEGMENTATION_COMPONENTS.index(f"{label} {name}")]
            world = made.grid.world_from_index(np.argwhere(mask))
            found = canonical.index_from_world(world)
            heights = np.rint(found[:, 2])
            np.testing.assert_allclose(found[:, 2], heights, atol=1e-6)
            assert np.unique(heights).tolist() == list(slices)
            gaps = [found[heights == z, :2].mean(axis=0) - center(side, label, z) for z in slices]
            assert np.abs(np.mean(gaps, axis=0)).max() < 0.05
            assert len(found) == pytest.approx(np.pi * radius**2 * len(slices), rel=0.03)


@pytest.mark.parametrize("order", ORDERS)
def test_masks_lie_on_the_vessels_in_every_stored_order(order: str) -> None:
    grid = grid_of(order, OBLIQUE)
    made = fill_contours(tubes(grid), OURS)
    assert made.grid is grid
    assert_on_the_vessels(made, grid.reoriented("RAS"))


def test_masks_lie_on_the_vessels_where_the_stored_grid_is_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    canonical = grid_of("PIL", OBLIQUE).reoriented("RAS")
    made = fill_contours(tubes(grid_of("PIL", OBLIQUE), grid_is_known=False), OURS)
    assert made.grid.agrees_with(canonical)
    assert "stored grid is not known" in caplog.text
    assert_on_the_vessels(made, canonical)


def test_a_neck_turned_by_45_degrees_keeps_its_vessels() -> None:
    for turn in (turned(0, 0, 45), turned(45, 0, 0), turned(0, 45, 0)):
        grid = grid_of("PSL", turn)
        canonical = grid.reoriented("RAS")
        assert_on_the_vessels(fill_contours(tubes(grid), OURS), canonical)
        unknown = Contours(tubes(grid).left, tubes(grid).right, canonical, None)
        assert_on_the_vessels(fill_contours(unknown, OURS), canonical)


def test_slabs_are_parts_of_the_whole() -> None:
    made = fill_contours(tubes(grid_of("LPS")), OURS)
    for side in ("left", "right"):
        whole = made.masks(side)
        slabs = [made.masks(side, k, min(k + 25, whole.shape[3])) for k in range(0, 60, 25)]
        np.testing.assert_array_equal(np.concatenate(slabs, axis=3), whole)
    slabs = [made.labels(k, k + 1) for k in range(60)]
    np.testing.assert_array_equal(np.concatenate(slabs, axis=3), made.labels())


def test_the_label_map_tells_sides_apart_and_paints_lumens_over_walls() -> None:
    made = fill_contours(tubes(grid_of("RAS")), OURS)
    labels = made.labels()[0]
    for side in ("left", "right"):
        lumen, wall, other_lumen, other_wall = made.masks(side)
        both = (lumen | other_lumen) != 0
        np.testing.assert_array_equal(labels == LABEL_VALUES[f"{side} lumen"], both)
        ring = ((wall | other_wall) != 0) & ~both
        np.testing.assert_array_equal(labels == LABEL_VALUES[f"{side} wall"], ring)


def test_where_sides_meet_the_right_one_is_on_top() -> None:
    square = Outline.of_points(np.array([(5, 5), (9, 5), (9, 9), (5, 9)], np.float64))
    section = (CrossSection("internal", 1, square, square),)
    made = fill_contours(Contours(section, section, GRID, GRID), OURS)
    assert set(np.unique(made.labels())) == {0, LABEL_VALUES["right lumen"]}


def test_lumen_is_part_of_the_wall_component() -> None:
    made = fill_contours(tubes(grid_of("RAS")), OURS)
    lumen, wall, _, _ = made.masks("left")
    assert (wall[lumen != 0] == 1).all()
    assert made.masks("left").dtype == np.uint8


def one_outline(*points: tuple[float, float]) -> Contours:
    outline = Outline.of_points(np.array(points, np.float64))
    return Contours((CrossSection("internal", 2, outline, None),), (), GRID, GRID)


def test_an_outline_that_crosses_itself_is_filled_as_its_hull_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    crossed = fill_contours(one_outline(*map(tuple, EIGHT)), OURS)
    assert "left: 1 outline with crossing lines" in caplog.text
    assert "hull: internal lumen, slice 2" in caplog.text
    hull = fill_contours(one_outline(*map(tuple, EIGHT[[0, 2, 1, 3]])), OURS)
    np.testing.assert_array_equal(crossed.masks("left"), hull.masks("left"))


def test_outlines_without_area_stay_empty_and_are_told(caplog: pytest.LogCaptureFixture) -> None:
    few, flat = "with fewer than 3 points", "without an area"
    line = [(3, 3), (8, 8), (5, 5), (3, 3)]
    for points, why in (([(3, 3)], few), ([(3, 3), (8, 9)], few), (line, flat)):
        caplog.clear()
        made = fill_contours(one_outline(*points), OURS)
        assert not made.masks("left").any()
        assert f"left: 1 outline {why}, kept empty" in caplog.text


def test_outlines_outside_of_the_scan_are_told(caplog: pytest.LogCaptureFixture) -> None:
    made = fill_contours(one_outline((40, 3), (45, 3), (40, 8)), OURS)
    assert not made.masks("left").any()
    assert "left: 1 outline outside of the scan" in caplog.text


def test_arteries_without_contours_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        made = fill_contours(one_outline((3, 3), (8, 3), (5, 8)), OURS)
    assert "left: no contours of the external carotid" in caplog.text
    assert "left: no contours of the internal carotid" not in caplog.text
    assert "right: no contours; its masks are empty" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert not made.masks("right").any()


def test_outlines_over_the_border_are_cut_off() -> None:
    made = fill_contours(one_outline((-9, -9), (6, -9), (6, 6), (-9, 6)), OURS)
    mask = made.masks("left")[0, :, :, 2]
    assert mask[:7, :6].all()
    assert mask.sum() == 7 * 6


def test_nothing_is_filled_between_slices() -> None:
    outline = Outline.of_points(np.array([(3, 3), (8, 3), (5, 8)], np.float64))
    sections = tuple(CrossSection("internal", z, outline, outline) for z in (0, 4))
    made = fill_contours(Contours(sections, (), GRID, GRID), OURS)
    assert made.masks("left").any(axis=(0, 1, 2)).tolist() == [True, False, False, False, True]

"""Nouns of the pipeline: told in one line, and checked when they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from carotid.artifacts import (
    Bifurcation,
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Heatmaps,
    Outline,
    PolarBlock,
    Segmentation,
    SideCenterlines,
    SideHeatmaps,
    SideMasks,
)
from carotid.errors import CarotidError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

GRID = Grid((30, 40, 50), np.diag([-0.35, -0.6, 0.35, 1.0]))


def side(grid: Grid = GRID) -> SideHeatmaps:
    array = np.zeros((2, *grid.shape), np.float32)
    return SideHeatmaps(array, array, np.zeros((3, 2, 50, 2), np.int64))


def test_a_noun_is_told_in_one_line() -> None:
    assert repr(Heatmaps(side(), side(), GRID)) == (
        "Heatmaps(left=SideHeatmaps, right=SideHeatmaps, "
        "grid=30 x 40 x 50 voxels of 0.35 x 0.6 x 0.35 mm, LPS)"
    )
    assert repr(side()) == (
        "SideHeatmaps(mean=float32 (2, 30, 40, 50), std=float32 (2, 30, 40, 50), "
        "max_indices=int64 (3, 2, 50, 2))"
    )
    section = CrossSection("internal", 3, Outline.of_points(np.zeros((4, 2))), None)
    assert repr(section) == "CrossSection(label='internal', z=3, lumen=Outline, wall=None)"
    assert "left=1 item, right=0 items" in repr(Contours((section,), (), GRID, None))


def test_heatmaps_must_fit_their_grid() -> None:
    with pytest.raises(CarotidError, match="wrong shape"):
        Heatmaps(side(), side(Grid((3, 4, 5), np.eye(4))), GRID)
    with pytest.raises(CarotidError, match="max_indices"):
        SideHeatmaps(side().mean, side().std, np.zeros((3, 1, 50, 2), np.int64))


CENTERS = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
LINE = Centerline.of_points(CENTERS)
LINES = SideCenterlines(LINE, LINE)
MASKS = np.zeros((4, 3, 4, 5), np.uint8)
ANY: Any = None
"""Whatever a caller may give, whatever types say."""


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Volume(cast("Any", [[[0.0]]]), GRID), "voxels are not an array.*found list"),
        (lambda: Volume(np.zeros((3, 4, 5)), cast("Any", np.eye(4))), "where it lies.*ndarray"),
        (lambda: SideHeatmaps(ANY, ANY, ANY), "mean is not an array.*NoneType.*asarray"),
        (
            lambda: SideHeatmaps(side().mean.astype(str), side().std, side().max_indices),
            r"mean has the wrong type .*<U.*real numbers",
        ),
        (
            lambda: SideHeatmaps(side().mean, side().std, side().max_indices + cast("Any", 0.5)),
            "max_indices has the wrong type .*float64, expected whole",
        ),
        (
            lambda: SideHeatmaps(side().mean[0], side().std, side().max_indices),
            r"mean .*\(30, 40, 50\), expected \(2, any, any, any\)",
        ),
        (lambda: Heatmaps(cast("Any", side().mean), side(), GRID), "left of Heatmaps.*ndarray"),
        (lambda: Heatmaps(side(), side(), cast("Any", np.eye(4))), "grid of Heatmaps.*Grid"),
        (lambda: Centerline(cast("Any", CENTERS.tolist()), *[CENTERS[:, 0]] * 4), "points is not"),
        (lambda: Centerline(CENTERS, *[CENTERS] * 4), r"mean_value.*\(2, 3\), expected \(2\)"),
        (lambda: Bifurcation(cast("Any", (1, 2, 3)), 0.5), "point is not an array .*found tuple"),
        (lambda: SideCenterlines(LINE, cast("Any", CENTERS)), "external of SideCenterlines"),
        (lambda: Centerlines(LINES, cast("Any", LINE), None), "right of Centerlines.*Centerline"),
        (lambda: Outline(cast("Any", [[0, 1]]), *[CENTERS[0]] * 3), "points is not an array"),
        (lambda: CrossSection("internal", 3, None, cast("Any", CENTERS)), "wall of CrossSection"),
        (lambda: Contours(ANY, (), GRID, None), "left of Contours.*NoneType, expected tuple"),
        (lambda: Contours((), (), ANY, None), "canonical of Contours.*NoneType, expected Grid"),
        (lambda: PolarBlock(("internal",), CENTERS, CENTERS), "centers .*wrong shape"),
        (lambda: SideMasks(cast("Any", MASKS / 2), (0, 0, 0)), "masks has the wrong type"),
        (
            lambda: Segmentation(SideMasks(MASKS, (28, 0, 0)), SideMasks(MASKS, (0, 0, 0)), GRID),
            r"it reaches beyond the grid \(found \(31, 4, 5\), expected at most \(30",
        ),
    ],
)
def test_what_is_no_noun_is_said_in_one_line(make: Callable[[], object], told: str) -> None:
    with pytest.raises(CarotidError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_what_may_be_missing_may_be_missing() -> None:
    assert SideCenterlines(LINE, LINE, None).bifurcation is None
    assert Centerlines(LINES, LINES, None).grid is None
    assert Contours((CrossSection("internal", 3, None, None),), (), GRID, None).stored is None
    assert Centerline(CENTERS.astype(int), *[CENTERS[:, 0]] * 4).points.shape == (2, 3)

"""Nouns of the pipeline: told in one line, and checked when they are made."""

from __future__ import annotations

import numpy as np
import pytest

from carotid.artifacts import Contours, CrossSection, Heatmaps, Outline, SideHeatmaps
from carotid.errors import CarotidError
from carotid.geometry.grid import Grid

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

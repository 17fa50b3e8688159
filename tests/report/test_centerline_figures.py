"""Figures of centerlines against uncertainties that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from carotid.artifacts import Bifurcation, Centerline, Centerlines, SideCenterlines
from carotid.geometry.grid import Grid
from carotid.report.centerline_figures import (
    centerline_figures,
    centerline_reasons,
    figures_of_side,
)


def side(uncertainty_mm: list[float], fork: Bifurcation | None = None) -> SideCenterlines:
    values = np.array(uncertainty_mm, np.float64)
    points = np.column_stack([np.zeros((values.size, 2)), np.arange(values.size, dtype=np.float64)])
    unknown = np.full(values.size, np.nan)
    none = Centerline.of_points(np.empty((0, 3)))
    return SideCenterlines(Centerline(points, unknown, unknown, unknown, values), none, fork)


def test_sure_centerlines_have_nothing_to_tell() -> None:
    figures = centerline_figures(side([0.5] * 20), 1.0)
    assert (figures.internal_points, figures.external_points) == (20, 0)
    assert figures.unsure_share == 0
    assert figures.score == 0
    assert np.isnan(figures.bifurcation_uncertainty_mm)
    assert centerline_reasons("left", figures) == []


def test_share_above_two_millimetres_makes_the_score() -> None:
    fork = Bifurcation(np.zeros(3), 1.5)
    figures = centerline_figures(side([0.5] * 6 + [3.0] * 4 + [float("nan")] * 3, fork), 1.0)
    assert figures.unsure_share == pytest.approx(0.4)
    assert figures.uncertainty_median_mm == 0.5
    assert figures.bifurcation_uncertainty_mm == 1.5
    assert figures.score == pytest.approx(35)
    assert "40% of slices" in centerline_reasons("left", figures)[0]


def test_unknown_uncertainty_counts_nothing_and_a_missing_artery_all() -> None:
    unknown = centerline_figures(side([float("nan")] * 5), np.nan, np.nan, np.nan)
    assert unknown.score == 0
    assert centerline_reasons("left", unknown) == []
    none = centerline_figures(side([]), 1.0)
    assert none.score == 100
    assert centerline_reasons("right", none) == ["right: no internal centerline"]


def test_a_stretch_that_heatmaps_hardly_show_makes_a_case_doubtful() -> None:
    lines = side([0.5] * 30)
    shown = np.full(30, 300.0)
    shown[:4] = 20.0  # an artery may fade at its ends
    shown[10:18] = 40.0
    seen = replace(lines, internal=replace(lines.internal, mean_value=shown))
    figures = centerline_figures(seen, 1.0)
    assert figures.faint_mm == 8.0
    assert figures.score == 30
    assert "over 8 mm" in centerline_reasons("left", figures)[0]
    assert centerline_figures(seen, 0.3).score == 0
    assert np.isnan(centerline_figures(seen, float("nan")).faint_mm)
    assert centerline_figures(seen, float("nan")).score == 0


def test_an_internal_that_ends_early_makes_a_case_doubtful() -> None:
    lines = Centerlines(side([0.5] * 30), side([0.5] * 50), None)
    assert np.isnan(figures_of_side(lines, "left").short_mm), "of slices of unknown distance"
    assert figures_of_side(lines, "left").score == 0
    grid = Grid((8, 8, 60), np.eye(4))
    known = replace(lines, grid=grid)
    figures = figures_of_side(known, "left")
    assert figures.short_mm == 20.0
    assert figures.score == 30
    assert "ends 20 mm below the arteries beside it" in centerline_reasons("left", figures)[0]
    assert figures_of_side(known, "right").score == 0
    thin = replace(known, grid=Grid((8, 8, 60), np.diag([1.0, 1.0, 0.4, 1.0])))
    assert figures_of_side(thin, "left").score == 0


def test_an_external_that_the_other_side_alone_has_makes_a_case_doubtful() -> None:
    left, right = side([0.5] * 50), side([0.5] * 50)
    right = replace(right, external=side([0.5] * 20).internal)
    known = Centerlines(left, right, Grid((8, 8, 60), np.eye(4)))
    figures = figures_of_side(known, "left")
    assert figures.missing_mm == 49.0
    assert figures.score == 30
    assert (
        "no external carotid where the other side has one" in centerline_reasons("left", figures)[0]
    )
    assert figures_of_side(known, "right").score == 0
    assert figures_of_side(replace(known, right=left), "left").score == 0

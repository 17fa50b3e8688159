"""Stated spreads against the scatter of measures of outlines that were really disturbed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from tests.evaluation.cohort import fork
from tests.stages.measurement.phantoms import centerlines_of, contours_of, grid_of

from carotid.geometry.tube import ANGLES, Cut, ray_angles
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.shapes import measure_shapes
from carotid.stages.measurement.spreads import spread_of_largest, spreads_of

if TYPE_CHECKING:
    from tests.stages.measurement.phantoms import Vessel

    from carotid.artifacts import CrossSection, Label, Outline

DRAWS = 600
S_MM = np.arange(20, dtype=np.float64)
PARAMETERS = MeasurementParameters(spread_angle_deg=60, spread_along_mm=5)


def disturbed(radii: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """(draws, angles) radii with errors that correlate as the settings say."""
    apart = np.abs(ray_angles()[:, None] - ray_angles())
    apart = np.minimum(apart, 2 * np.pi - apart)
    correlation = np.exp(-0.5 * (apart / np.deg2rad(PARAMETERS.spread_angle_deg)) ** 2)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(radii + sd * rng.normal(size=(DRAWS, ANGLES)) @ root.T)


def points(radii: np.ndarray) -> np.ndarray:
    toward = np.stack([np.cos(ray_angles()), np.sin(ray_angles())], axis=-1)
    return np.asarray(np.atleast_2d(radii)[..., None] * toward)


@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_stated_spreads_are_the_scatter_of_disturbed_outlines(shift: float) -> None:
    rng = np.random.default_rng(3)
    turn = ray_angles()
    lumen = np.full(ANGLES, 2.5)
    outer = shift * np.cos(turn) + np.sqrt(4**2 - (shift * np.sin(turn)) ** 2)
    sd_lumen, sd_outer = 0.08, 0.12
    exact = measure_shapes(points(lumen), points(outer), "laplace")
    stated = spreads_of(
        exact,
        Cut(lumen[None], np.full((1, ANGLES), sd_lumen)),
        Cut(outer[None], np.full((1, ANGLES), sd_outer)),
        PARAMETERS,
    )
    seen = measure_shapes(
        points(disturbed(lumen, sd_lumen, rng)),
        points(disturbed(outer, sd_outer, rng)),
        "laplace",
    )
    for name in ("la", "tva", "wa", "nwi", "wt_mean", "lumen_diameter", "outer_diameter"):
        assert getattr(stated, name)[0] == pytest.approx(getattr(seen, name).std(), rel=0.15), name
    # Of a largest or smallest value the error is not scatter alone: noise makes it more extreme.
    for name in ("wt_max", "wt_min"):
        change = getattr(seen, name) - getattr(exact, name)[0]
        error = np.sqrt((change**2).mean())
        assert getattr(stated, name)[0] == pytest.approx(error, rel=0.15), name
        if not shift:
            assert error > 1.5 * change.std()


def test_an_unknown_spread_stays_unknown() -> None:
    lumen, outer = np.full((1, ANGLES), 2.0), np.full((1, ANGLES), 3.0)
    shapes = measure_shapes(points(lumen), points(outer), "laplace")
    unknown = np.full((1, ANGLES), np.nan)
    stated = spreads_of(shapes, Cut(lumen, unknown), Cut(outer, unknown), PARAMETERS)
    assert np.isnan([stated.la[0], stated.wt_mean[0], stated.wt_max[0]]).all()


def test_the_scale_multiplies_all_spreads() -> None:
    lumen, outer = np.full((1, ANGLES), 2.0), np.full((1, ANGLES), 3.0)
    shapes = measure_shapes(points(lumen), points(outer), "laplace")
    cuts = (Cut(lumen, np.full((1, ANGLES), 0.1)), Cut(outer, np.full((1, ANGLES), 0.1)))
    one = spreads_of(shapes, *cuts, PARAMETERS)
    double = spreads_of(shapes, *cuts, PARAMETERS.model_copy(update={"spread_scale": 2.0}))
    for name in ("la", "nwi", "wt_mean", "lumen_caliper"):
        assert getattr(double, name)[0] == pytest.approx(2 * getattr(one, name)[0])
    assert double.wt_max[0] == pytest.approx(2 * one.wt_max[0], rel=0.01)


def test_the_largest_of_many_slices_is_the_more_overstated_the_longer_the_artery() -> None:
    def stated(count: int) -> float:
        flat, spread = np.ones((count, 36)), np.full((count, 36), 0.1)
        s_mm = np.arange(count, dtype=np.float64)
        return spread_of_largest(flat, spread, s_mm, PARAMETERS)

    assert 0.12 < stated(1) < stated(20) < stated(200) < 0.6
    peaked = np.ones((20, 36))
    peaked[7, 11] = 3.0
    one_place = spread_of_largest(peaked, np.full((20, 36), 0.1), S_MM, PARAMETERS)
    # Of Student's t with 4 degrees of freedom: √2, over 1.134, within which 68 % lie.
    assert one_place == pytest.approx(0.1 * 1.247, rel=0.15)
    assert np.isnan(stated(0))
    unknown = np.full((20, 36), np.nan)
    assert np.isnan(spread_of_largest(peaked, unknown, S_MM, PARAMETERS))


def surely(section: CrossSection, sd_mm: float = 0.1) -> CrossSection:
    """The same with outlines of which the spread is known."""

    def known(outline: Outline | None) -> Outline | None:
        if outline is None:
            return None
        return replace(outline, deviation_mm=np.full(len(outline.points), sd_mm))

    return replace(section, lumen=known(section.lumen), wall=known(section.wall))


def vague(section: CrossSection) -> CrossSection:
    """The same with an outer outline that nobody is sure of."""
    return replace(surely(section), wall=surely(section, 1.5).wall)


def test_spreads_are_told_of_values_that_are_there() -> None:
    """Not of walls that run into each other."""
    grid, vessels = grid_of((0.6, 0.6, 1.0)), cast("dict[Label, Vessel]", fork())
    drawn = contours_of(vessels, grid)
    drawn = replace(drawn, left=tuple(surely(one) for one in drawn.left))
    table = measure(drawn, centerlines_of(vessels, grid, (0, 0, 0))).left.slices
    fused = np.array(["fused" in flags for flags in table.words("flags")])
    assert 3 < fused.sum() < len(fused) / 2
    spreads = [column.name for column in table.columns if "_sd" in column.name]
    for name in spreads:
        there = np.isfinite(table.numbers(name.replace("_sd", "")))
        np.testing.assert_array_equal(np.isfinite(table.numbers(name)), there, name)
    assert not np.isfinite(table.numbers("wt_mean_sd_mm"))[fused].any()
    assert np.isfinite(table.numbers("la_sd_mm2"))[fused].any()


def test_a_wall_that_nobody_is_sure_of_does_not_count() -> None:
    grid, vessels = grid_of((0.6, 0.6, 1.0)), cast("dict[Label, Vessel]", fork())
    lines = centerlines_of(vessels, grid, (0, 0, 0))
    drawn = contours_of(vessels, grid)
    low = min(one.z for one in drawn.left if one.label == "internal")
    some = range(low + 3, low + 8)
    left = (vague(one) if one.z in some else surely(one) for one in drawn.left)
    drawn = replace(drawn, left=tuple(left))
    found = measure(drawn, lines)
    table = found.left.slices
    own = np.array(table.words("label")) == "internal"
    unsure = np.array(["unsure" in flags for flags in table.words("flags")])
    z = table.numbers("z")
    assert set(z[unsure & own]) <= {*some, low + 2, low + 8}
    assert {*range(low + 4, low + 7)} <= set(z[unsure & own])
    assert {table.words("readable")[row] for row in np.flatnonzero(unsure)} == {"lumen"}
    assert np.isfinite(table.numbers("wt_mean_mm"))[unsure].all()  # told, but not counted
    trusting = measure(drawn, lines, MeasurementParameters(unsure_mm=5))
    assert "unsure" not in ",".join(trusting.left.slices.words("flags"))
    row = found.segments.words("segment").index("common")
    assert found.segments.words("side")[row] == "left"
    assert found.segments.numbers("unsure_slices")[row] == (unsure & own).sum()
    lengths = [
        one.segments.numbers(name)[row]
        for name in ("covered_mm", "lumen_covered_mm")
        for one in (found, trusting)
    ]
    assert lengths[1] - lengths[0] == pytest.approx(unsure.sum() * 1.0, abs=0.2)
    assert lengths[2] == pytest.approx(lengths[3])

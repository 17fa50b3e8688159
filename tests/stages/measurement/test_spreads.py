"""Stated spreads against the scatter of measures of outlines that were really disturbed."""

from __future__ import annotations

import numpy as np
import pytest

from carotid.geometry.tube import ANGLES, Cut, ray_angles
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.shapes import measure_shapes
from carotid.stages.measurement.spreads import spreads_of

DRAWS = 600
PARAMETERS = MeasurementParameters(spread_angle_deg=60)


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
    if shift:  # without a thickest place the largest thickness is the largest of many errors
        assert stated.wt_max[0] == pytest.approx(seen.wt_max.std(), rel=0.2)
        assert stated.wt_min[0] == pytest.approx(seen.wt_min.std(), rel=0.35)


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
    for name in ("la", "nwi", "wt_mean", "wt_max", "lumen_caliper"):
        assert getattr(double, name)[0] == pytest.approx(2 * getattr(one, name)[0])

from __future__ import annotations

import numpy as np
import pytest

from carotid.stages.planes.spread import (
    SHARES,
    UNCALIBRATED,
    calibrated,
    half_widths,
    rising,
)

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _points(seed: int, n: int) -> tuple[Array, Array]:
    """Raw spreads, and errors whose true spread is twice that and no normal one."""
    rng = np.random.default_rng(seed)
    raw = rng.uniform(0.05, 0.6, n)
    return raw, 2 * raw * rng.standard_t(4, n)


def test_intervals_hold_what_they_say_on_other_points() -> None:
    table = calibrated(*_points(0, 40_000))
    raw, error = _points(1, 20_000)
    for share, width in zip(SHARES, half_widths(table, raw), strict=True):
        held = np.abs(error) <= width
        assert held.mean() == pytest.approx(share, abs=0.015)
        for part in np.array_split(np.argsort(raw), 4):  # not only on the whole
            assert held[part].mean() == pytest.approx(share, abs=0.06)


def test_widths_never_fall_where_the_spread_rises() -> None:
    rng = np.random.default_rng(3)
    table = calibrated(rng.uniform(0, 1, 300), rng.normal(0, 1, 300))
    for column in (table.half_mm, table.sigma_mm, table.wide_mm):
        assert (np.diff(column) >= 0).all()


def test_without_a_table_the_spread_is_a_standard_deviation() -> None:
    raw = np.array([[0.2, 0.5]])
    half, sigma, wide = half_widths(UNCALIBRATED, raw)
    np.testing.assert_allclose(half, 0.6745 * raw)
    np.testing.assert_allclose(sigma, raw)
    np.testing.assert_allclose(wide, 1.96 * raw)


def test_values_that_fall_are_pooled_by_weight() -> None:
    found = rising(np.array([1.0, 4.0, 2.0, 3.0]), np.array([1.0, 1.0, 3.0, 1.0]))
    np.testing.assert_allclose(found, [1.0, 2.5, 2.5, 3.0])

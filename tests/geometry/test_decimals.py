"""Rounded numbers are what a reader of the table gets."""

from __future__ import annotations

import numpy as np

from carotid.geometry.decimals import rounded


def test_rounded_numbers_are_the_ones_that_are_read_back() -> None:
    generator = np.random.default_rng(0)
    sizes = 10.0 ** generator.integers(-12, 12, 20_000)
    awkward = [0, -0.0, 9.9999999995, 0.99999999999, 999999999.5, 1e-10, -680.1234565, 1e-15]
    values = np.concatenate([generator.standard_normal(20_000) * sizes, awkward])
    usual = np.abs(values) > 1e-14
    found = rounded(values)
    np.testing.assert_array_equal(found[usual], [float(f"{v:.9g}") for v in values[usual]])
    np.testing.assert_array_equal(found, [float(f"{v:.9g}") for v in found])
    assert (found[~usual] == 0).all()


def test_what_is_not_finite_stays() -> None:
    values = np.array([np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(rounded(values), values)

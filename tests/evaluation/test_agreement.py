"""Statistics against published examples and against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from carotid.evaluation.agreement import (
    intraclass_correlation,
    limits_of_agreement,
    repeatability,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Table 2 of Shrout and Fleiss 1979: six targets, four judges; ICC(2,1) is .29 there."""


def of(words: str) -> np.ndarray:
    return np.array([float(word) for word in words.split()])


# Bland and Altman, Lancet 1986: peak expiratory flow of 17 subjects, l/min.
WRIGHT = of("494 395 516 434 476 557 413 442 650 433 417 656 267 478 178 423 427")
WRIGHT_AGAIN = of("490 397 512 401 470 611 415 431 638 429 420 633 275 492 165 372 421")
MINI = of("512 430 520 428 500 600 364 380 658 445 432 626 260 477 259 350 451")


def test_the_intraclass_correlation_of_shrout_and_fleiss() -> None:
    found = intraclass_correlation(SHROUT_FLEISS)
    # Mean squares of the paper: 11.24 targets, 32.49 judges, 1.02 residual.
    by_hand = (11.24 - 1.02) / (11.24 + 3 * 1.02 + 4 * (32.49 - 1.02) / 6)
    assert found.value == pytest.approx(by_hand, abs=0.002)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == pytest.approx((0.019, 0.761), abs=0.001)


def test_the_correlation_falls_with_a_constant_difference() -> None:
    # Three subjects 0, 10, 20, the second reading 2 higher: by hand from the mean squares
    # rows 200, columns 6, error 0.
    values = np.array([[0.0, 2], [10, 12], [20, 22]])
    assert intraclass_correlation(values).value == pytest.approx(200 / (200 + 2 * 6 / 3))
    equal = intraclass_correlation(np.array([[1.0, 1], [2, 2], [5, 5]]))
    assert (equal.value, equal.low, equal.high) == (1, 1, 1)


def test_equal_readings_agree_whatever_their_rounding() -> None:
    """Means of readings are sums in another order: what they differ by is no difference."""
    for seed in range(50):
        once = np.random.default_rng(seed).normal(7, 2, 3)
        found = intraclass_correlation(np.column_stack([once, once]))
        assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))


@pytest.mark.filterwarnings("error")
def test_an_interval_holds_its_value_or_is_unknown() -> None:
    """The approximation fails where subjects differ less than their repetitions do."""
    rng = np.random.default_rng(0)
    known = 0
    for _ in range(600):
        n = int(rng.integers(2, 5))
        values = rng.normal(10, 1, (n, 1)) * (n > 3) + rng.normal(10, 1, (n, 2))
        found = intraclass_correlation(values)
        if np.isfinite(found.low):
            known += 1
            assert found.low <= found.value <= found.high
        else:
            assert found.value < 0
            assert np.isnan(found.high)
    assert known > 400


def test_no_interval_of_a_correlation_begins_below_minus_one() -> None:
    """Two subjects: the formula alone begins at -12."""
    found = intraclass_correlation(np.array([[1.0, 1.02], [1.05, 1.04]]))
    assert found.low == -1
    assert 0 < found.value <= found.high <= 1


def test_limits_of_agreement_of_bland_and_altman() -> None:
    found = limits_of_agreement(MINI, WRIGHT)
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    # The paper takes 2 for 1.96: -79.7 and 75.5; intervals from t with 16 degrees of freedom.
    assert found.bias.value - 2 * found.sd == pytest.approx(-79.7, abs=0.1)
    assert found.upper.value == pytest.approx(-2.1 + 1.96 * 38.8, abs=0.1)
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.lower.high - found.lower.value == pytest.approx(
        2.12 * np.sqrt(38.8**2 * (1 / 17 + 1.96**2 / 32)), abs=0.1
    )


def test_within_subject_error_of_bland_and_altman() -> None:
    found = repeatability(np.column_stack([WRIGHT, WRIGHT_AGAIN]))
    assert found.within_sd.value == pytest.approx(15.3, abs=0.05)  # SMMR 1999
    assert found.least_change.value == pytest.approx(1.96 * np.sqrt(2) * 15.3, abs=0.2)
    assert found.subjects == 17


def test_within_subject_error_by_hand() -> None:
    # Variances 2, 8 and 0: mean 10/3. CVs: sqrt(2)/11, sqrt(8)/22, 0.
    values = np.array([[10.0, 12], [20, 24], [7, 7]])
    found = repeatability(values)
    assert found.within_sd.value == pytest.approx(np.sqrt(10 / 3))
    cv = 100 * np.sqrt((2 / 11**2 + 8 / 22**2 + 0) / 3)
    assert found.within_cv_percent == pytest.approx(cv)
    assert found.least_change.value == pytest.approx(1.959964 * np.sqrt(2 * 10 / 3))
    assert found.freedom == 3
    # chi-square with 3 degrees of freedom: 9.348 and 0.2158.
    assert found.within_sd.low == pytest.approx(np.sqrt(10 / 9.348), rel=1e-3)
    assert found.within_sd.high == pytest.approx(np.sqrt(10 / 0.2158), rel=1e-3)
    assert found.least_change.low == pytest.approx(2.771808 * np.sqrt(10 / 9.348), rel=1e-3)
    assert found.least_change.high == pytest.approx(2.771808 * np.sqrt(10 / 0.2158), rel=1e-3)


def test_subjects_with_a_missing_value_are_left_out() -> None:
    values = np.array([[10.0, 12], [20, np.nan], [20, 24], [np.nan, 3], [7, 7]])
    assert repeatability(values) == repeatability(values[[0, 2, 4]])
    found = limits_of_agreement(values[:, 0], values[:, 1])
    assert found.subjects == 3
    assert found.bias.value == pytest.approx(2)


def test_negative_means_have_no_coefficient_of_variation() -> None:
    assert np.isnan(repeatability(np.array([[-1.0, -2], [3, 4]])).within_cv_percent)


@pytest.mark.parametrize("values", [np.empty((0, 2)), np.array([[3.0, 4]])])
def test_too_few_subjects_say_nothing(values: np.ndarray) -> None:
    found = repeatability(values)
    assert np.isnan(found.icc.value)
    limits = limits_of_agreement(values[:, 0], values[:, 1])
    assert np.isnan(limits.sd)


def test_an_error_that_grows_with_the_value_has_a_slope() -> None:
    first = np.array([1.0, 2, 3, 4])
    assert limits_of_agreement(first, 1.1 * first).slope == pytest.approx(0.1 / 1.05)
    assert np.isnan(limits_of_agreement(first[:2], 1.1 * first[:2]).slope), "any line fits"

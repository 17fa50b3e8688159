"""How well repeated measurements agree: intraclass correlation, within-subject error, limits.

Rows are subjects, columns are what was repeated: runs, readers, scans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
"""Of all intervals and limits."""

FEW_FREEDOM = 10
"""With fewer degrees of freedom, such as pairs, an error may be twice what it seems."""


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval; NaN where there are too few subjects."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Repeatability:
    """What repeated measurements say about the error of one.

    Attributes:
        subjects: Subjects with a value in every repetition.
        repetitions: Repetitions of each.
        mean: Mean of all values.
        icc: ICC(2,1): two-way random effects, absolute agreement, a single measurement.
        within_sd: Within-subject standard deviation, differences between repetitions included.
        within_cv_percent: Root mean square over the subjects of 100 × SD / mean; NaN where a
            subject's mean is not positive.
        least_change: Least detectable change: two measurements of one subject that did not change
            differ by less in 95 % of cases; with the interval of `within_sd`.
        freedom: Degrees of freedom of `within_sd`: one for each repetition of a subject but the
            first, so that of two repetitions it is the number of pairs.
    """

    subjects: int
    repetitions: int
    mean: float
    icc: Interval
    within_sd: Interval
    within_cv_percent: float
    least_change: Interval
    freedom: int


@dataclass(frozen=True)
class Limits:
    """Bland and Altman's limits of agreement of two measurements, second less first.

    Attributes:
        subjects: Subjects that have both.
        bias: Mean difference.
        sd: Standard deviation of the differences.
        lower, upper: Between which 95 % of the differences lie, if they are normal.
        slope: Change of the difference per unit of the mean of both; far from 0 where the error
            grows with the value; NaN of two subjects, through which any line goes.
    """

    subjects: int
    bias: Interval
    sd: float
    lower: Interval
    upper: Interval
    slope: float


def complete(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows of (subjects, repetitions) without a missing value."""
    return np.asarray(values[np.isfinite(values).all(axis=1)], np.float64)


def repeatability(values: NDArray[np.float64]) -> Repeatability:
    """Judge repeated measurements.

    Args:
        values: (subjects, repetitions); subjects with a NaN are left out.
    """
    known = complete(values)
    n, k = known.shape
    if n == 0 or k < 2:
        return Repeatability(n, k, np.nan, Interval(), Interval(), np.nan, Interval(), 0)
    variances = known.var(axis=1, ddof=1)
    within = float(np.sqrt(variances.mean()))
    means = known.mean(axis=1)
    freedom = n * (k - 1)
    cv = float(100 * np.sqrt((variances / means**2).mean())) if (means > 0).all() else np.nan
    return Repeatability(
        subjects=n,
        repetitions=k,
        mean=float(known.mean()),
        icc=intraclass_correlation(known),
        within_sd=_sd_interval(within, freedom),
        within_cv_percent=cv,
        least_change=_sd_interval(float(normal_quantile() * np.sqrt(2)) * within, freedom),
        freedom=freedom,
    )


def intraclass_correlation(values: NDArray[np.float64]) -> Interval:
    """ICC(2,1) of (subjects, repetitions) without missing values, with its interval.

    The interval is an approximation, which fails where subjects differ less than repetitions: where
    it would not hold the value itself, it is unknown. A lower end below −1, which no correlation
    can have, is −1.

    Formula and interval: Shrout and Fleiss, Psychological Bulletin 1979; McGraw and Wong,
    Psychological Methods 1996 (there ICC(A,1)).
    """
    from scipy.stats import f

    n, k = values.shape
    if n < 2 or k < 2:
        return Interval()
    whole = values.mean()
    rows = k * ((values.mean(axis=1) - whole) ** 2).sum() / (n - 1)
    columns = n * ((values.mean(axis=0) - whole) ** 2).sum() / (k - 1)
    error = ((values - whole) ** 2).sum() - rows * (n - 1) - columns * (k - 1)
    error = max(error, 0) / ((n - 1) * (k - 1))
    below = rows + (k - 1) * error + k * (columns - error) / n
    if below <= 1e-12 * whole**2:
        return Interval()  # all values are equal
    icc = float((rows - error) / below)
    if error <= 1e-12 * (rows + columns):
        # Repetitions differ by constants at most: the interval's distribution is degenerate.
        differ = columns > 1e-12 * rows
        return Interval(icc, np.nan, np.nan) if differ else Interval(icc, icc, icc)
    ratio = columns / error
    base = n * (1 + (k - 1) * icc) - k * icc
    freedom = (n - 1) * (k - 1) * (k * icc * ratio + base) ** 2
    freedom /= (n - 1) * k**2 * icc**2 * ratio**2 + base**2
    tail = (1 + LEVEL) / 2
    upper_f, lower_f = f.ppf(tail, n - 1, freedom), f.ppf(tail, freedom, n - 1)
    rest = k * columns + (k * n - k - n) * error
    with np.errstate(over="ignore", invalid="ignore"):
        low = n * (rows - upper_f * error) / (upper_f * rest + n * rows)
        high = n * (lower_f * rows - error) / (rest + n * lower_f * rows)
    low, high = max(float(low), -1.0), float(high)
    return Interval(icc, low, high) if low <= icc <= high else Interval(icc)


def limits_of_agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> Limits:
    """Compare two measurements of the same subjects (Bland and Altman, SMMR 1999)."""
    from scipy.stats import t

    pairs = complete(np.column_stack([first, second]))
    n = len(pairs)
    if n == 0:
        return Limits(0, Interval(), np.nan, Interval(), Interval(), np.nan)
    difference, mean = pairs[:, 1] - pairs[:, 0], pairs.mean(axis=1)
    bias = float(difference.mean())
    if n < 2:
        return Limits(n, Interval(bias), np.nan, Interval(), Interval(), np.nan)
    sd, z = float(difference.std(ddof=1)), normal_quantile()
    quantile = float(t.ppf((1 + LEVEL) / 2, n - 1))
    of_bias = quantile * sd / np.sqrt(n)
    of_limit = quantile * sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))

    def around(value: float, half: float) -> Interval:
        return Interval(value, value - half, value + half)

    spread = ((mean - mean.mean()) ** 2).sum()
    slope = np.nan
    if n > 2 and spread > 0:
        slope = float(((mean - mean.mean()) * difference).sum() / spread)
    return Limits(
        subjects=n,
        bias=around(bias, of_bias),
        sd=sd,
        lower=around(bias - z * sd, of_limit),
        upper=around(bias + z * sd, of_limit),
        slope=slope,
    )


def sd_factors(freedom: int) -> tuple[float, float]:
    """How many times a standard deviation its true value may be: the ends of its interval.

    Errors are taken as normal, so that the sum of their squares has a chi-square distribution.
    """
    from scipy.stats import chi2

    low, high = chi2.ppf([(1 + LEVEL) / 2, (1 - LEVEL) / 2], freedom)
    return float(np.sqrt(freedom / low)), float(np.sqrt(freedom / high))


def _sd_interval(sd: float, freedom: int) -> Interval:
    low, high = sd_factors(freedom)
    return Interval(sd, sd * low, sd * high)


def normal_quantile() -> float:
    """1.96: how many standard deviations hold 95 % of a normal distribution."""
    from scipy.stats import norm

    return float(norm.ppf((1 + LEVEL) / 2))

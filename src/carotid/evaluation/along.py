"""Means along a curve, and how sure they are where errors of neighbours belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def spread_of_mean(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    s_mm: NDArray[np.float64],
    along_mm: float,
) -> float:
    """Standard deviation of a weighted sum of measures along an artery.

    Errors of two measures a length d apart correlate by exp(−(d / along_mm)² / 2).

    Args:
        values: (k,) their standard deviations.
        weights: (k,) what each is multiplied by; where it is 0 the value may be NaN.
        s_mm: (k,) where they are.
        along_mm: Over which length their errors belong together.

    Returns:
        NaN where a value that counts is unknown, or none counts.
    """
    used = weights != 0
    if not used.any():
        return float("nan")
    part = values[used] * weights[used]
    apart = (s_mm[used, None] - s_mm[used]) / along_mm
    return float(np.sqrt(max(part @ np.exp(-0.5 * apart**2) @ part, 0)))


def over_known(weights: NDArray[np.float64], spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of a sum, where measures without a spread count as those with one.

    Returns:
        (k,) with the same sum; all 0 where no measure that counts has a spread.
    """
    known = np.isfinite(spreads) & (weights > 0)
    if not known.any():
        return np.zeros_like(weights)
    return np.asarray(np.where(known, weights, 0) * weights.sum() / weights[known].sum())

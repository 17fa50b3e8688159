"""A smooth curve through an artery's points: penalised least squares, robust to strays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUT_OFF_MM = 1.5
"""Waves longer than this times 2π pass."""

_ROUNDS = 4
_LEAST_SCALE_MM = 0.15
"""Residuals are never judged against a smaller scale than this."""

_STRAY = 4.0
"""Residuals from this many scales on do not count."""

_LEAST_WEIGHT = 1e-4
_STIFFEST = 1e8
"""That of slices of 0.07 mm. Beyond it, where no MRI is, rounding would hide points' weights."""

_LEAST_HOLD = 1e-9
_HOLD_PER_STIFFNESS = 1e-13
"""What holds points of weight 0: more than rounding of the stiffness."""

_THIRD_DIFFERENCE = np.array([-1.0, 3.0, -3.0, 1.0])


def smoothed(
    points_mm: NDArray[np.float64], weight: NDArray[np.float64], slice_mm: float
) -> NDArray[np.float64]:
    """Smooth an artery's course.

    The sum of weighted squared distances plus λ times the sum of squared third differences is
    least, with λ such that waves of length 2π · `CUT_OFF_MM` are halved where weights are 1. Points
    are weighted down by how far they lie off the curve (Tukey's biweight), four times.

    Args:
        points_mm: (n, d) one in each of neighbouring slices; of any value where the weight is 0.
        weight: (n,) from 0 to 1, 0 where there is no point.
        slice_mm: Distance of the slices.

    Returns:
        (n, d) the curve.
    """
    known = weight > 0
    curve = _least_squares(points_mm, weight, slice_mm)
    for _ in range(_ROUNDS):
        off = np.linalg.norm(points_mm - curve, axis=1)
        scale = max(_LEAST_SCALE_MM, 1.48 * float(np.median(off[known])))
        trust = np.clip(1 - (off / (_STRAY * scale)) ** 2, 0, None) ** 2
        curve = _least_squares(points_mm, weight * trust + _LEAST_WEIGHT * known, slice_mm)
    return curve


def _least_squares(
    points_mm: NDArray[np.float64], weight: NDArray[np.float64], slice_mm: float
) -> NDArray[np.float64]:
    from scipy.linalg import solveh_banded

    n, order = len(points_mm), len(_THIRD_DIFFERENCE)
    if n < order:
        return points_mm.copy()
    stiffness = min((CUT_OFF_MM / slice_mm) ** 6, _STIFFEST)
    banded = np.zeros((order, n))
    for a in range(order):
        for b in range(a, order):
            product = _THIRD_DIFFERENCE[a] * _THIRD_DIFFERENCE[b]
            banded[order - 1 - (b - a), b : b + n - order + 1] += stiffness * product
    banded[-1] += weight + max(_LEAST_HOLD, _HOLD_PER_STIFFNESS * stiffness)
    return np.asarray(solveh_banded(banded, weight[:, None] * points_mm))

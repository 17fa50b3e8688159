"""Where the common carotid divides: the height at which internal and external carotid meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIT_MM = 6.0
"""Height over which the separation of the two is taken to grow evenly."""

LOWEST_MM = 8.0
"""How far below the lowest level with two arteries the bifurcation may lie."""

_LEAST_SLOPE = 0.05
"""Separation per height below which the two do not meet within reach."""

_FEWEST = 3


def meeting_height(
    height_mm: NDArray[np.float64], separation_mm: NDArray[np.float64], apart_mm: float
) -> float:
    """The height at which two arteries meet, from where they are seen apart.

    A straight line is fitted to the separation over the lowest millimetres, by weights that make
    relative errors count, and followed down to zero.

    Args:
        height_mm: (n,) heights, rising.
        separation_mm: (n,) distance of both channels' peaks in the slice.
        apart_mm: Height from which on they are seen apart.

    Returns:
        A height at most `apart_mm`, and at most `LOWEST_MM` below it.
    """
    used = (height_mm >= apart_mm) & (height_mm <= apart_mm + FIT_MM)
    if used.sum() < _FEWEST:
        return apart_mm
    above, separation = height_mm[used] - apart_mm, separation_mm[used]
    slope, offset = np.polyfit(above, separation, 1, w=1 / np.maximum(separation, 1))
    if slope <= _LEAST_SLOPE:
        return apart_mm
    return apart_mm + float(np.clip(-offset / slope, -LOWEST_MM, 0))

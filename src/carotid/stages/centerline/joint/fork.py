"""Where the common carotid divides: the height at which internal and external carotid meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE_MM = 8.0
"""From this separation on, it says nothing about where they met."""

REACH_MM, REACH_SLICES = 12.0, 3
"""How high above the lowest level with two arteries their separation is looked at."""

LOWEST_MM = 8.0
"""How far below the lowest level with two arteries the bifurcation may lie."""

_LEAST_SLOPE = 0.05
"""Separation per height below which the two do not meet within reach."""


def meeting_height(
    height_mm: NDArray[np.float64], separation_mm: NDArray[np.float64], apart_mm: float
) -> float:
    """The height at which two arteries meet, from where they are seen apart.

    A straight line is fitted to the separation until they are wide apart, by weights that make
    relative errors count, and followed down to zero.

    Args:
        height_mm: (n,) heights of neighbouring slices, rising.
        separation_mm: (n,) distance of both channels' peaks in the slice.
        apart_mm: Height from which on they are seen apart.

    Returns:
        A height at most `apart_mm`, and at most `LOWEST_MM` below it.
    """
    above = height_mm >= apart_mm
    slice_mm = float(np.diff(height_mm[:2]).sum())
    near = height_mm <= apart_mm + max(REACH_MM, REACH_SLICES * slice_mm)
    narrow = ~np.logical_or.accumulate(above & (separation_mm >= WIDE_MM))
    used = above & near & narrow
    if used.sum() < 2:
        return apart_mm
    over, separation = height_mm[used] - apart_mm, separation_mm[used]
    slope, offset = np.polyfit(over, separation, 1, w=1 / np.maximum(separation, 1))
    if slope <= _LEAST_SLOPE:
        return apart_mm
    return apart_mm + float(np.clip(-offset / slope, -LOWEST_MM, 0))

"""Where the common carotid divides: the height at which internal and external carotid meet.

Two arteries that lie closer than some 3 mm look like one vessel, and the peaks of their heatmaps
draw together: the separation of the peaks says nothing there. So it is followed down from where the
arteries are well apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSE_MM, WIDE_MM = 3.5, 7.0
"""Separations between which it is looked at: on necks of the first simulator the peaks are too
close together below the one, and beyond the other the arteries no longer part."""

USUAL_RISE, SEEN_SHARE = 1.0, 0.7
"""Height per separation that is usual there, and how much what is seen counts against it."""

BELOW_MM = 8.0
"""How far below the lowest level with two arteries their separation is looked at."""

REACH_MM, REACH_SLICES = 12.0, 3
"""And how far above it."""

LOWEST_MM = 8.0
"""How far below the lowest level with two arteries the bifurcation may lie."""

_MOST_RISE = 3.0
"""Height per separation beyond which it counts no more: the arteries run beside each other."""


def meeting_height(
    height_mm: NDArray[np.float64], separation_mm: NDArray[np.float64], apart_mm: float
) -> float:
    """The height at which two arteries meet, from where they are seen apart.

    The separation, made to rise only (by the mean of the most up to each slice and of the least
    from it on), reaches `CLOSE_MM` at one height and `WIDE_MM`, or the most that it becomes, at
    another. From the first one they go on downwards until they meet, by what separates them between
    the two and what is usual.

    Args:
        height_mm: (n,) heights of slices, rising.
        separation_mm: (n,) distance of both channels' peaks in the slice.
        apart_mm: Height from which on they are seen apart.

    Returns:
        A height at most `apart_mm`, and at most `LOWEST_MM` below it; `apart_mm` itself where they
        are not seen to part.
    """
    slice_mm = float(np.diff(height_mm[:2]).sum())
    highest_mm = apart_mm + max(REACH_MM, REACH_SLICES * slice_mm)
    near = (height_mm >= apart_mm - BELOW_MM) & (height_mm <= highest_mm)
    height, seen_mm = height_mm[near], separation_mm[near]
    so_far, from_here = np.maximum.accumulate(seen_mm), np.minimum.accumulate(seen_mm[::-1])[::-1]
    rising = (so_far + from_here) / 2
    widest_mm = min(WIDE_MM, float(rising[-1]))
    if not rising[0] < CLOSE_MM < widest_mm:
        return apart_mm
    close, wide = (_first_height(height, rising, s) for s in (CLOSE_MM, widest_mm))
    seen = min((wide - close) / (widest_mm - CLOSE_MM), _MOST_RISE)
    rise = SEEN_SHARE * seen + (1 - SEEN_SHARE) * USUAL_RISE
    return float(np.clip(close - CLOSE_MM * rise, apart_mm - LOWEST_MM, apart_mm))


def _first_height(
    height: NDArray[np.float64], rising: NDArray[np.float64], separation: float
) -> float:
    """Where a separation that is more than the lowest one is reached first, between two slices."""
    above = int(np.searchsorted(rising, separation))
    share = (separation - rising[above - 1]) / (rising[above] - rising[above - 1])
    return float(height[above - 1] + share * (height[above] - height[above - 1]))

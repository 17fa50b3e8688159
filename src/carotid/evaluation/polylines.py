"""Distances from points to a line through others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIRS = 1 << 20
"""Pairs of a point and a piece of the line that are looked at together."""


def distances_to_polyline(
    points: NDArray[np.float64], line: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of each point to the nearest place on a line through others, in their order.

    Args:
        points: (n, d).
        line: (m, d), at least one; a single one is a line of no length.

    Returns:
        (n,) distances, in the points' unit.

    >>> line = np.array([[0.0, 0.0], [6.0, 0.0]])
    >>> distances_to_polyline(np.array([[1.0, 2.0], [9.0, 0.0]]), line)
    array([2., 3.])
    """
    starts = line[:-1] if len(line) > 1 else line
    along = np.diff(line, axis=0) if len(line) > 1 else np.zeros_like(line)
    length_2 = (along**2).sum(axis=1)
    nearest = np.empty(len(points))
    step = max(1, _PAIRS // len(starts))
    for first in range(0, len(points), step):
        offset = points[first : first + step, None] - starts
        share = (offset * along).sum(axis=2) / np.where(length_2 > 0, length_2, 1.0)
        gap = offset - np.clip(share, 0, 1)[..., None] * along
        nearest[first : first + step] = np.sqrt((gap**2).sum(axis=2).min(axis=1))
    return nearest

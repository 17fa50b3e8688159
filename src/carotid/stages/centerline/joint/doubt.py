"""How far off a center, or the bifurcation, may be: the expected error in millimetres.

Three things speak of a center's error: the height of the heatmap there, which by itself says how
far away the artery should be; where else the artery may run; and where the members' own maxima lie.
A search that has taken a wrong way stays on it for a while, so what they say is evened along the
artery. Where it is wrong over the whole length, no place stands out, but the heights are low: so
their mean over the artery speaks of each of its centers, too. All shares were fitted to errors on
necks of the first simulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_MM = 0.2
"""Error of a center that nothing speaks against."""

LEAST_FORK_MM = 1.0
"""Error of a bifurcation's height of which all likely courses say the same."""

EVENED_MM = 5.0
"""Standard deviation of the Gaussian window along the artery."""

_OF_HEIGHT, _OF_ARTERY, _OF_ALTERNATIVES, _OF_MEMBERS = 0.20, 0.50, 0.45, 0.05
"""Shares of squared distances in the squared error: by the heights nearby and of the whole artery,
to other places, to the members' maxima."""

_REACH_MM, _STEEPNESS = 16.0, 6.0
_MOST_BY_HEIGHT_MM = 8.0
_MOST_MEMBER_MM = 5.0
"""Distances beyond these count no more."""


def distance_by_height_mm(height: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far away the artery is by its heatmap, which is trained to be exp(6(1 − d/16 mm)) − 1."""
    said = _REACH_MM * (1 - np.log1p(np.maximum(height, 0)) / _STEEPNESS)
    return np.asarray(np.clip(said, 0, _MOST_BY_HEIGHT_MM))


def uncertainty_mm(
    height: NDArray[np.float64],
    spread_mm: NDArray[np.float64],
    members_mm: NDArray[np.float64],
    slice_mm: float,
) -> NDArray[np.float64]:
    """Expected error of an artery's centers in neighbouring slices.

    Args:
        height: (n,) the mean heatmap there.
        spread_mm: (n,) distance of the alternatives, root mean square.
        members_mm: (members, n) distance from each center to each member's maximum in its slice.
        slice_mm: Distance of the slices.
    """
    from scipy.ndimage import gaussian_filter1d

    if not len(height):
        return np.empty(0)
    by_height = distance_by_height_mm(height) ** 2
    members = (np.minimum(members_mm, _MOST_MEMBER_MM) ** 2).mean(axis=0)
    nearby = _OF_HEIGHT * by_height + _OF_ALTERNATIVES * spread_mm**2 + _OF_MEMBERS * members
    square = gaussian_filter1d(nearby, EVENED_MM / slice_mm) + _OF_ARTERY * by_height.mean()
    return np.asarray(np.sqrt(LEAST_MM**2 + square))


def fork_uncertainty_mm(
    common: NDArray[np.float64], height_mm: NDArray[np.float64], fork_mm: float
) -> float:
    """Expected error of a bifurcation's height.

    Args:
        common: (levels,) probability that a level shows the common carotid; where it falls from
            one level to the next, it divides between them.
        height_mm: (levels,) their heights, rising.
        fork_mm: The bifurcation's.
    """
    falls = np.maximum(0, -np.diff(common))
    between_mm = (height_mm[1:] + height_mm[:-1]) / 2
    square = (falls * (between_mm - fork_mm) ** 2).sum() / max(falls.sum(), 1e-9)
    return float(np.hypot(LEAST_FORK_MM, np.sqrt(square)))

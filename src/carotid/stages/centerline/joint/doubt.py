"""How far off a center, or the bifurcation, may be: the expected error in millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_MM = 0.2
"""Error of a center that nothing speaks against."""

LEAST_FORK_MM = 1.0
"""Error of a bifurcation's height of which all likely courses say the same."""

MOST_MEMBER_MM = 5.0
"""A member's maximum further away than this counts as this far."""


def uncertainty_mm(
    spread_mm: NDArray[np.float64], members_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected error of centers.

    Args:
        spread_mm: (n,) spread of the alternatives.
        members_mm: (members, n) distance from each center to each member's maximum in its slice.
    """
    near = np.minimum(members_mm, MOST_MEMBER_MM)
    return np.asarray(np.sqrt(LEAST_MM**2 + spread_mm**2 + (near**2).mean(axis=0)))


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

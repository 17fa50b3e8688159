"""How far off a center may be: its expected error in millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_MM = 0.2
"""Error of a center that nothing speaks against."""

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

"""The wall's thickness as a map: length along the artery by direction, on an even grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.figures.courses import DrawnCourse

STEP_MM = 0.5


@dataclass(frozen=True, eq=False)
class UnfoldedMap:
    """One artery's wall, cut open at the back and laid flat, as one sees it from the front.

    The patient's right side has lateral on the left, the left side on the right: the maps of both
    are mirror images where the arteries are.

    Attributes:
        thickness_mm: (rows, columns); rows go up along the artery, columns from left to right as
            seen, the first and the last are the same direction; NaN where it cannot be read.
        from_mm, to_mm: Lower edge of the first row and upper edge of the last.
        directions: Names of the directions at 0, 1/4, … 4/4 of the width.
    """

    thickness_mm: NDArray[np.float64]
    from_mm: float
    to_mm: float
    directions: tuple[str, str, str, str, str]


def unfold(course: DrawnCourse) -> UnfoldedMap:
    """Lay an artery's wall flat.

    Between neighbouring slices thickness lies on straight lines; gaps stay empty.
    """
    first = np.floor(course.s_mm.min() / STEP_MM) * STEP_MM
    count = max(int(np.ceil((course.s_mm.max() - first) / STEP_MM)), 1)
    middles = first + STEP_MM * (np.arange(count) + 0.5)
    thickness = _along(course, middles)
    order = _columns(thickness.shape[1], mirrored=course.side == "left")
    beside = ("lateral", "medial") if course.side == "right" else ("medial", "lateral")
    return UnfoldedMap(
        thickness[:, order],
        float(first),
        float(first + STEP_MM * count),
        ("posterior", beside[0], "anterior", beside[1], "posterior"),
    )


def _along(course: DrawnCourse, middles_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(middles, directions) thickness at positions, NaN where no slice that can be read is near."""
    values = np.where(course.wall_read[:, None], course.thickness_mm, np.nan)
    if len(course) == 1:
        return np.broadcast_to(values, (len(middles_mm), values.shape[1])).copy()
    low = np.clip(np.searchsorted(course.s_mm, middles_mm) - 1, 0, len(course) - 2)
    share = (middles_mm - course.s_mm[low]) / np.maximum(np.diff(course.s_mm)[low], 1e-9)
    share = np.clip(share, 0, 1)[:, None]
    # At an end of what can be read the nearest slice stands for half of the distance.
    one, other = values[low], values[low + 1]
    nearest = np.where(share < 0.5, one, other)
    mixed = one + share * (other - one)
    found = np.where(np.isfinite(mixed), mixed, nearest)
    return np.where(course.joined()[low][:, None], found, np.nan)


def _columns(directions: int, *, mirrored: bool) -> NDArray[np.int64]:
    """Which direction each column shows, from posterior by lateral to anterior and round.

    Directions count from anterior towards lateral. Seen from the front, the right artery's lateral
    side is on the left.
    """
    from_left = (directions // 2 - np.arange(directions + 1)) % directions
    return from_left[::-1] if mirrored else from_left

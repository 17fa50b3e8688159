"""Where the segments of an artery are in a figure, by the words that figures have for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from carotid.figures.courses import DrawnCourse

TITLES = {
    "common_low": "common",
    "common_bulb": "bulb",
    "internal_bulb": "bulb",
    "internal_high": "internal",
    "external": "external",
}


@dataclass(frozen=True)
class DrawnSegment:
    """A part of an artery.

    Attributes:
        title: What it is called; the bulb is in both the common and the internal carotid.
        from_mm, to_mm: Positions of its first and last slice.
    """

    title: str
    from_mm: float
    to_mm: float


def segments_of(course: DrawnCourse) -> list[DrawnSegment]:
    """The parts that an artery's slices lie in, upwards; none where the bifurcation is unknown."""
    names = np.array(course.table.words("segment"))[course.rows]
    found = []
    for title in dict.fromkeys(TITLES.values()):
        own = np.isin(names, [name for name, one in TITLES.items() if one == title])
        if own.any():
            s = course.s_mm[own]
            found.append(DrawnSegment(title, float(s.min()), float(s.max())))
    return found

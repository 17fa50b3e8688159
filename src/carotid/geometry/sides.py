"""The two overlapping sides of a neck.

Each carotid is searched in its own two thirds of the width; in a scan that shows one side only, in
all of it. The right side is mirrored, so that a network sees every carotid as a left one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

SideName = Literal["left", "right"]

SIDE_NAMES: tuple[SideName, SideName] = ("left", "right")

Sides = Literal["both", "left", "right"]
"""Which sides of the neck a scan shows."""


SIDE_SHARE = 2 / 3
"""Of the width of a scan of both sides that each of them has."""


@dataclass(frozen=True)
class Side:
    """Columns of the network frame's last axis, which grows to the patient's left.

    A side that is not looked at has no columns.

    Attributes:
        name: The patient's side.
        start: First column.
        stop: One past the last column.
        mirrored: Whether the network sees the columns last to first.
    """

    name: SideName
    start: int
    stop: int
    mirrored: bool

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.stop - self.start

    def within(self, start: int, stop: int) -> Side:
        """The part of it between two columns; may be empty."""
        low = max(self.start, start)
        return replace(self, start=low, stop=max(low, min(self.stop, stop)))


def shown_sides(told: object) -> tuple[SideName, ...]:
    """The sides that a scan shows, by a setting or a record of it; both unless it is one of them.

    >>> shown_sides("left"), shown_sides(None)
    (('left',), ('left', 'right'))
    """
    return tuple(name for name in SIDE_NAMES if name == told) or SIDE_NAMES


def where_searched(searched: Sequence[SideName]) -> str:
    """On which side arteries were looked for, for messages about what is there on none of them.

    >>> where_searched(("left",)), where_searched(SIDE_NAMES)
    ('on the left side', 'on either side')
    """
    return f"on the {searched[0]} side" if len(searched) == 1 else "on either side"


def sides_of(width: int, sides: Sides = "both") -> tuple[Side, Side]:
    """The left and the right side of a scan that is `width` columns wide.

    Left is columns width//3 to the end; right is columns 0 to 2·width//3, mirrored. Where the scan
    shows one side, that side has all columns and the other none.
    """
    left, right = (width // 3, width), (0, max(2 * width // 3, 1))
    if sides != "both":
        left, right = ((0, width if name == sides else 0) for name in SIDE_NAMES)
    return Side("left", *left, mirrored=False), Side("right", *right, mirrored=True)

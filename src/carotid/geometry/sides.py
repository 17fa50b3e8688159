"""The two overlapping sides of a neck.

Each carotid is searched in its own two thirds of the width. The right side is mirrored, so that a
network sees every carotid as if it were a left one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SideName = Literal["left", "right"]

SIDE_NAMES: tuple[SideName, SideName] = ("left", "right")


@dataclass(frozen=True)
class Side:
    """Columns of the network frame's last axis, which grows to the patient's left.

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


def sides_of(width: int) -> tuple[Side, Side]:
    """The left and the right side of a neck that is `width` columns wide.

    Left is columns width//3 to the end; right is columns 0 to 2·width//3, mirrored.
    """
    return Side("left", width // 3, width, mirrored=False), Side(
        "right", 0, max(2 * width // 3, 1), mirrored=True
    )

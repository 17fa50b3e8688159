"""Outlines that somebody takes away: of another vessel, or where nothing can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carotid.artifacts import LABELS
from carotid.errors import UsageError
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.artifacts import Contours, Label
    from carotid.geometry.sides import SideName

FORM = "SIDE ARTERY [FIRST[-LAST]]"
"""How one is written, such as `left external 40-60`."""

_WRITTEN = re.compile(
    rf"\s*({'|'.join(SIDE_NAMES)})\s+({'|'.join(LABELS)})(?:\s+(\d+)(?:\s*-\s*(\d+))?)?\s*"
)


@dataclass(frozen=True)
class Removal:
    """Which outlines are taken away, lumen and wall.

    Attributes:
        side, label: Of which artery.
        first, last: Canonical slices; None where the whole artery goes.
    """

    side: SideName
    label: Label
    first: int | None = None
    last: int | None = None

    def holds(self, side: SideName, label: Label, z: int) -> bool:
        """Whether an artery's outlines in a slice go."""
        if (side, label) != (self.side, self.label):
            return False
        return self.first is None or self.last is None or self.first <= z <= self.last

    def __str__(self) -> str:
        """As it is written."""
        if self.first == self.last:
            slices = "" if self.first is None else f" {self.first}"
        else:
            slices = f" {self.first}-{self.last}"
        return f"{self.side} {self.label}{slices}"


def read_removal(text: str) -> Removal:
    """A removal from its words.

    >>> str(read_removal("left  external 40 - 60")), str(read_removal("right internal 7"))
    ('left external 40-60', 'right internal 7')

    Raises:
        UsageError: They are not of the form `FORM`, or the last slice comes before the first.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise UsageError(
            "what is to be removed is not understood",
            found=repr(text),
            expected=f'{FORM}, such as "left external 40-60" or "left external"',
        )
    side = next(one for one in SIDE_NAMES if one == written[1])
    label = next(one for one in LABELS if one == written[2])
    if written[3] is None:
        return Removal(side, label)
    first = int(written[3])
    last = first if written[4] is None else int(written[4])
    if last < first:
        raise UsageError("the last slice comes before the first", found=repr(text))
    return Removal(side, label, first, last)


def without(
    contours: Contours, removals: Sequence[Removal], before: Contours | None = None
) -> tuple[Contours, Contours]:
    """Contours without some outlines, and those that this took away.

    Args:
        contours: All of them.
        removals: Which go.
        before: What a command that was cut short has taken away already.

    Raises:
        UsageError: A removal takes nothing away, and did not before.
    """
    for one in removals:
        own = [x.z for x in contours.side(one.side) if x.label == one.label]
        known = contours.side(one.side) + (before.side(one.side) if before else ())
        if not any(one.holds(one.side, section.label, section.z) for section in known):
            raise UsageError(
                f"there is no outline to remove: {one}",
                found=f"those of that artery are in slices {min(own)} to {max(own)}"
                if own
                else "none of that artery",
            )
    kept, gone = (
        {
            side: tuple(
                section
                for section in contours.side(side)
                if any(one.holds(side, section.label, section.z) for one in removals) is goes
            )
            for side in SIDE_NAMES
        }
        for goes in (False, True)
    )
    return (
        replace(contours, left=kept["left"], right=kept["right"]),
        replace(contours, left=gone["left"], right=gone["right"]),
    )

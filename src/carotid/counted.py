"""Numbers of things in words, and long lists in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(number: int, thing: str) -> str:
    """A number with its noun, which takes an s for all numbers but one.

    >>> counted(1, "participant"), counted(0, "later scan")
    ('1 participant', '0 later scans')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def listed(words: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first words of a list and the number of the others.

    >>> listed(["a", "b", "c", "d"], 2), listed(["a", "b"], 2)
    ('a, b and 2 more', 'a, b')
    """
    more = len(words) - most
    return separator.join(words[:most]) + (f" and {more} more" if more > 0 else "")


def shortened(names: Sequence[str]) -> str:
    """The first twenty names of a list, none of them longer than a line bears."""
    return listed([name[:60] for name in names], 20)

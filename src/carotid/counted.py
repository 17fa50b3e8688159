"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """A number with its noun, which takes an s for all numbers but one.

    >>> counted(1, "participant"), counted(0, "later scan")
    ('1 participant', '0 later scans')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"

"""What can go wrong, as one clear line: what, where, found, expected, what to do.

Every error that a user can cause is a `CarotidError`. The command line prints its message and
nothing else (the traceback appears at `-vv`), so the message has to stand alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

Kind = TypeVar("Kind", bound="CarotidError")

_SPACES = re.compile(r"[ \t\n\r\f\v]+")
"""Of ASCII alone: other spaces, as the one that does not break, look the same and are not."""


def one_line(text: object) -> str:
    """Return `text` on one line, with characters that cannot be seen spelled out."""
    words = _SPACES.split(str(text).strip(" \t\n\r\f\v"))
    return " ".join("".join(c if c.isprintable() else repr(c)[1:-1] for c in w) for w in words)


class CarotidError(Exception):
    """An error with a message made of what, where, found, expected and a remedy.

    Args:
        what: What is wrong, as a short clause without a full stop.
        where: The file, folder, participant or option at fault.
        found: What was found there.
        expected: What should have been there.
        remedy: What the user can do, as a sentence without a full stop.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        found: object = None,
        expected: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what = one_line(what)
        self.where = None if where is None else one_line(where)
        self.found = None if found is None else one_line(found)
        self.expected = None if expected is None else one_line(expected)
        self.remedy = None if remedy is None else one_line(remedy)
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        details = []
        if self.found is not None:
            details.append(f"found {self.found}")
        if self.expected is not None:
            details.append(f"expected {self.expected}")
        if details:
            text += f" ({', '.join(details)})"
        if self.remedy is not None:
            text += f". {self.remedy[0].upper()}{self.remedy[1:]}."
        return text

    def at(self, where: str | Path) -> Self:
        """The same error, naming `where` as its place unless it names one already."""
        return self if self.where is not None else self.told_as(type(self), where=where)

    def during(self, step: str) -> Self:
        """The same error, told as one of a step of the pipeline."""
        if self.where is None:
            return self.told_as(type(self), what=f"{step}: {self.what}")
        return self.told_as(type(self), where=f"{step}: {self.where}")

    def told_as(self, kind: type[Kind], **changed: Any) -> Kind:
        """The same error as one of a kind, with some of its parts changed."""
        return _rebuild(kind, {**self._parts, **changed})

    @property
    def _parts(self) -> dict[str, str | None]:
        names = ("what", "where", "found", "expected", "remedy")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self._parts)


def _rebuild(kind: type[Kind], parts: dict[str, Any]) -> Kind:
    return kind(**parts)


class InputError(CarotidError):
    """A participant's scan (or annotation) cannot be used; the other participants go on."""


class OutputError(CarotidError):
    """A result could not be written, or did not read back as written."""


class ResourceError(CarotidError):
    """Memory, disk or device are not enough for what was asked."""


class UsageError(CarotidError):
    """The command was given something that it cannot start with; nothing was touched."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A configuration file has mistakes."""


class ModelError(UsageError):
    """A model directory or one of its files cannot be used."""

"""How far a command is, told as fits the place; the only teller, whatever the command does.

On a terminal there are bars; in a file (a Slurm log) timed lines with the time left, one for each
participant, neck or member that is finished and one now and then; in a pipe nothing, but the lines
with -v. All of it goes to standard error.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

from carotid.cli import logs

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_LINE_EVERY_S = 30.0


def duration(seconds: float) -> str:
    """A length of time for people: 8 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Teller(Protocol):
    """Tells how far a command is; a context manager that lasts as long as there is something."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def begin(self, name: str, steps: int = 1, unit: str = "", done: int = 0) -> None:
        """An item is begun, in so many steps of a unit such as "window"; some may be done."""

    def step(self, done: int, note: str = "") -> None:
        """So many steps of it are done; a note makes a line of its own."""

    def end(self, text: str = "", *, counts: bool = True, failed: bool = False) -> None:
        """An item is finished.

        Args:
            text: What became of it.
            counts: Whether it took the time that items take.
            failed: Whether people should see this at once, also on a terminal.
        """


class Silence:
    """For pipes: whoever reads them wants results."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def begin(self, name: str, steps: int = 1, unit: str = "", done: int = 0) -> None:
        """Say nothing."""

    def step(self, done: int, note: str = "") -> None:
        """Say nothing."""

    def end(self, text: str = "", *, counts: bool = True, failed: bool = False) -> None:
        """Say nothing."""


class Lines:
    """Timed plain lines.

    Args:
        items: How many items there are.
        what: What they are, in the plural; empty where the text of each says it.
    """

    def __init__(self, items: int, what: str = "") -> None:
        self._items, self._what = items, what
        self._finished, self._counted = 0, 0
        self._begin = self._item_begin = self._item_end = self._last_line = time.monotonic()
        self._name, self._unit = "", ""
        self._steps, self._first, self._done = 1, 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def begin(self, name: str, steps: int = 1, unit: str = "", done: int = 0) -> None:
        """An item is begun."""
        self._name, self._unit = name, unit
        self._steps, self._first, self._done = max(steps, 1), done, done
        self._item_begin = time.monotonic()

    def step(self, done: int, note: str = "") -> None:
        """Some steps are done; now and then this is a line."""
        self._done = done
        if note or time.monotonic() - self._last_line >= _LINE_EVERY_S:
            text = f"{self._name}: {self._unit} {done} of {self._steps}"
            self._line(f"{text}, {note}" if note else text)

    def end(self, text: str = "", *, counts: bool = True, failed: bool = False) -> None:
        """An item is finished: a line."""
        self._finished += 1
        self._counted += counts
        self._item_end = self._item_begin = time.monotonic()
        self._first = self._done = 0
        self._line(f"{self._finished}/{self._items} {text or self._what}")

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        left_s = self._left_s()
        rest = "" if left_s is None else f" (about {duration(left_s)} left)"
        logs.say(f"[{duration(self._last_line - self._begin)}] {text}{rest}")

    def _left_s(self) -> float | None:
        """Seconds until all items are finished, if each takes as long as those so far did."""
        left, spent_s = self._items - self._finished, self._last_line - self._item_begin
        if left <= 0 or self._done >= self._steps:
            return None
        if self._counted:
            each_s = (self._item_end - self._begin) / self._counted
        elif self._done > self._first:
            each_s = spent_s * (self._steps - self._first) / (self._done - self._first)
        else:
            return None
        return max(each_s * left - spent_s, 0.0)


class Bars:
    """Two bars on a terminal: all items, and the steps of the current one.

    Args:
        items: How many items there are.
        what: What they are, in the plural.
    """

    def __init__(self, items: int, what: str = "") -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bars: RichProgress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            transient=True,
        )
        self._all: TaskID = self._bars.add_task(what, total=items, visible=items > 1)
        self._one: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        console = self._bars.console
        logs.redirect(lambda line: console.print(line, markup=False, highlight=False))
        return self

    def __exit__(self, *_: object) -> None:
        logs.redirect(None)
        self._bars.stop()

    def begin(self, name: str, steps: int = 1, unit: str = "", done: int = 0) -> None:
        """An item is begun: a bar of its own, where it has several steps."""
        if self._one is not None:
            self._bars.remove_task(self._one)
        self._one = None
        if steps > 1:
            self._one = self._bars.add_task(f"  {name}", total=steps, completed=done)

    def step(self, done: int, note: str = "") -> None:
        """Some steps are done."""
        if self._one is not None:
            self._bars.update(self._one, completed=done)
        if note:
            logs.say(note)

    def end(self, text: str = "", *, counts: bool = True, failed: bool = False) -> None:
        """An item is finished."""
        self._bars.advance(self._all)
        if failed:
            logs.say(text)


def choose_teller(items: int, what: str = "") -> Bars | Lines | Silence:
    """What fits standard error.

    Args:
        items: How many items there are.
        what: What they are, in the plural, such as "participants".
    """
    try:
        if sys.stderr.isatty():
            return Bars(items, what)
        in_file = stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode)
    except (AttributeError, ValueError, OSError):
        return Silence()
    return Lines(items, what) if in_file or logs.verbosity() else Silence()

"""How far a run is: bars on a terminal, timed plain lines anywhere else; and the closing table."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

import click

from carotid.cli import logs
from carotid.cli.interrupts import stop_if_asked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from carotid.cohort.runner import Outcome

_LINE_EVERY_S = 30.0
_ALL_ROWS = 30


def duration(seconds: float) -> str:
    """A length of time for people: 8 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class LineProgress:
    """Timed plain lines on standard error: one per participant, and one now and then."""

    def __init__(self, participants: int) -> None:
        self._participants = participants
        self._finished = 0
        self._computed = 0
        self._begin = time.monotonic()
        self._last_line = self._begin
        self._current = ""
        self._steps = 0
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def started(self, participant_id: str, steps: int) -> None:
        """A participant is being computed."""
        stop_if_asked()
        self._current, self._steps, self._taken = participant_id, steps, 0

    def advanced(self) -> None:
        """One window was predicted."""
        stop_if_asked()
        self._taken += 1
        if time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._line(f"{self._current}: window {self._taken} of {self._steps}")

    def waiting(self, participant_id: str) -> None:
        """Another process has this participant."""
        stop_if_asked()
        self._line(f"{participant_id}: another process is working on it; waiting for it to finish")

    def finished(self, outcome: Outcome) -> None:
        """A participant is done, skipped or has failed."""
        if outcome.status == "failed":
            stop_if_asked()
        self._finished += 1
        self._computed += outcome.status == "done"
        text = f"{self._finished}/{self._participants} {outcome.participant_id}: {outcome.status}"
        if outcome.reason:
            text += f" - {outcome.reason}"
        left = self._participants - self._finished
        if left and self._computed:
            each = (time.monotonic() - self._begin) / self._computed
            text += f" (about {duration(each * left)} left)"
        self._line(text)

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        logs.say(f"[{duration(self._last_line - self._begin)}] {text}")


class BarProgress:
    """Two bars on a terminal: participants, and windows of the current one, with the time left."""

    def __init__(self, participants: int) -> None:
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
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._all: TaskID = self._bars.add_task("participants", total=participants)
        self._one: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        console = self._bars.console
        logs.redirect(lambda line: console.print(line, markup=False, highlight=False))
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        logs.redirect(None)
        self._bars.stop()

    def started(self, participant_id: str, steps: int) -> None:
        """A participant is being computed."""
        stop_if_asked()
        if self._one is not None:
            self._bars.remove_task(self._one)
        self._one = self._bars.add_task(f"  {participant_id}", total=steps)

    def advanced(self) -> None:
        """One window was predicted."""
        stop_if_asked()
        if self._one is not None:
            self._bars.advance(self._one)

    def waiting(self, participant_id: str) -> None:
        """Another process has this participant."""
        stop_if_asked()
        logs.say(f"{participant_id}: another process is working on it; waiting for it to finish")

    def finished(self, outcome: Outcome) -> None:
        """A participant is done, skipped or has failed."""
        if outcome.status == "failed":
            stop_if_asked()
        self._bars.advance(self._all)
        if outcome.status == "failed":
            logs.say(f"{outcome.participant_id}: failed - {outcome.reason}")


def choose_progress(participants: int) -> BarProgress | LineProgress:
    """Bars where standard error is a terminal, else lines."""
    try:
        terminal = sys.stderr.isatty()
    except (AttributeError, ValueError):
        terminal = False
    return BarProgress(participants) if terminal else LineProgress(participants)


def print_table(outcomes: Sequence[Outcome], seconds: float) -> None:
    """The closing table on standard output: who is done, who is not, and why."""
    shown = [o for o in outcomes if len(outcomes) <= _ALL_ROWS or o.status == "failed"]
    if shown:
        width = max(len("participant"), *(len(o.participant_id) for o in shown))
        click.echo(f"{'participant':{width}}  result   reason")
        for outcome in shown:
            row = f"{outcome.participant_id:{width}}  {outcome.status:7}  {outcome.reason}"
            click.echo(row.rstrip())
    count = {s: sum(o.status == s for o in outcomes) for s in ("done", "skipped", "failed")}
    click.echo(
        f"{count['done']} done, {count['skipped']} skipped, {count['failed']} failed "
        f"in {duration(seconds)}"
    )

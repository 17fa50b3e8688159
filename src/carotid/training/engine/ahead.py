"""Draws that processes make before a GPU asks for them.

A draw is whatever is made for a number: a side of a neck, the samples of a close-up. A GPU trains
on many of them a second, and one core needs a second for a few. What comes back for a number does
not depend on who made it, and draws are handed out in order; so training sees the same samples
with and without processes, and when it was interrupted and goes on.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from carotid.training.engine.processes import Processes, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

Draw = TypeVar("Draw")

AHEAD = 2
"""Draws that a process makes before they are asked for; they wait in main memory."""


class DrawsAhead:
    """Lets processes make draws; use as a context, which ends them.

    Args:
        workers: How many processes; with 0, draws are made where they are asked for.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def __call__(self, draw: Callable[[int], Draw]) -> Callable[[int], Draw]:
        """The same as `draw`, made ahead.

        Args:
            draw: Makes the k-th draw; picklable.

        Returns:
            A function that is to be called with numbers one after the other; the first call may
            begin anywhere.
        """
        return _InOrder(draw, self._workers, self._open) if self._workers else draw


class _InOrder(Generic[Draw]):
    """Draws one after the other; process w makes those whose number leaves the remainder w."""

    def __init__(self, draw: Callable[[int], Draw], workers: int, opened: ExitStack) -> None:
        self._draw = draw
        self._workers = workers
        self._opened = opened
        self._processes: Processes | None = None
        self._next = 0

    def __call__(self, number: int) -> Draw:
        if self._processes is None:
            self._processes = self._opened.enter_context(
                Processes(_draw, [(self._draw,)] * self._workers)
            )
            self._next = number
            for early in range(number, number + AHEAD * self._workers):
                self._processes.ask(early % self._workers, early)
        if number != self._next:
            message = f"draw {number} was asked for, but the next one is {self._next}"
            raise ValueError(message)
        made: Draw = self._processes.answer(number % self._workers)
        self._processes.ask(number % self._workers, number + AHEAD * self._workers)
        self._next += 1
        return made


def _draw(link: Connection, draw: Callable[[int], object]) -> None:
    serve(link, draw)

"""Whose results are being made, so that a warning about them can say so.

Stages know no participants. What they log while one is loaded, computed or written is told with
the participant's id in front, unless the message has it already.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from carotid.stages.stage import Task

_participant: ContextVar[str] = ContextVar("participant", default="")

Loaded = TypeVar("Loaded")
Made = TypeVar("Made")


@contextmanager
def speaking_of(participant_id: str) -> Iterator[None]:
    """What is logged in this thread meanwhile is about this participant."""
    token = _participant.set(participant_id)
    try:
        yield
    finally:
        _participant.reset(token)


def with_name(message: str) -> str:
    """A message that says whom it is about.

    >>> with speaking_of("sub-01"):
    ...     with_name("left: no contours"), with_name("out/sub-01: damaged")
    ('sub-01: left: no contours', 'out/sub-01: damaged')
    """
    name = _participant.get()
    return message if name in message else f"{name}: {message}"


def load_named(task: Task[Loaded], participant_id: str) -> Loaded:
    """Load a participant, with what is logged told as this participant's."""
    with speaking_of(participant_id):
        return task.load(participant_id)


def named(
    work: Generator[Callable[[], None], None, Made], participant_id: str
) -> Generator[Callable[[], None], None, Made]:
    """Work and the jobs that it gives out, with what they log told as this participant's."""

    def as_named(job: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with speaking_of(participant_id):
                job()

        return run

    with closing(work):
        while True:
            with speaking_of(participant_id):
                try:
                    job = next(work)
                except StopIteration as end:
                    made: Made = end.value
                    return made
            yield as_named(job)

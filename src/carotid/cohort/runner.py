"""The loop over participants: lock, load, compute, save, publish; it knows no stage by name.

While one participant is computed, a second thread writes what is ready and loads the next one, one
thing after the other, so that memory never holds a scan that is being read beside results that are
being written. With a GPU, writing is slower than computing; then there is a third thread for
loading. A participant that fails does not stop the others. One that another process is working on
is left to it, and looked after at the end.
"""

from __future__ import annotations

import logging
from concurrent import futures
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from carotid.cohort.background import Background, Surroundings
from carotid.cohort.outcome import Outcome, describe, let_go
from carotid.cohort.whose import load_named, named
from carotid.errors import CarotidError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from carotid.cohort.background import EarlyLoad
    from carotid.stages.stage import Made, Task

logger = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""How long an interrupted run waits for its background thread."""

Loaded = TypeVar("Loaded")


class Slot(Protocol):
    """One participant's place in the output directory."""

    participant_id: str

    def acquire(self, *, wait: bool = False) -> bool:
        """Become the owner; False where another process is."""

    def open(self) -> Path:
        """Make the folder in which the result is put together."""

    def publish(self) -> None:
        """Move the complete result to its final name."""

    def release(self) -> None:
        """Give the place back; what was not published is removed."""


class Results(Protocol):
    """What a run leaves in the output directory."""

    def slot(self, participant_id: str) -> Slot:
        """The place of one participant."""

    def complete(self, participant_id: str) -> str | None:
        """Why nothing has to be done for a participant; None where it has."""

    def record(self, folder: Path, made: Made) -> None:
        """Write what made the result in a folder."""


class Progress(Protocol):
    """Who is told how far the run is; called in the main thread only."""

    def started(self, participant_id: str, steps: int) -> None:
        """A participant is being computed, in so many steps."""

    def advanced(self) -> None:
        """One step was taken."""

    def waiting(self, participant_id: str) -> None:
        """Another process has this participant; the run waits for it."""

    def finished(self, outcome: Outcome) -> None:
        """A participant is done, skipped or has failed."""


class StepProgress(Progress, Protocol):
    """Who is told of steps, too."""

    def entered(self, participant_id: str, step: str) -> None:
        """A step of the pipeline is begun."""


@dataclass
class _Pending(Generic[Loaded]):
    """A participant whose slot is ours and who is being loaded."""

    slot: Slot
    loading: list[Future[Loaded]]

    def take(self) -> Loaded:
        """What was loaded, which is the caller's alone from then on."""
        return self.loading.pop().result()


class Runner(Generic[Loaded]):
    """Takes participants through one stage.

    Args:
        task: The stage at work.
        results: Where what it makes is kept.
        progress: Who is told.
        surroundings: How threads behave.
        early: The first participant, where loading has begun already.
    """

    def __init__(
        self,
        task: Task[Loaded],
        results: Results,
        progress: Progress,
        surroundings: Surroundings | None = None,
        early: EarlyLoad[Loaded] | None = None,
    ) -> None:
        self._task = task
        self._results = results
        self._progress = progress
        self._around = Surroundings() if surroundings is None else surroundings
        self._early = early
        self._outcomes: dict[str, Outcome] = {}
        self._publishing: list[tuple[Slot, Future[str]]] = []
        self._writing: list[Future[None]] = []
        self._held: list[Slot] = []
        self._ready = False

    def run(self, participants: Sequence[str]) -> list[Outcome]:
        """Take every participant through the stage; may be called again for others.

        Returns:
            One outcome each, in the order given.
        """
        enter = self._around.enter_thread
        self._writer = self._loader = Background("carotid-background", enter)
        if self._around.load_aside:
            self._loader = Background("carotid-loading", enter)
        self._outcomes.clear()
        try:
            elsewhere: list[str] = []
            self._run(participants, elsewhere, wait=False)
            for participant_id in elsewhere:
                self._progress.waiting(participant_id)
                self._run([participant_id], [], wait=True)
        except BaseException:
            self._close(_PATIENCE_S)
            raise
        self._close(None)
        return [self._outcomes[participant_id] for participant_id in participants]

    def _close(self, patience_s: float | None) -> None:
        """End the threads, and give back slots once nothing can be written there any more.

        Args:
            patience_s: How long to wait; None waits until they have ended. If one needs longer, it
                ends with the process, and what it leaves behind is removed by whoever takes the
                participant next.
        """
        running = self._writer.stop() | self._loader.stop()
        if not futures.wait(running, patience_s).not_done:
            for slot in self._held:
                slot.release()

    def _run(self, participants: Sequence[str], elsewhere: list[str], *, wait: bool) -> None:
        queue = iter(participants)
        following = self._next(queue, elsewhere, wait=wait)
        if following is not None and not self._ready:
            self._task.get_ready()
            self._ready = True
        while following is not None:
            current, following = following, None
            for _ in self._compute(current):
                following = following or self._next(queue, elsewhere, wait=wait)
            following = following or self._next(queue, elsewhere, wait=wait)
            self._collect(wait=False)
        self._collect(wait=True)

    def _next(
        self, queue: Iterator[str], elsewhere: list[str], *, wait: bool
    ) -> _Pending[Loaded] | None:
        """Take the next slot that is free and has work left, and start to load its participant."""
        for participant_id in queue:
            slot = self._results.slot(participant_id)
            self._held.append(slot)
            try:
                if not slot.acquire(wait=wait):
                    self._release(slot)
                    elsewhere.append(participant_id)
                    continue
                done = self._results.complete(participant_id)
            except CarotidError as error:
                self._release(slot)
                self._finish(Outcome(participant_id, "failed", str(error)))
                continue
            if done is not None:
                self._release(slot)
                self._finish(Outcome(participant_id, "skipped", done))
                continue
            return _Pending(slot, [self._load(participant_id)])
        return None

    def _load(self, participant_id: str) -> Future[Loaded]:
        early, self._early = self._early, None
        begun = None if early is None else early.take(participant_id)
        if begun is not None:
            return begun
        return self._loader.submit(partial(load_named, self._task, participant_id))

    def _compute(self, pending: _Pending[Loaded]) -> Iterator[None]:
        """Take a participant through the stage; yields each time that something can be written.

        No more than one part of a result waits to be written or is being written while the next
        part is computed.
        """
        slot = pending.slot
        jobs: list[Future[None]] = []
        made: list[Made] = []
        try:
            loaded = pending.take()
            folder = slot.open()
            self._progress.started(slot.participant_id, self._task.steps(loaded))
            work = self._task.compute(loaded, folder, self._progress.advanced)
            for job in _noting(named(work, slot.participant_id), made):
                futures.wait(self._writing)
                for earlier in jobs:
                    earlier.result()
                jobs.append(self._writer.submit(partial(self._write, job)))
                self._writing = jobs[-1:]
                self._collect(wait=False)
                yield

            def publish() -> str:
                for written in jobs:
                    written.result()
                result = made.pop()
                self._results.record(folder, result)
                slot.publish()
                return "; ".join(result.remarks)

            self._publishing.append((slot, self._writer.submit(publish)))
        except Exception as error:  # noqa: BLE001 - one bad scan must not stop the others
            for one in jobs:
                one.cancel()
            futures.wait(jobs)
            self._failed(slot, error)

    def _write(self, job: Callable[[], None]) -> None:
        self._around.before_writing()
        job()

    def _collect(self, *, wait: bool) -> None:
        """Report the participants whose results have been published, or could not be."""
        while self._publishing and (wait or self._publishing[0][1].done()):
            slot, future = self._publishing[0]
            try:
                remarks = future.result()
            except Exception as error:  # noqa: BLE001 - see above
                self._publishing.pop(0)
                self._failed(slot, error)
                continue
            self._publishing.pop(0)
            self._release(slot)
            self._finish(Outcome(slot.participant_id, "done", remark=remarks))

    def _failed(self, slot: Slot, error: Exception) -> None:
        logger.debug("%s", slot.participant_id, exc_info=error)
        let_go(error)
        self._release(slot)
        self._finish(Outcome(slot.participant_id, "failed", describe(error)))

    def _release(self, slot: Slot) -> None:
        slot.release()
        self._held.remove(slot)

    def _finish(self, outcome: Outcome) -> None:
        self._outcomes[outcome.participant_id] = outcome
        self._progress.finished(outcome)


def _noting(
    work: Generator[Callable[[], None], None, Made], made: list[Made]
) -> Iterator[Callable[[], None]]:
    """The jobs that a task gives out; what it returns at the end is kept."""
    made.append((yield from work))

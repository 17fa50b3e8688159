"""The loop over participants: lock, load, compute, save, publish; it knows no stage by name.

While one participant is computed, a second thread writes what is ready and loads the next one, one
thing after the other, so that memory never holds a scan that is being read beside results that are
being written. A stage can also make room for a scan as soon as it is known which one comes next:
then it is asked for its `loader`. Where a GPU computes, which is sooner done than that, there is a
third thread for loading. A participant that fails does not stop the others. One that another
process is working on is left to it, and looked after at the end.
"""

from __future__ import annotations

import logging
import traceback
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from carotid.errors import CarotidError
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from carotid.storage.raw import RawScan
    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)

_PATIENCE_S = 1.0
"""How long an interrupted run waits for its background thread."""

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one participant.

    Attributes:
        participant_id: Whose.
        status: done: computed, written and read back; skipped: was complete already; failed.
        reason: Why it was skipped or failed, in one line.
    """

    participant_id: str
    status: Status
    reason: str = ""


class Task(Protocol[Loaded]):
    """One stage, as the runner sees it."""

    transform: str
    """The folder that holds its results."""

    def get_ready(self) -> None:
        """Make what every participant needs; called once, while the first scan is being loaded."""

    def complete(self, participant_id: str) -> str | None:
        """Why nothing has to be done for a participant; None where it has."""

    def loader(self, scan: RawScan) -> Callable[[], Loaded]:
        """What reads and prepares a scan, to be called in a thread some time from now."""

    def steps(self, loaded: Loaded) -> int:
        """How many times `advance` will be called."""

    def compute(
        self, loaded: Loaded, folder: Path, advance: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        """Compute, and give out what is left to be written as calls made in a thread, in order."""


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


class _Background:
    """One thread that does one job after the other."""

    def __init__(self, name: str, initializer: Callable[[], object]) -> None:
        self._pool = ThreadPoolExecutor(1, name, initializer)
        self._jobs: set[Future[Any]] = set()

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Queue a job."""
        future = self._pool.submit(job)
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        return future

    def stop(self) -> set[Future[Any]]:
        """Forget what waits; what is still being done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return set(self._jobs)


@dataclass
class _Pending(Generic[Loaded]):
    """A participant whose slot is ours and whose scan is being loaded."""

    scan: RawScan
    slot: Slot
    loading: list[Future[Loaded]]

    def take(self) -> Loaded:
        """What was loaded, which is the caller's alone from then on."""
        return self.loading.pop().result()


class Runner(Generic[Loaded]):
    """Takes participants through one stage.

    Args:
        task: The stage.
        layout: The output directory.
        progress: Who is told.
        thread_initializer: Called at the start of each background thread.
        load_aside: Whether scans are loaded in a thread of their own, beside what is written.
    """

    def __init__(
        self,
        task: Task[Loaded],
        layout: OutputLayout,
        progress: Progress,
        thread_initializer: Callable[[], object] = lambda: None,
        *,
        load_aside: bool = False,
    ) -> None:
        self._task = task
        self._layout = layout
        self._progress = progress
        self._writer = self._loader = _Background("carotid-background", thread_initializer)
        if load_aside:
            self._loader = _Background("carotid-loading", thread_initializer)
        self._outcomes: dict[str, Outcome] = {}
        self._publishing: list[tuple[Slot, Future[None]]] = []
        self._writing: list[Future[None]] = []
        self._held: list[Slot] = []
        self._ready = False

    def run(self, scans: Sequence[RawScan]) -> list[Outcome]:
        """Take every scan through the stage.

        Returns:
            One outcome per scan, in the order of the scans.
        """
        try:
            elsewhere: list[RawScan] = []
            self._run(scans, elsewhere, wait=False)
            for scan in elsewhere:
                self._progress.waiting(scan.participant_id)
                self._run([scan], [], wait=True)
        except BaseException:
            self._close(_PATIENCE_S)
            raise
        self._close(None)
        return [self._outcomes[scan.participant_id] for scan in scans]

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

    def _run(self, scans: Sequence[RawScan], elsewhere: list[RawScan], *, wait: bool) -> None:
        queue = iter(scans)
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
        self, queue: Iterator[RawScan], elsewhere: list[RawScan], *, wait: bool
    ) -> _Pending[Loaded] | None:
        """Take the next slot that is free and has work left, and start to load its scan."""
        for scan in queue:
            slot = Slot(self._layout, scan.participant_id, self._task.transform)
            self._held.append(slot)
            try:
                if not slot.acquire(wait=wait):
                    self._release(slot)
                    elsewhere.append(scan)
                    continue
                done = self._task.complete(scan.participant_id)
            except CarotidError as error:
                self._release(slot)
                self._finish(Outcome(scan.participant_id, "failed", str(error)))
                continue
            if done is not None:
                self._release(slot)
                self._finish(Outcome(scan.participant_id, "skipped", done))
                continue
            return _Pending(scan, slot, [self._loader.submit(self._task.loader(scan))])
        return None

    def _compute(self, pending: _Pending[Loaded]) -> Iterator[None]:
        """Take a participant through the stage; yields each time that something can be written.

        No more than one part of a result waits to be written or is being written while the next
        part is computed.
        """
        slot = pending.slot
        jobs: list[Future[None]] = []
        try:
            loaded = pending.take()
            folder = slot.open()
            self._progress.started(slot.participant_id, self._task.steps(loaded))
            for job in self._task.compute(loaded, folder, self._progress.advanced):
                futures.wait(self._writing)
                for earlier in jobs:
                    earlier.result()
                jobs.append(self._writer.submit(job))
                self._writing = jobs[-1:]
                self._collect(wait=False)
                yield

            def publish() -> None:
                for written in jobs:
                    written.result()
                slot.publish()

            self._publishing.append((slot, self._writer.submit(publish)))
        except Exception as error:  # noqa: BLE001 - one bad scan must not stop the others
            for one in jobs:
                one.cancel()
            futures.wait(jobs)
            self._failed(slot, error)

    def _collect(self, *, wait: bool) -> None:
        """Report the participants whose results have been published, or could not be."""
        while self._publishing and (wait or self._publishing[0][1].done()):
            slot, future = self._publishing[0]
            try:
                future.result()
            except Exception as error:  # noqa: BLE001 - see above
                self._publishing.pop(0)
                self._failed(slot, error)
                continue
            self._publishing.pop(0)
            self._release(slot)
            self._finish(Outcome(slot.participant_id, "done"))

    def _failed(self, slot: Slot, error: Exception) -> None:
        logger.debug("%s", slot.participant_id, exc_info=error)
        _let_go(error)
        self._release(slot)
        self._finish(Outcome(slot.participant_id, "failed", describe(error)))

    def _release(self, slot: Slot) -> None:
        slot.release()
        self._held.remove(slot)

    def _finish(self, outcome: Outcome) -> None:
        self._outcomes[outcome.participant_id] = outcome
        self._progress.finished(outcome)


def _let_go(error: BaseException) -> None:
    """Free what the calls that failed still hold: a scan, heatmaps, files."""
    chain: list[BaseException | None] = [error]
    for one in chain:
        if one is None or one.__traceback__ is None:
            continue  # been there: an error may be its own cause
        traceback.clear_frames(one.__traceback__)
        one.__traceback__ = None
        chain += [one.__cause__, one.__context__]


def describe(error: BaseException) -> str:
    """An error in one line, for the table of what failed."""
    if isinstance(error, CarotidError):
        return str(error)
    if isinstance(error, MemoryError) or _is_allocation(error):
        return "out of memory. Use a smaller roi_size, fewer --threads, or a larger machine."
    detail = " ".join(str(error).split())[:300]
    return f"unexpected {type(error).__name__}: {detail}. Run with -vv for the traceback."


def _is_allocation(error: BaseException) -> bool:
    """Whether PyTorch could not get memory, which it tells by its own kinds of RuntimeError."""
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "alloc" in text)

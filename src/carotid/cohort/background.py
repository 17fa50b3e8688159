"""Threads that load and write while the main thread computes."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from carotid.cohort.whose import load_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.stages.stage import Task

Loaded = TypeVar("Loaded")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Surroundings:
    """How the threads of a run behave.

    Attributes:
        enter_thread: Called at the start of each background thread.
        before_writing: Called in a background thread before something is written.
        load_aside: Whether participants are loaded in a thread of their own.
    """

    enter_thread: Callable[[], object] = lambda: None
    before_writing: Callable[[], object] = lambda: None
    load_aside: bool = False


class EarlyLoad(Generic[Loaded]):
    """A participant that is loaded in a thread of its own before the run begins.

    Args:
        task: What loads it.
        participant_id: Who is thought to be the first one.
    """

    def __init__(self, task: Task[Loaded], participant_id: str) -> None:
        self._participant_id = participant_id
        self._future: Future[Loaded] | None = Future()
        load = partial(_fulfil, self._future, partial(load_named, task, participant_id))
        threading.Thread(target=load, name="carotid-reading", daemon=True).start()

    def take(self, participant_id: str) -> Future[Loaded] | None:
        """What was begun for a participant; if it was another one, that is let go."""
        future, self._future = self._future, None
        if future is None or participant_id == self._participant_id:
            return future
        if (error := future.exception()) is not None:  # waited for: memory has room for one
            error.__traceback__ = None  # it holds what was read so far
        return None


def _fulfil(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
        future.set_exception(error)


class Background:
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

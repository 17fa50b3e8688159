"""One participant on a worker of a cluster.

What participants have in common, settings and networks above all, is read once for each slot of a
worker and kept for the next participant of the same run. A slot is a thread; what it has read is
its own. Nothing here knows of the cluster.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from carotid import __version__
from carotid.cohort.outcome import Outcome, describe
from carotid.errors import CarotidError
from carotid.provenance import made_differently

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carotid.cohort.runner import Runner
    from carotid.provenance import Record


class Opened(Protocol):
    """A run of which all is known that participants have in common."""

    @property
    def runner(self) -> Callable[[Any], Runner[Any]]:
        """Makes what takes participants through, from who is told."""

    def records(self) -> Mapping[str, Record]:
        """What holds for the whole run, by stage."""


@dataclass(frozen=True)
class Job:
    """What a worker has to know of a run.

    Attributes:
        name: A name that no other run has.
        open_run: Finds, checks and reads what participants have in common.
        request: What the command asks for.
        records: What holds for the whole run by stage, as the client sees it.
        version: The client's version of this package.
    """

    name: str
    open_run: Callable[[Any], Opened]
    request: Any
    records: Mapping[str, Record]
    version: str = __version__


class _Silent:
    """Nobody is told how far a worker is with its participant."""

    def started(self, participant_id: str, steps: int) -> None:
        """Say nothing."""

    def advanced(self) -> None:
        """Say nothing."""

    def waiting(self, participant_id: str) -> None:
        """Say nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Say nothing."""

    def entered(self, participant_id: str, step: str) -> None:
        """Say nothing."""


class _Slot(threading.local):
    """What this thread has ready: the runner of the last run that it had to do with."""

    name: str | None = None
    runner: Runner[Any] | None = None


_slot = _Slot()


def do_participant(job: Job, participant_id: str) -> Outcome:
    """Take a participant through a run; this is what the cluster calls.

    Returns:
        What became of it; failures say on which host.
    """
    try:
        outcome = _runner(job, participant_id).run([participant_id])[0]
    except Exception as error:  # noqa: BLE001 - the participant has failed, not the worker
        reason = describe(error)
        outcome = Outcome(participant_id, "failed", reason)
    if outcome.status == "failed":
        return replace(outcome, reason=f"{outcome.reason} (on {socket.gethostname()})")
    return outcome


def _runner(job: Job, participant_id: str) -> Runner[Any]:
    """What takes participants through the run, made ready with the first of them.

    Raises:
        CarotidError: This worker does not see what the client sees.
    """
    if _slot.name == job.name and _slot.runner is not None:
        return _slot.runner
    _slot.name = _slot.runner = None  # what another run needed goes first
    if job.version != __version__:
        raise CarotidError(
            "the worker has another version of carotid",
            found=__version__,
            expected=f"{job.version}, as the client has",
        )
    opened = job.open_run(replace(job.request, participants=(participant_id,)))
    here = opened.records()
    differing = [
        text
        for name, record in job.records.items()
        for text in made_differently(here[name], record)
    ]
    if differing:
        raise CarotidError(
            f"the worker does not see the settings or models that the client sees: "
            f"{'; '.join(differing)}"
        )
    _slot.runner, _slot.name = opened.runner(_Silent()), job.name
    return _slot.runner

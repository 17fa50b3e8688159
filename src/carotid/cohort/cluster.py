"""Participants as tasks on the workers of a Dask cluster, one for each worker slot at a time.

The client checks the whole run, hands out participants, and gathers what became of them; scans and
results lie in directories that client and workers share. What a worker has published stays, however
the client or the worker ends. A participant whose worker is lost is done again by another one; the
lock of a worker that only seems to be lost is waited for.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carotid.cohort.cluster_worker import Job, do_participant
from carotid.cohort.outcome import Outcome
from carotid.cohort.resume import COMPLETE
from carotid.counted import counted
from carotid.errors import ResourceError, UsageError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from carotid.cohort.cluster_worker import Opened
    from carotid.cohort.runner import Progress
    from carotid.provenance import Record

logger = logging.getLogger(__name__)

HERE = "cpu"
"""Where the client reads networks; only workers compute."""

AT_ONCE = 1000
"""Participants that the scheduler knows of at a time, so that no memory grows with a cohort."""

_CONNECT_S = 30
_CLOSE_S = 5
_GPU = {"GPU": 1}
_INSTALL = "install it with `pip install 'carotid[cluster]'`"


@dataclass(frozen=True)
class Work:
    """What is to be done on a cluster.

    Attributes:
        open_run: Finds, checks and reads what participants have in common; called in each worker.
        request: What the command asks for.
        records: What holds for the whole run by stage, as the client sees it.
        scheduler: An address such as tcp://login-1:8786, or a file that the scheduler has written.
    """

    open_run: Callable[[Any], Opened]
    request: Any
    records: Mapping[str, Record]
    scheduler: str


def run_on_cluster(
    work: Work, asked: Sequence[str], complete: Sequence[str], progress: Progress
) -> list[Outcome]:
    """Have participants done by the workers of a cluster.

    Args:
        work: What is to be done.
        asked: With whom.
        complete: Those of them who need nothing.
        progress: Who is told.

    Returns:
        One outcome each, in the order given.

    Raises:
        UsageError: There is no scheduler.
        ResourceError: The scheduler was lost.
    """
    found = {one: Outcome(one, "skipped", COMPLETE) for one in complete}
    for outcome in found.values():
        progress.finished(outcome)
    rest = [one for one in asked if one not in found]
    for outcome in _done_elsewhere(work, rest):
        found[outcome.participant_id] = outcome
        progress.finished(outcome)
    return [found[one] for one in asked]


def _done_elsewhere(work: Work, participants: Sequence[str]) -> Iterator[Outcome]:
    """What became of each participant, as they are finished."""
    from distributed import as_completed

    name = uuid.uuid4().hex
    job = Job(name, work.open_run, for_workers(work.request), work.records)
    resources = _GPU if work.request.device == "cuda" else None
    queue = deque(participants)
    with _client(work.scheduler) as client:
        _note_workers(client, resources)
        going: dict[Any, str] = {}
        pool = as_completed(loop=client.loop)

        def hand_out() -> None:
            participant_id = queue.popleft()
            key = (f"carotid-{name}", participant_id)
            going[key] = participant_id
            pool.add(
                client.submit(do_participant, job, participant_id, key=key, resources=resources)
            )

        while queue and len(going) < AT_ONCE:
            hand_out()
        for future in pool:
            yield _outcome(going.pop(future.key), future)
            if queue:
                hand_out()


def for_workers(request: Any) -> Any:
    """A request whose paths hold wherever a worker was started, and that is computed there."""
    parts = {one.name: _absolute(getattr(request, one.name)) for one in fields(request)}
    return replace(request, **{**parts, "scheduler": None, "shard": None})


def _absolute(value: Any) -> Any:
    """The same, with paths in it that do not depend on where one is."""
    if isinstance(value, Mapping):
        return {key: _absolute(one) for key, one in value.items()}
    return value.absolute() if isinstance(value, Path) else value


def _outcome(participant_id: str, future: Any) -> Outcome:
    """What a worker says of a participant, or why none could.

    Who was not complete at the start and is now has been done for this run: by a worker that was
    lost before it could say so.

    Raises:
        ResourceError: The scheduler was lost.
    """
    from concurrent.futures import CancelledError

    from distributed.scheduler import KilledWorker

    lost = ResourceError(
        "the cluster's scheduler was lost",
        remedy="what is complete is kept; run the same command again with another scheduler",
    )
    if future.status in ("cancelled", "lost"):
        raise lost
    error = future.exception() if future.status == "error" else None
    if error is None:
        try:
            outcome: Outcome = future.result()
        except CancelledError as why:  # it was lost just now
            raise lost from why
        return replace(outcome, status="done", reason="") if outcome.reason == COMPLETE else outcome
    if isinstance(error, KilledWorker):
        reason = (
            "each worker that took this participant was lost, perhaps for want of memory. "
            "Look into the workers' logs"
        )
    else:
        reason = (
            f"no worker could begin: {type(error).__name__}: {one_line(error)[:300]}. "
            "Scheduler and workers need the same version of carotid as the client"
        )
    return Outcome(participant_id, "failed", reason)


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    """A connection to a scheduler.

    Raises:
        UsageError: There is none.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError(
            "dask.distributed is not installed", where="--scheduler", remedy=_INSTALL
        ) from error
    file = Path(scheduler)
    place = {"scheduler_file": str(file)} if file.is_file() else {"address": scheduler}
    try:
        client = Client(**place, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            "no scheduler answers there",
            where=f"--scheduler {scheduler}",
            found=one_line(error)[:200],
            expected="an address such as tcp://login-1:8786, or a scheduler file",
            remedy="start one with `dask scheduler`",
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=_CLOSE_S)


def _note_workers(client: Any, resources: Mapping[str, int] | None) -> None:
    """Say how many workers there are, so that nobody waits in vain."""
    slots = client.run_on_scheduler(_slots, needed=resources)
    logger.info("%s with %s", counted(len(slots), "worker"), counted(sum(slots), "slot"))
    if not slots and resources:
        logger.warning(
            "no worker has the resource GPU so far; waiting for one "
            "(`dask worker --resources GPU=1`)"
        )
    elif not slots:
        logger.warning("the scheduler has no workers so far; waiting for them")


def _slots(dask_scheduler: Any, needed: Mapping[str, int] | None) -> list[int]:
    """How many participants each worker that has what is needed may do at a time."""
    workers = dask_scheduler.workers.values()
    return [one.nthreads for one in workers if not needed or needed.keys() <= one.resources.keys()]

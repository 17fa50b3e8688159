"""What a cluster costs: participants who only wait, on workers of this machine.

    python -m benchmarks.cluster [--participants 10000]

First, participants who take two seconds each, on 1, 2, 4 and 8 workers: how many times as fast as
one after the other, once the workers have started and have done some. Then many who take no time,
on two workers: time for each, and how much of it the client and the scheduler computed, which are
one process here; the most memory that it took until 500 were finished and until all were; and
whether everybody is in the table.

Where other programs use all cores, workers that wake up wait for one, and the first figures fall
with their number; the time computed does not.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.processes import machine
from carotid.cohort.cluster import Work, run_on_cluster
from carotid.cohort.memory import resident_bytes
from carotid.cohort.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WAIT_S = 2.0
ROUNDS = 5
WORKERS = (1, 2, 4, 8)
MIB = 1 << 20


@dataclass(frozen=True)
class Waiting:
    """A request for nothing but time."""

    wait_s: float
    participants: Sequence[str] = ()
    device: str | None = None
    scheduler: str | None = None
    shard: None = None


@dataclass(frozen=True)
class Waiter:
    """What a worker has ready for it, and what takes participants through."""

    wait_s: float

    def runner(self, _progress: object) -> Any:
        """It is its own runner."""
        return self

    def records(self) -> dict[str, Any]:
        """Nothing is written."""
        return {}

    def run(self, participants: Sequence[str]) -> list[Outcome]:
        """Wait for each."""
        time.sleep(self.wait_s * len(participants))
        return [Outcome(one, "done") for one in participants]


def open_waiting(request: Waiting) -> Waiter:
    return Waiter(request.wait_s)


class Watcher:
    """Notes the memory of this process, the client, as participants are finished."""

    def __init__(self) -> None:
        self.finished_count = 0
        self.mib: dict[int, float] = {}

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None

    def finished(self, _outcome: Outcome) -> None:
        """One more."""
        self.finished_count += 1
        if self.finished_count % 500 == 0:
            self.mib[self.finished_count] = resident_bytes() / MIB


@dataclass(frozen=True)
class Took:
    """What a run took.

    Attributes:
        seconds: By the clock.
        computed_s: Of the processors, by client and scheduler.
        mib: Memory of both, by the number of participants that were finished.
    """

    seconds: float
    computed_s: float
    mib: Mapping[int, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--participants", type=int, default=10_000)
    given = parser.parse_args()
    print(f"machine: {machine()}", flush=True)
    for workers in WORKERS:
        count = ROUNDS * workers
        speed = count * WAIT_S / on_cluster(workers, count, WAIT_S).seconds
        print(
            f"{workers} workers: {speed:.2f} times as fast, {speed / workers:.3f} of what is best"
        )
    took = on_cluster(2, given.participants, 0.0)
    each_ms, computed_ms = (
        1000 * seconds / given.participants for seconds in (took.seconds, took.computed_s)
    )
    print(f"{given.participants} participants: {each_ms:.1f} ms each, {computed_ms:.1f} computed")
    if took.mib:
        first, most = next(iter(took.mib.values())), max(took.mib.values())
        print(f"client: {first:.0f} MiB after 500, {most:.0f} MiB at most")


def on_cluster(workers: int, count: int, wait_s: float) -> Took:
    """What so many participants took, without the start of the workers."""
    from distributed import LocalCluster

    watcher = Watcher()
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        address = cluster.scheduler_address
        warm = [f"warm-{k}" for k in range(4 * workers)]
        ids = [f"sub-{k:05}" for k in range(count)]
        work = Work(open_waiting, Waiting(wait_s), {}, address)
        run_on_cluster(work, warm, (), Watcher())
        begin, computed = time.perf_counter(), time.process_time()
        outcomes = run_on_cluster(work, ids, (), watcher)
        took = Took(time.perf_counter() - begin, time.process_time() - computed, watcher.mib)
    if outcomes != [Outcome(one, "done") for one in ids]:
        raise SystemExit("the table is wrong")
    return took


if __name__ == "__main__":
    main()

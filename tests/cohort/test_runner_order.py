"""The loop over participants: in which order and beside what each is loaded and written."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from tests.cohort.letters import ASIDE, Letters, run

from carotid.cohort import runner
from carotid.cohort.background import EarlyLoad, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from carotid.stages.stage import Made

    Work: TypeAlias = Generator[Callable[[], None], None, Made]


class Ordered(Letters):
    """Notes what is done, in which order, and how many do something beside the main thread."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def load(self, participant_id: str) -> str:
        self.notes.append(f"load {participant_id}")
        return super().load(participant_id)

    def _write(self, path: Path, loaded: str) -> None:
        assert self.at_work == 0, "one after the other"
        super()._write(path, loaded)
        self.notes.append(f"{loaded} {path.name}")


def test_the_next_one_is_loaded_when_the_first_part_has_been_written(tmp_path: Path) -> None:
    task = Ordered()
    run(task, tmp_path, "p1", "p2", "p3")
    assert task.notes == [
        *("load p1", "p1 a", "load p2", "p1 b"),
        *("p2 a", "load p3", "p2 b"),
        *("p3 a", "p3 b"),
    ]


def test_something_may_be_done_before_each_part_is_written(tmp_path: Path) -> None:
    task = Ordered()
    around = Surroundings(before_writing=lambda: task.notes.append("before"))
    run(task, tmp_path, "p1", surroundings=around)
    assert task.notes == ["load p1", "before", "p1 a", "before", "p1 b"]


def test_an_early_load_is_used_by_the_participant_that_it_is_for(tmp_path: Path) -> None:
    task = Ordered()
    outcomes = run(task, tmp_path, "p1", "p2", early=EarlyLoad(task, "p1"))
    assert [o.status for o in outcomes] == ["done", "done"]
    assert [note for note in task.notes if "load" in note] == ["load p1", "load p2"]


def test_an_early_load_of_another_participant_is_let_go(tmp_path: Path) -> None:
    task = Ordered()
    run(task, tmp_path, "p1", early=EarlyLoad(task, "p2"))
    assert [note for note in task.notes if "load" in note] == ["load p2", "load p1"]
    torn = Letters({"p2": "load"})
    assert run(torn, tmp_path, "p3", early=EarlyLoad(torn, "p2"))[0].status == "done"


def test_the_error_of_an_early_load_is_that_participants(tmp_path: Path) -> None:
    torn = Letters({"p1": "load"})
    outcomes = run(torn, tmp_path, "p1", "p2", early=EarlyLoad(torn, "p1"))
    assert [(o.status, o.reason) for o in outcomes] == [("failed", "p1: torn"), ("done", "")]


@pytest.mark.parametrize("around", [Surroundings(), ASIDE])
def test_an_interrupted_run_waits_once_and_begins_nothing(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_PATIENCE_S", 0.1)
    waited: list[float | None] = []
    wait = futures.wait

    def noted(jobs: Iterable[futures.Future[None]], timeout: float | None = None) -> Any:
        waited.append(timeout)
        return wait(jobs, timeout)

    monkeypatch.setattr(futures, "wait", noted)
    begun, go_on = threading.Event(), threading.Event()

    class Stuck(Letters):
        """A part is being written, and does not end."""

        def _write(self, path: Path, loaded: str) -> None:
            self.at_work += 1
            begun.set()
            go_on.wait(10)

        def compute(self, loaded: str, folder: Path, advance: Callable[[], None]) -> Work:
            yield partial(self._write, folder / "a", loaded)
            begun.wait(10)
            raise KeyboardInterrupt

    task = Stuck()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(task, tmp_path, "p1", "p2", surroundings=around)
    finally:
        go_on.set()
    assert [timeout for timeout in waited if timeout is not None] == [0.1]
    assert task.at_work == 1


def test_one_that_is_loaded_aside_does_not_wait_for_what_is_written(tmp_path: Path) -> None:
    loaded = threading.Event()

    class Aside(Ordered):
        def load(self, participant_id: str) -> str:
            if participant_id == "p2":
                loaded.set()
            return super().load(participant_id)

        def _write(self, path: Path, one: str) -> None:
            if one == "p1":
                assert loaded.wait(10)
            super()._write(path, one)

    task = Aside()
    outcomes = run(task, tmp_path, "p1", "p2", "p3", surroundings=ASIDE)
    assert [o.status for o in outcomes] == ["done"] * 3
    assert [note for note in task.notes if "load" not in note] == [
        f"{p} {part}" for p in ("p1", "p2", "p3") for part in ("a", "b")
    ]


def test_no_more_than_one_part_waits_while_the_next_one_is_computed(tmp_path: Path) -> None:
    written: list[int] = []
    seen: list[int] = []

    class Many(Letters):
        def compute(self, loaded: str, folder: Path, advance: Callable[[], None]) -> Work:
            for n in range(6):
                seen.append(n - len(written))
                yield partial(self._slowly, n)
            return (yield from super().compute(loaded, folder, advance))

        def _slowly(self, n: int) -> None:
            time.sleep(0.02)
            written.append(n)

    run(Many(), tmp_path, "p1")
    assert written == list(range(6))
    assert max(seen) <= 1

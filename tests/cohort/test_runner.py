"""The loop over participants: whatever one of them does, the others are done and accounted for."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from carotid.cohort import runner
from carotid.cohort.background import EarlyLoad, Surroundings
from carotid.cohort.outcome import Outcome, describe
from carotid.cohort.runner import Runner
from carotid.errors import InputError
from carotid.stages.stage import Made, Prepared
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    Work: TypeAlias = Generator[Callable[[], None], None, Made]


class Recorder:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.steps = 0

    def started(self, participant_id: str, steps: int) -> None:
        self.events.append(f"started {participant_id} {steps}")

    def advanced(self) -> None:
        self.steps += 1

    def waiting(self, participant_id: str) -> None:
        self.events.append(f"waiting {participant_id}")

    def finished(self, outcome: Outcome) -> None:
        self.events.append(f"finished {outcome.participant_id} {outcome.status}")


class Folders:
    """Results that are there when their second file is."""

    def __init__(self, root: Path) -> None:
        self.layout = OutputLayout(root)
        self.made: list[str] = []

    def slot(self, participant_id: str) -> Slot:
        return Slot(self.layout, participant_id, "letters")

    def complete(self, participant_id: str) -> str | None:
        place = self.layout.transform(participant_id, "letters")
        return "there" if (place / "b").exists() else None

    def record(self, folder: Path, made: Made) -> None:
        assert (folder / "b").exists(), "the record is written last"
        self.made.append(made.context["of"])


class Letters:
    """A stage that writes two files per participant; some participants are trouble."""

    def __init__(self, trouble: dict[str, str] | None = None) -> None:
        self.trouble = trouble or {}
        self.at_work = 0
        self.ready = 0

    def prepare(self) -> Prepared:
        return Prepared()

    def get_ready(self) -> None:
        self.ready += 1

    def load(self, participant_id: str) -> str:
        if self.trouble.get(participant_id) == "load":
            raise InputError("torn", where=participant_id)
        if self.trouble.get(participant_id) == "crash":
            raise ZeroDivisionError("x / 0")
        return participant_id

    def steps(self, loaded: str) -> int:
        return len(loaded)

    def compute(self, loaded: str, folder: Path, advance: Callable[[], None]) -> Work:
        advance()
        yield partial(self._write, folder / "a", loaded)
        if self.trouble.get(loaded) == "compute":
            raise MemoryError
        if self.trouble.get(loaded) == "interrupt":
            raise KeyboardInterrupt
        yield partial(self._write, folder / "b", loaded)
        return Made(
            {}, {"of": loaded}, ("odd", loaded) if self.trouble.get(loaded) == "odd" else ()
        )

    def _write(self, path: Path, loaded: str) -> None:
        self.at_work += 1
        try:
            time.sleep(0.05)
            if self.trouble.get(loaded) == "write" and path.name == "a":
                raise OSError(28, "No space left on device")
            path.write_text(loaded)
        finally:
            self.at_work -= 1


ASIDE = Surroundings(load_aside=True)


def run(
    task: Letters, root: Path, *ids: str, progress: Recorder | None = None, **more: Any
) -> list[Outcome]:
    return Runner(task, Folders(root), progress or Recorder(), **more).run(ids)


def unfinished(root: Path) -> list[str]:
    return [path.name for path in (root / ".carotid").glob("*") if path.suffix != ".lock"]


def done(root: Path) -> list[str]:
    names = (p.relative_to(root).as_posix() for p in root.rglob("*"))
    return sorted(name for name in names if not name.startswith(".carotid"))


def test_all_are_done_in_order(tmp_path: Path) -> None:
    progress, folders = Recorder(), Folders(tmp_path)
    outcomes = Runner(Letters(), folders, progress).run(["p1", "p2", "p3"])
    assert [(o.participant_id, o.status) for o in outcomes] == [
        ("p1", "done"),
        ("p2", "done"),
        ("p3", "done"),
    ]
    assert folders.made == ["p1", "p2", "p3"]
    assert progress.steps == 3
    assert progress.events[0] == "started p1 2"
    assert done(tmp_path) == [
        name
        for p in ("p1", "p2", "p3")
        for name in (p, f"{p}/letters", f"{p}/letters/a", f"{p}/letters/b")
    ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("load", "p2: torn"),
        ("crash", "unexpected ZeroDivisionError: x / 0. Run with -vv for the traceback."),
        ("compute", "out of memory"),
        ("write", "unexpected OSError: [Errno 28] No space left on device"),
    ],
)
@pytest.mark.parametrize("around", [Surroundings(), ASIDE])
def test_one_that_fails_does_not_stop_the_others(
    kind: str, reason: str, around: Surroundings, tmp_path: Path
) -> None:
    outcomes = run(Letters({"p2": kind}), tmp_path, "p1", "p2", "p3", surroundings=around)
    assert [o.status for o in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].reason.startswith(reason)
    assert not any("p2" in name for name in done(tmp_path))
    assert unfinished(tmp_path) == []


def test_what_a_task_remarks_is_handed_on(tmp_path: Path) -> None:
    outcomes = run(Letters({"p2": "odd"}), tmp_path, "p1", "p2")
    assert [(o.reason, o.remark) for o in outcomes] == [("", ""), ("", "odd; p2")]
    assert outcomes[1].as_json() == {"participant_id": "p2", "result": "done", "reason": ""}


def test_what_is_complete_is_skipped(tmp_path: Path) -> None:
    run(Letters(), tmp_path, "p1")
    outcomes = run(Letters(), tmp_path, "p1", "p2")
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", "there"), ("done", "")]


@pytest.mark.parametrize("around", [Surroundings(), ASIDE])
def test_interruption_leaves_complete_participants_and_nothing_else(
    around: Surroundings, tmp_path: Path
) -> None:
    task = Letters({"p2": "interrupt"})
    with pytest.raises(KeyboardInterrupt):
        run(task, tmp_path, "p1", "p2", "p3", surroundings=around)
    assert task.at_work == 0
    assert unfinished(tmp_path) == []
    assert set(done(tmp_path)) <= {"p1", "p1/letters", "p1/letters/a", "p1/letters/b"}
    outcomes = run(Letters(), tmp_path, "p1", "p2", "p3")
    assert {o.status for o in outcomes} <= {"done", "skipped"}


def test_a_participant_in_other_hands_is_waited_for(tmp_path: Path) -> None:
    other = Folders(tmp_path).slot("p1")
    assert other.acquire()
    progress = Recorder()

    def finish_elsewhere() -> None:
        while "waiting p1" not in progress.events:
            time.sleep(0.01)
        folder = other.open()
        (folder / "b").write_text("by another process")
        other.publish()
        other.release()

    thread = threading.Thread(target=finish_elsewhere)
    thread.start()
    outcomes = run(Letters(), tmp_path, "p1", "p2", progress=progress)
    thread.join()
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", "there"), ("done", "")]
    assert (tmp_path / "p1/letters/b").read_text() == "by another process"
    assert unfinished(tmp_path) == []


def test_place_taken_by_a_link_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("years of work")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "p1").symlink_to(precious)
    outcomes = run(Letters(), tmp_path / "out", "p1", "p2")
    assert [o.status for o in outcomes] == ["failed", "done"]
    assert "a symbolic link" in outcomes[0].reason
    assert done(precious) == ["thesis"]


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


def test_the_stage_gets_ready_once_and_only_for_something(tmp_path: Path) -> None:
    first, second = Letters(), Letters()
    run(first, tmp_path, "p1", "p2")
    assert first.ready == 1
    run(second, tmp_path, "p1", "p2")
    assert second.ready == 0


@pytest.mark.parametrize("kind", ["load", "compute", "write"])
def test_what_a_failed_participant_held_is_let_go(kind: str, tmp_path: Path) -> None:
    held: list[weakref.ref[Heavy]] = []

    class Heavy:
        pass

    class Holding(Letters):
        def load(self, participant_id: str) -> str:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            return super().load(participant_id)

        def compute(self, loaded: str, folder: Path, advance: Callable[[], None]) -> Work:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            return (yield from super().compute(loaded, folder, advance))

        def _write(self, path: Path, loaded: str) -> None:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            super()._write(path, loaded)

    gc.collect()
    gc.disable()
    try:
        outcomes = run(Holding({"p1": kind}), tmp_path, "p1", "p2")
        assert [o.status for o in outcomes] == ["failed", "done"]
        assert not [ref for ref in held if ref() is not None]
    finally:
        gc.enable()


@pytest.mark.timeout(60)
def test_an_error_that_is_its_own_cause_is_reported(tmp_path: Path) -> None:
    class Circular(Letters):
        def load(self, participant_id: str) -> str:
            error = InputError("torn", where=participant_id)
            error.__cause__ = error
            raise error

    outcomes = run(Circular(), tmp_path, "p1")
    assert [o.reason for o in outcomes] == ["p1: torn"]


def test_a_stage_that_cannot_get_ready_leaves_nothing_behind(tmp_path: Path) -> None:
    class Unready(Letters):
        def get_ready(self) -> None:
            raise InputError("no networks", where="models")

    with pytest.raises(InputError, match="no networks"):
        run(Unready(), tmp_path, "p1", "p2")
    assert unfinished(tmp_path) == []
    assert [o.status for o in run(Letters(), tmp_path, "p1", "p2")] == ["done", "done"]


def test_reasons_are_one_line() -> None:
    assert "\n" not in describe(ValueError("two\nlines"))
    assert describe(InputError("torn", where="x")) == "x: torn"

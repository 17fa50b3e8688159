"""The loop over participants: whatever one of them does, the others are done and accounted for."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent import futures
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from carotid.cohort import runner
from carotid.cohort.runner import Outcome, Runner, describe
from carotid.errors import InputError
from carotid.storage.raw import RawScan
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


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


class Letters:
    """A stage that writes two files per participant; some participants are trouble."""

    transform = "letters"

    def __init__(self, layout: OutputLayout, trouble: dict[str, str] | None = None) -> None:
        self.layout = layout
        self.trouble = trouble or {}
        self.at_work = 0
        self.ready = 0

    def get_ready(self) -> None:
        self.ready += 1

    def complete(self, participant_id: str) -> str | None:
        place = self.layout.transform(participant_id, self.transform)
        return "there" if (place / "b").exists() else None

    def loader(self, scan: RawScan) -> Callable[[], str]:
        return partial(self.load, scan)

    def load(self, scan: RawScan) -> str:
        if self.trouble.get(scan.participant_id) == "load":
            raise InputError("torn", where=scan.path)
        if self.trouble.get(scan.participant_id) == "crash":
            raise ZeroDivisionError("x / 0")
        return scan.participant_id

    def steps(self, loaded: str) -> int:
        return len(loaded)

    def compute(
        self, loaded: str, folder: Path, advance: Callable[[], None]
    ) -> Iterator[Callable[[], None]]:
        advance()
        yield partial(self._write, folder / "a", loaded)
        if self.trouble.get(loaded) == "compute":
            raise MemoryError
        if self.trouble.get(loaded) == "interrupt":
            raise KeyboardInterrupt
        yield partial(self._write, folder / "b", loaded)

    def _write(self, path: Path, loaded: str) -> None:
        self.at_work += 1
        try:
            time.sleep(0.05)
            if self.trouble.get(loaded) == "write" and path.name == "a":
                raise OSError(28, "No space left on device")
            path.write_text(loaded)
        finally:
            self.at_work -= 1


def scans(*ids: str) -> list[RawScan]:
    return [RawScan(one, Path(one), "metaimage") for one in ids]


def done(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*"))


def test_all_are_done_in_order(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    progress = Recorder()
    outcomes = Runner(Letters(layout), layout, progress).run(scans("p1", "p2", "p3"))
    assert [(o.participant_id, o.status) for o in outcomes] == [
        ("p1", "done"),
        ("p2", "done"),
        ("p3", "done"),
    ]
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
@pytest.mark.parametrize("load_aside", [False, True])
def test_one_that_fails_does_not_stop_the_others(
    kind: str, reason: str, *, load_aside: bool, tmp_path: Path
) -> None:
    layout = OutputLayout(tmp_path)
    task = Letters(layout, {"p2": kind})
    outcomes = Runner(task, layout, Recorder(), load_aside=load_aside).run(scans("p1", "p2", "p3"))
    assert [o.status for o in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].reason.startswith(reason)
    assert not any("p2" in name for name in done(tmp_path))
    assert not layout.work.exists()


def test_what_is_complete_is_skipped(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    Runner(Letters(layout), layout, Recorder()).run(scans("p1"))
    outcomes = Runner(Letters(layout), layout, Recorder()).run(scans("p1", "p2"))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", "there"), ("done", "")]


@pytest.mark.parametrize("load_aside", [False, True])
def test_interruption_leaves_complete_participants_and_nothing_else(
    *, load_aside: bool, tmp_path: Path
) -> None:
    layout = OutputLayout(tmp_path)
    task = Letters(layout, {"p2": "interrupt"})
    with pytest.raises(KeyboardInterrupt):
        Runner(task, layout, Recorder(), load_aside=load_aside).run(scans("p1", "p2", "p3"))
    assert task.at_work == 0
    assert not layout.work.exists()
    assert set(done(tmp_path)) <= {"p1", "p1/letters", "p1/letters/a", "p1/letters/b"}
    outcomes = Runner(Letters(layout), layout, Recorder()).run(scans("p1", "p2", "p3"))
    assert {o.status for o in outcomes} <= {"done", "skipped"}


def test_a_participant_in_other_hands_is_waited_for(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    other = Slot(layout, "p1", "letters")
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
    outcomes = Runner(Letters(layout), layout, progress).run(scans("p1", "p2"))
    thread.join()
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", "there"), ("done", "")]
    assert (tmp_path / "p1/letters/b").read_text() == "by another process"
    assert not layout.work.exists()


def test_place_taken_by_a_link_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("years of work")
    layout = OutputLayout(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "p1").symlink_to(precious)
    outcomes = Runner(Letters(layout), layout, Recorder()).run(scans("p1", "p2"))
    assert [o.status for o in outcomes] == ["failed", "done"]
    assert "a symbolic link" in outcomes[0].reason
    assert done(precious) == ["thesis"]


class Ordered(Letters):
    """Notes what is done, in which order, and how many do something beside the main thread."""

    def __init__(self, layout: OutputLayout) -> None:
        super().__init__(layout)
        self.notes: list[str] = []

    def load(self, scan: RawScan) -> str:
        self.notes.append(f"load {scan.participant_id}")
        return super().load(scan)

    def _write(self, path: Path, loaded: str) -> None:
        assert self.at_work == 0, "one after the other"
        super()._write(path, loaded)
        self.notes.append(f"{loaded} {path.name}")


def test_the_next_scan_is_loaded_when_the_first_part_has_been_written(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    task = Ordered(layout)
    Runner(task, layout, Recorder()).run(scans("p1", "p2", "p3"))
    assert task.notes == [
        *("load p1", "p1 a", "load p2", "p1 b"),
        *("p2 a", "load p3", "p2 b"),
        *("p3 a", "p3 b"),
    ]


@pytest.mark.parametrize("load_aside", [False, True])
def test_an_interrupted_run_waits_once_and_begins_nothing(
    *, load_aside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_PATIENCE_S", 0.1)
    waited: list[float | None] = []
    wait = futures.wait

    def noted(jobs: Iterable[futures.Future[None]], timeout: float | None = None) -> Any:
        waited.append(timeout)
        return wait(jobs, timeout)

    monkeypatch.setattr(futures, "wait", noted)
    layout = OutputLayout(tmp_path)
    begun, go_on = threading.Event(), threading.Event()

    class Stuck(Letters):
        """A part is being written, and does not end."""

        def _write(self, path: Path, loaded: str) -> None:
            self.at_work += 1
            begun.set()
            go_on.wait(10)

        def compute(
            self, loaded: str, folder: Path, advance: Callable[[], None]
        ) -> Iterator[Callable[[], None]]:
            yield partial(self._write, folder / "a", loaded)
            begun.wait(10)
            raise KeyboardInterrupt

    task = Stuck(layout)
    try:
        with pytest.raises(KeyboardInterrupt):
            Runner(task, layout, Recorder(), load_aside=load_aside).run(scans("p1", "p2"))
    finally:
        go_on.set()
    assert [timeout for timeout in waited if timeout is not None] == [0.1]
    assert task.at_work == 1


def test_a_scan_that_is_loaded_aside_does_not_wait_for_what_is_written(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    loaded = threading.Event()

    class Aside(Ordered):
        def load(self, scan: RawScan) -> str:
            if scan.participant_id == "p2":
                loaded.set()
            return super().load(scan)

        def _write(self, path: Path, one: str) -> None:
            if one == "p1":
                assert loaded.wait(10)
            super()._write(path, one)

    task = Aside(layout)
    outcomes = Runner(task, layout, Recorder(), load_aside=True).run(scans("p1", "p2", "p3"))
    assert [o.status for o in outcomes] == ["done"] * 3
    assert [note for note in task.notes if "load" not in note] == [
        f"{p} {part}" for p in ("p1", "p2", "p3") for part in ("a", "b")
    ]


def test_no_more_than_one_part_waits_while_the_next_one_is_computed(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    written: list[int] = []
    seen: list[int] = []

    class Many(Letters):
        def compute(
            self, loaded: str, folder: Path, advance: Callable[[], None]
        ) -> Iterator[Callable[[], None]]:
            for n in range(6):
                seen.append(n - len(written))
                yield partial(self._slowly, n)
            yield from super().compute(loaded, folder, advance)

        def _slowly(self, n: int) -> None:
            time.sleep(0.02)
            written.append(n)

    Runner(Many(layout), layout, Recorder()).run(scans("p1"))
    assert written == list(range(6))
    assert max(seen) <= 1


def test_the_stage_gets_ready_once_and_only_for_something(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    first = Letters(layout)
    Runner(first, layout, Recorder()).run(scans("p1", "p2"))
    assert first.ready == 1
    second = Letters(layout)
    Runner(second, layout, Recorder()).run(scans("p1", "p2"))
    assert second.ready == 0


@pytest.mark.parametrize("kind", ["load", "compute", "write"])
def test_what_a_failed_participant_held_is_let_go(kind: str, tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    held: list[weakref.ref[Heavy]] = []

    class Heavy:
        pass

    class Holding(Letters):
        def load(self, scan: RawScan) -> str:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            return super().load(scan)

        def compute(
            self, loaded: str, folder: Path, advance: Callable[[], None]
        ) -> Iterator[Callable[[], None]]:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            yield from super().compute(loaded, folder, advance)

        def _write(self, path: Path, loaded: str) -> None:
            heavy = Heavy()
            held.append(weakref.ref(heavy))
            super()._write(path, loaded)

    gc.collect()
    gc.disable()
    try:
        outcomes = Runner(Holding(layout, {"p1": kind}), layout, Recorder()).run(scans("p1", "p2"))
        assert [o.status for o in outcomes] == ["failed", "done"]
        assert not [ref for ref in held if ref() is not None]
    finally:
        gc.enable()


@pytest.mark.timeout(60)
def test_an_error_that_is_its_own_cause_is_reported(tmp_path: Path) -> None:
    class Circular(Letters):
        def load(self, scan: RawScan) -> str:
            error = InputError("torn", where=scan.path)
            error.__cause__ = error
            raise error

    layout = OutputLayout(tmp_path)
    outcomes = Runner(Circular(layout), layout, Recorder()).run(scans("p1"))
    assert [o.reason for o in outcomes] == ["p1: torn"]


def test_a_stage_that_cannot_get_ready_leaves_nothing_behind(tmp_path: Path) -> None:
    class Unready(Letters):
        def get_ready(self) -> None:
            raise InputError("no networks", where="models")

    layout = OutputLayout(tmp_path)
    with pytest.raises(InputError, match="no networks"):
        Runner(Unready(layout), layout, Recorder()).run(scans("p1", "p2"))
    assert not layout.work.exists()
    again = Runner(Letters(layout), layout, Recorder()).run(scans("p1", "p2"))
    assert [o.status for o in again] == ["done", "done"]


def test_reasons_are_one_line() -> None:
    assert "\n" not in describe(ValueError("two\nlines"))
    assert describe(InputError("torn", where="x")) == "x: torn"

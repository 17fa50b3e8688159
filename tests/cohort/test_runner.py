"""The loop over participants: whatever one of them does, the others are done and accounted for."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import TYPE_CHECKING, TypeAlias

import pytest
from tests.cohort.letters import ASIDE, Folders, Letters, Recorder, done, run, unfinished

from carotid.cohort.background import Surroundings
from carotid.cohort.outcome import describe
from carotid.cohort.runner import Runner
from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from carotid.stages.stage import Made

    Work: TypeAlias = Generator[Callable[[], None], None, Made]


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

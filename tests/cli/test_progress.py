"""One teller: bars on a terminal, timed lines in a file, nothing in a pipe; times are right."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from typing import TYPE_CHECKING

import pytest

from carotid.cli import cohort_progress, logs
from carotid.cli.cohort_progress import CohortProgress, print_table, report_outcomes
from carotid.cli.progress import Bars, Lines, Silence, choose_teller, duration
from carotid.cohort.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("carotid.cli.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(logs, "_writer", lines.append)
    return lines


def test_lines_tell_the_time_left_of_all_items(clock: Clock, said: list[str]) -> None:
    teller = Lines(3)
    teller.end("one: skipped", counts=False)
    teller.begin("two", 4, "step")
    clock.now = 20
    teller.step(2)
    assert said == ["[0 s] 1/3 one: skipped"], "not every step is a line"
    clock.now = 40
    teller.step(3)
    assert said[-1] == "[40 s] two: step 3 of 4 (about 1 min 07 s left)"
    clock.now = 60
    teller.end("two: done")
    assert said[-1] == "[1 min 00 s] 2/3 two: done (about 1 min 00 s left)"
    teller.begin("three", 4, "step")
    clock.now = 100
    teller.step(1)
    assert said[-1] == "[1 min 40 s] three: step 1 of 4 (about 20 s left)"
    clock.now = 130
    teller.end("three: done")
    assert said[-1] == "[2 min 10 s] 3/3 three: done"


def test_lines_of_one_item_count_from_where_it_was_resumed(clock: Clock, said: list[str]) -> None:
    teller = Lines(1)
    teller.begin("split-0", 100, "step", done=60)
    clock.now = 10
    teller.step(70, "epoch 7 done, loss 0.1000")
    assert said == ["[10 s] split-0: step 70 of 100, epoch 7 done, loss 0.1000 (about 30 s left)"]


def test_the_place_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        assert isinstance(choose_teller(3), Lines)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        assert isinstance(choose_teller(3), Silence)
        monkeypatch.setattr(logs, "_verbosity", 1)
        assert isinstance(choose_teller(3), Lines)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(choose_teller(3), Silence)
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(choose_teller(3), Silence)


def everything_on(owner: int) -> str:
    """What was written to a terminal that is closed; it comes in pieces."""
    seen = b""
    with os.fdopen(owner, "rb", buffering=0) as screen:
        while True:
            try:
                piece = screen.read(1 << 16)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not piece:
                break
            seen += piece
    return seen.decode()


def test_bars_label_both_times(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, terminal = pty.openpty()
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with choose_teller(2, "participants") as teller:
            assert isinstance(teller, Bars)
            teller.begin("sub-01", 8, "step")
            teller.step(4)
            teller.end("sub-01: failed - torn", failed=True)
            teller.begin("sub-02", 8, "step")
    seen = everything_on(owner)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert re.search(r"participants .* 1/2 .* elapsed, .* left", plain)
    assert re.search(r"sub-02 .* 0/8", plain)
    assert "sub-01: failed - torn" in plain


class Noted(Silence):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def begin(self, name: str, steps: int = 1, unit: str = "", done: int = 0) -> None:
        self.told.append((name, steps, unit, done))

    def step(self, done: int, note: str = "") -> None:
        self.told.append((done, note))

    def end(self, text: str = "", *, counts: bool = True, failed: bool = False) -> None:
        self.told.append((text, counts, failed))


def test_a_cohort_is_told_participant_by_participant() -> None:
    teller = Noted()
    with CohortProgress(teller) as told:
        told.finished(Outcome("one", "skipped", "was complete already"))
        told.started("two", 3)
        told.advanced()
        told.entered("two", "contour")
        told.advanced()
        told.finished(Outcome("two", "failed", "torn"))
    assert teller.told == [
        ("one: skipped - was complete already", False, False),
        ("two", 3, "step", 0),
        (1, ""),
        ("two, contour", 3, "step", 1),
        (2, ""),
        ("two: failed - torn", False, True),
    ]


OUTCOMES = [Outcome("one", "done"), Outcome("two", "failed", "torn")]


def test_the_table_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_table(OUTCOMES, 61)
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "participant  result   reason",
        "one          done",
        "two          failed   torn",
        "1 done, 0 skipped, 1 failed in 1 min 01 s",
        "Fix what failed and run the same command again; what is done is kept.",
    ]
    print_table([Outcome("one", "done", remark="doubtful: score 50 of 100")], 1)
    assert "one          done     doubtful: score 50 of 100\n" in capsys.readouterr().out
    print_table(OUTCOMES[:1], 1)
    assert "Fix" not in capsys.readouterr().out
    report_outcomes("contour", tmp_path, [Outcome("one", "skipped", "x")], 1)
    assert "already holds the contour results of one" in capsys.readouterr().out


def test_long_tables_show_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    many = [Outcome(f"p{n}", "done") for n in range(cohort_progress._ALL_ROWS)]
    print_table([*many, OUTCOMES[1], Outcome("odd", "done", remark="unlike training")], 1)
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 5
    assert rows[1].startswith("two")
    assert rows[2].startswith("odd")

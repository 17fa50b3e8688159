"""`carotid run` that is killed between its steps and within them, and many of them at once."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.command import unfinished
from tests.faults.harness import RUN_STEPS, RunPlace, finish, run, run_module, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3000)  # on a busy machine; a minute on a free one

KILLED = -9


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("kill", 120),
        pytest.param("kill", 4, marks=pytest.mark.faults),
        pytest.param("torn", 4, marks=pytest.mark.faults),
        pytest.param("full", 9, marks=pytest.mark.faults),
    ],
)
def test_a_run_that_was_cut_short_anywhere_goes_on(kind: str, step: int, folder: Path) -> None:
    place = RunPlace.made(folder, ["one"])
    (head, *trials), _ = run_module("tampered", folder, kind, 7, step)
    assert head["undisturbed"]["code"] == 0, head
    assert head["total"] > 60, "there is something to disturb"
    assert len(trials) == len(range(7, head["total"] + 1, step))
    for found in trials:
        assert found["disturbed"]["code"] in ((KILLED,) if kind != "full" else (0, 1, 2)), found
        assert not found["half"], found
        assert found["foreign"] == [], found
        assert found["again"]["code"] == 0, found
        assert found["same"], found
        assert found["left"] == [], found
    assert place.complete() == ["one"]


@pytest.mark.parametrize(
    "processes", [2, pytest.param(8, marks=pytest.mark.faults)], ids=["two", "eight"]
)
def test_runs_on_one_directory_share_the_work(processes: int, folder: Path) -> None:
    names = [f"sub-{n}" for n in range(3)]
    place = RunPlace.made(folder, names)
    places = [folder / f"process {n}" for n in range(processes)]
    for one in places:
        one.mkdir()
    running = [start(place.arguments, one) for one in places]
    done: Counter[str] = Counter()
    for process, one in zip(running, places, strict=True):
        ran = finish(process, one)
        assert ran.code == 0, ran.said
        done.update(re.findall(r"^(sub-\d) +done", ran.out, re.MULTILINE))
    assert done == Counter(names), "every participant is done once, by one process"
    assert place.complete() == names
    assert unfinished(place.out) == []
    rows = (place.out / "participants.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows[1:]] == names


def test_one_that_fails_is_named_with_its_step_and_stops_nobody(folder: Path) -> None:
    """What another program has left in the place of a step is not touched."""
    place = RunPlace.made(folder, ["blocked", "good"])
    theirs = place.out / "blocked" / "contour_transform"
    theirs.mkdir(parents=True)
    (theirs / "left_contour.tsv").write_text("not ours")
    ran = run(place.arguments, folder)
    assert ran.code == 1
    row = next(line for line in ran.out.splitlines() if line.startswith("blocked"))
    assert "contour_transform" in row
    assert "was not written by carotid and is not changed" in row
    assert (theirs / "left_contour.tsv").read_text() == "not ours"
    assert [p.name for p in theirs.iterdir()] == ["left_contour.tsv"]
    steps = sorted(path.name for path in (place.out / "good").iterdir())
    assert steps == sorted(f"{step}_transform" for step in RUN_STEPS)

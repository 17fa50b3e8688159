"""Whatever interrupts a run, final names hold whole results, and the next run completes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.faults.harness import Place, run_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(3000)  # on a busy machine; seconds on a free one

KILLED = -9
FULL_FILE = r"cannot be written: File too large|could not be written \(found File too large\)"
"""What a file that may not grow is called, before and while voxels are written to it."""


def trials(
    folder: Path, kind: str, first: int, step: int, *, force: bool = False
) -> Iterator[dict[str, Any]]:
    """What `tests.faults.tampered` found."""
    place = Place.made(folder, ["one"] if force else ["one", "two"], models=1)
    if force:
        (folder / "setup.json").write_text("{}")
    (head, *lines), _ = run_module("tampered", folder, kind, first, step)
    assert head["undisturbed"]["code"] == head["counted"]["code"] == 0, head
    assert head["total"] > 30
    assert place.complete()
    assert lines
    print(f"{kind}: {len(lines)} of {head['total']} points")  # noqa: T201 - shown with -rP
    return iter(lines)


def check(found: dict[str, Any]) -> None:
    """What must hold after every disturbed run, and after the run that followed it."""
    n = found["n"]
    assert found["half"] == "", (n, found["half"])
    assert found["foreign"] == [], (n, "a result differs from that of an undisturbed run")
    assert found["again"]["code"] == 0, (n, found["again"])
    assert found["same"], (n, found["left"])
    if "already holds" not in found["again"]["said"]:
        assert found["left"] == [], n
    for run in ("disturbed", "again"):
        assert "Traceback" not in found[run]["said"], (n, found[run])


SHARE = [
    pytest.param(9, 31, id="some"),
    *(
        pytest.param(first, 4, id=f"all, part {first}", marks=pytest.mark.faults)
        for first in (1, 2, 3, 4)
    ),
]


@pytest.mark.parametrize(("first", "step"), SHARE)
def test_killed_at_any_change_to_the_disk(first: int, step: int, folder: Path) -> None:
    for found in trials(folder, "kill", first, step):
        check(found)
        assert found["disturbed"]["code"] in (KILLED, 0), found


@pytest.mark.faults
@pytest.mark.parametrize("first", [1, 2])
def test_killed_in_the_middle_of_any_write(first: int, folder: Path) -> None:
    for found in trials(folder, "torn", first, 2):
        check(found)


@pytest.mark.faults
@pytest.mark.parametrize("first", [1, 2])
def test_killed_while_a_complete_result_is_replaced(first: int, folder: Path) -> None:
    for found in trials(folder, "kill", first, 2, force=True):
        check(found)
        assert found["disturbed"]["code"] in (KILLED, 0), found


@pytest.mark.parametrize(("first", "step"), SHARE)
def test_a_disk_that_is_full_from_any_change_on(first: int, step: int, folder: Path) -> None:
    for found in trials(folder, "full", first, step):
        check(found)
        run = found["disturbed"]
        assert run["code"] in (0, 1, 2), found
        if run["code"]:
            assert "No space left on device" in run["said"], found
            assert "unexpected" not in run["said"], found


@pytest.mark.faults
def test_files_that_may_not_grow(folder: Path) -> None:
    for found in trials(folder, "limit", 0, 1):
        check(found)
        run = found["disturbed"]
        assert run["code"] in (0, 1), found
        if run["code"]:
            assert re.search(FULL_FILE, run["said"]), found
            assert "unexpected" not in run["said"], found

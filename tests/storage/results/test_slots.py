"""A participant's place: one owner at a time, a result complete or absent, nothing left behind."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carotid.errors import OutputError
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Callable

HOLD = """
import sys, time
from pathlib import Path
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.slots import Slot
slot = Slot(OutputLayout(Path(sys.argv[1])), "p", "t")
print(slot.acquire(), flush=True)
(slot.open() / "half").write_text("half")
print("open", flush=True)
sys.stdin.readline()
slot.publish()
slot.release()
"""


def slot_at(root: Path) -> Slot:
    return Slot(OutputLayout(root), "p", "t")


def filled(root: Path, text: str) -> Slot:
    slot = slot_at(root)
    assert slot.acquire()
    (slot.open() / "result").write_text(text)
    return slot


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    assert process.stdout.readline() == "open\n"
    return process


def everything(root: Path) -> list[str]:
    names = (p.relative_to(root).as_posix() for p in root.rglob("*") if p.suffix != ".lock")
    return sorted(name for name in names if name != ".carotid")


def test_result_appears_only_when_it_is_published(tmp_path: Path) -> None:
    slot = filled(tmp_path, "one")
    assert not slot.final.exists()
    slot.publish()
    assert (slot.final / "result").read_text() == "one"
    slot.release()
    assert everything(tmp_path) == ["p", "p/t", "p/t/result"]


def test_what_was_not_published_is_removed(tmp_path: Path) -> None:
    filled(tmp_path, "one").release()
    assert everything(tmp_path) == []


@pytest.mark.parametrize("exchange", [True, False], ids=["one step", "two steps"])
def test_older_result_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    for text in ("one", "two"):
        slot = filled(tmp_path, text)
        slot.publish()
        slot.release()
        assert (tmp_path / "p/t/result").read_text() == text
    assert everything(tmp_path) == ["p", "p/t", "p/t/result"]


@pytest.mark.parametrize("died", [False, True])
def test_older_result_survives_half_a_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, died: bool
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    first = filled(tmp_path, "one")
    first.publish()
    first.release()
    slot = filled(tmp_path, "two")
    rename = Path.rename

    def once(self: Path, target: Path) -> Path:
        if target == slot.final:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(OutputError, match="Input/output error"):
        slot.publish()
    monkeypatch.setattr(Path, "rename", rename)
    if died:
        slot._lock.release()
        slot = slot_at(tmp_path)
        assert slot.acquire()
    slot.release()
    assert (tmp_path / "p/t/result").read_text() == "one"
    assert everything(tmp_path) == ["p", "p/t", "p/t/result"]


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    process = holder(tmp_path)
    other = slot_at(tmp_path)
    assert not other.acquire()
    other.release()
    assert other.work.is_dir(), "what belongs to others is left alone"
    process.communicate("go on\n")
    assert (tmp_path / "p/t/half").exists()
    assert other.acquire()
    other.release()


def test_waiting_ends_when_the_owner_is_done(tmp_path: Path) -> None:
    process = holder(tmp_path)
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()
    other = slot_at(tmp_path)
    assert other.acquire(wait=True)
    assert (tmp_path / "p/t/half").exists()
    other.release()
    process.communicate()
    assert everything(tmp_path) == ["p", "p/t", "p/t/half"]


def test_leftovers_of_the_dead_are_removed(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / ".carotid/t-p/half").exists()
    slot = slot_at(tmp_path)
    assert slot.acquire()
    assert not slot.work.exists()
    slot.release()
    assert everything(tmp_path) == []


def test_a_slot_given_back_publishes_and_removes_nothing(tmp_path: Path) -> None:
    slot = filled(tmp_path, "one")
    slot.release()
    other = filled(tmp_path, "two")
    with pytest.raises(OutputError, match="given back"):
        slot.publish()
    slot.release()
    assert (other.work / "result").read_text() == "two"
    other.publish()
    other.release()


def to_precious(place: Path, precious: Path) -> None:
    place.symlink_to(precious)


def to_file(place: Path, _: Path) -> None:
    place.write_text("precious")


@pytest.mark.parametrize("make", [to_precious, to_file])
@pytest.mark.parametrize("name", ["p", "p/t"])
def test_places_that_are_not_ours_are_refused(
    name: str, make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    root = tmp_path / "out"
    (root / name).parent.mkdir(parents=True)
    make(root / name, precious)
    slot = slot_at(root)
    assert slot.acquire()
    with pytest.raises(OutputError, match="taken by something"):
        slot.open()
    slot.release()
    assert everything(precious) == []

"""Small files are replaced in one step or not at all."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carotid.errors import OutputError
from carotid.storage.results.atomic import write_atomically, write_json


def test_content_is_replaced(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        write_atomically(tmp_path / "a", content)
        assert (tmp_path / "a").read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_older_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "a", b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(OutputError, match=r"a: cannot be written: No space left.*Check free space"):
        write_atomically(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a", b"one")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write_atomically(tmp_path / "absent" / "a", b"one")


def test_json_keeps_order_text_and_odd_bytes(tmp_path: Path) -> None:
    content = {"b": [1, 2.5, None], "a": "Zürich", "path": os.fsdecode(b"/data/caf\xe9")}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text("utf-8")
    assert json.loads(text) == content
    assert list(json.loads(text)) == ["b", "a", "path"]
    assert text.endswith("}\n")
    assert "Zürich" in text


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".a.part"
    left.write_bytes(b"half of something longer")
    left.chmod(0o600)
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "a", b"one")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"ten years")
    (tmp_path / ".a.part").symlink_to("precious")
    with pytest.raises(OutputError):
        write_atomically(tmp_path / "a", b"one")
    assert (tmp_path / "precious").read_bytes() == b"ten years"


def test_many_threads_leave_one_whole_file(tmp_path: Path) -> None:
    contents = [bytes([n]) * (1000 + n) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_atomically(tmp_path / "a", content), contents))
    assert (tmp_path / "a").read_bytes() in contents
    assert [p.name for p in tmp_path.iterdir()] == ["a"]

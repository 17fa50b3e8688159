"""Locks: one owner at a time, files that stay, and file systems that have none."""

from __future__ import annotations

import errno
import logging
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import filelock._unix
import pytest

from carotid.errors import OutputError
from carotid.storage.results import locks
from carotid.storage.results.locks import Lock

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from carotid.storage.results.locks import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.readline()
"""


def test_one_owner_at_a_time_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "work" / "a.lock"
    with Lock(path) as lock:
        assert lock.held
        other = Lock(path)
        assert not other.acquire()
        assert not other.held
    assert not lock.held
    assert path.exists()
    assert other.acquire()
    other.release()
    assert path.read_bytes() == b""


def test_another_process_is_kept_out_until_it_ends_however_that_is(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not Lock(path).acquire()
        process.kill()
        process.wait()
    lock = Lock(path)
    assert lock.acquire()
    lock.release()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="cannot be written"):
        Lock(tmp_path / "a.lock").acquire()
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        Lock(tmp_path / "file" / "a.lock").acquire()


def test_descriptors_do_not_leak(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        with Lock(tmp_path / "a.lock"):
            assert not Lock(tmp_path / "a.lock").acquire()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o2775, 0o700])
def test_whoever_may_write_beside_the_locks_may_lock(mode: int, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(mode)
    with Lock(out / ".carotid" / "a.lock"):
        pass
    assert stat.S_IMODE((out / ".carotid").stat().st_mode) == mode
    assert stat.S_IMODE((out / ".carotid" / "a.lock").stat().st_mode) == mode & 0o666


_NUMBERS = [
    *(errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, 524),
    *(errno.EINVAL, errno.ENOTTY),
]


@pytest.mark.parametrize("number", _NUMBERS)
def test_a_file_system_without_locks_is_told_once(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(_descriptor: int) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", refuse)
    monkeypatch.setattr(locks, "_warned", set())
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with caplog.at_level(logging.WARNING, "carotid"):
        for name in ("a.lock", "b.lock"):
            lock = Lock(tmp_path / name)
            assert lock.acquire()
            assert lock.held
            lock.release()
            assert not lock.held
    assert len(caplog.records) == 1
    assert "this file system has no locks" in caplog.text
    assert "--participant" in caplog.text
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_other_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", refuse)
    lock = Lock(tmp_path / "a.lock")
    with pytest.raises(OutputError, match="Input/output error"):
        lock.acquire()
    assert not lock.held

"""Locks on files of an output directory, so that several commands may work there at once.

A lock ends with its process, however that ends. Its file stays: it is empty, and removing it while
another process opens it would let two own it. Some file systems (NFS without a lock service, some
Lustre) have no locks; there a run goes on with a warning, and nobody is kept out.
"""

from __future__ import annotations

import errno
import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from carotid.errors import UsageError
from carotid.storage.results.atomic import cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

_NO_LOCKS = {
    errno.ENOLCK,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EBADF,  # NFS, for a lock that it wants another kind of access for
    errno.EINVAL,  # some file systems in user space, and Windows' under Linux
    errno.ENOTTY,  # folders that a virtual machine shares
    524,  # Linux's own ENOTSUPP, which some network file systems let through
}
_POLL_S = 0.1
_FOR_EVER_S = 1e9
"""Ten years and more; a wait without an end would be refused within one thread."""

_warned: set[int | None] = set()


class Lock:
    """A lock of this process on a file.

    Args:
        path: The file; it and its folder are made where they are absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = False
        self._file: FileLock | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lock; False where another process holds it and `wait` is off.

        Raises:
            OutputError: Where the lock file cannot be made.
        """
        try:
            mode = _shared_folder(self._path.parent)
            self._file = FileLock(
                self._path, mode=mode & 0o666 | 0o600, thread_local=False, fallback_to_soft=False
            )
            self._file.acquire(timeout=_FOR_EVER_S if wait else 0, poll_interval=_POLL_S)
        except Timeout:
            return False
        except OSError as error:
            self._file = None
            if error.errno not in _NO_LOCKS:
                raise cannot_write(self._path, error) from error
            _warn(self._path, error)
        self._held = True
        return True

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._held

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.release()
        self._file = None
        self._held = False

    def __enter__(self) -> Self:
        self.acquire(wait=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def alone_in(folder: Path, name: str, busy: str) -> Iterator[None]:
    """Keep a folder for this process while the block lasts.

    Args:
        folder: The folder.
        name: Of the lock, for one kind of work.
        busy: What is said where another process is at that work there.

    Raises:
        UsageError: Another process is.
        OutputError: The lock cannot be made.
    """
    lock = Lock(folder / ".carotid" / f"{name}.lock")
    if not lock.acquire():
        raise UsageError(busy, where=folder, remedy="wait for it, or choose another folder")
    try:
        yield
    finally:
        lock.release()


def _shared_folder(folder: Path) -> int:
    """Make a folder whose owner and mode let in whoever may write beside it; returns its mode.

    The folder stays, and the next one to work here may be another user.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        return folder.stat().st_mode
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
    mode = folder.parent.stat().st_mode & 0o7777
    with suppress(OSError):
        folder.chmod(mode)
    return mode


def _warn(path: Path, error: OSError) -> None:
    """Say once in a process that nobody is kept out."""
    if error.errno in _warned:
        return
    _warned.add(error.errno)
    logger.warning(
        "%s: this file system has no locks (%s); let only one process at a time work on a "
        "participant: give each process its own with --participant",
        path.parent,
        error.strerror,
    )

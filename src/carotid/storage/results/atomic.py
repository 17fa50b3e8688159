"""Small files that are complete or absent: written beside their place, then moved into it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from carotid.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes `path`'s place, in one step, when the block ends without an error.

    It is filled under a name of its own beside `path`, always the same one, so that what a killed
    process leaves there is removed by the next one and does not lie about for ever. Processes that
    write the same file take turns.

    Raises:
        OSError: Where it cannot be written; an older file is then still there.
    """
    temporary = unfinished(path)
    with os.fdopen(_own(temporary), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def unfinished(path: Path) -> Path:
    """Where a file is filled before it takes its place."""
    return path.with_name(f".{path.name}.part")


def _own(path: Path) -> int:
    """Make a file that no other process writes, and that is still under this name."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        made = True
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            made = False
            try:
                descriptor = os.open(path, flags)
            except FileNotFoundError:
                continue
        try:
            with suppress(OSError):  # a file system without locks: then nobody waits
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(descriptor)):
                    if made:
                        return descriptor
                    path.unlink()  # left by a killed process, perhaps with another mode
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content in one step.

    Raises:
        OutputError: Where it cannot be written; an older file is then still there.
    """
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, content: object) -> None:
    """Write JSON atomically, keys as given, ending with a newline.

    Bytes of a path that are no text are written as JSON's escapes of lone surrogates.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, text.encode(errors="backslashreplace"))


def read_json(path: Path) -> dict[str, Any]:
    """An object that `write_json` wrote; empty where there is none, or somebody has spoilt it."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a write that the system refused."""
    return OutputError(
        f"cannot be written: {error.strerror or error}",
        where=path,
        remedy="check free space, quota and permissions, then run the same command again; "
        "what is complete is kept",
    )


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

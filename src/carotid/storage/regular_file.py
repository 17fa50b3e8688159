"""Opening input files: ordinary files only, so that no pipe or device can hang a run."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from carotid.errors import InputError

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True)
class Stamp:
    """What a file looked like when it was opened, to notice that it was changed since.

    Attributes:
        size: In bytes.
        modified_ns: When it was last written.
    """

    size: int
    modified_ns: int

    @classmethod
    def of(cls, file: BufferedReader) -> Self:
        """That of an open file."""
        status = os.fstat(file.fileno())
        return cls(status.st_size, status.st_mtime_ns)


def open_unchanged(path: Path, stamp: Stamp) -> BufferedReader:
    """Open a file again whose header was read before; see `open_regular`.

    Raises:
        InputError: It was changed since, or cannot be opened.
    """
    file = open_regular(path)
    if Stamp.of(file) == stamp:
        return file
    file.close()
    raise InputError(
        "the file was changed while it was read",
        where=path,
        remedy="wait until it is complete, and run the same command again",
    )


def open_regular(path: Path) -> BufferedReader:
    """Open an ordinary file (or a link to one) for reading bytes; never blocks.

    Raises:
        InputError: It is missing, not readable, or a folder, pipe, socket or device.
    """
    try:
        _check_kind(path, path.stat().st_mode)
        # Non-blocking, and looked at again when open: the name may have been swapped in between.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _check_kind(path, os.fstat(descriptor).st_mode)
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")
    except FileNotFoundError as error:
        if path.is_symlink():
            raise dead_link(path) from error
        raise InputError("there is no such file", where=path) from error
    except PermissionError as error:
        raise InputError(
            "the file is not readable", where=path, remedy="check its permissions"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError("the file cannot be opened", where=path, found=_reason(error)) from error


def dead_link(path: Path) -> InputError:
    """The error about a link that leads nowhere; says how data managers fetch what is behind."""
    target = os.fspath(path.readlink())
    annexed = ".git/annex/objects" in target
    return InputError(
        "the link leads to a file that does not exist",
        where=path,
        found=f"a link to {target[:200]}",
        remedy="fetch its content with `git annex get` or `datalad get`"
        if annexed
        else "mount or copy what it leads to, or remove the link",
    )


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError(
            "this is not an ordinary file",
            where=path,
            found=_KINDS.get(stat.S_IFMT(mode), "something else"),
            expected="a file",
        )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def itself(path: Path) -> list[Path]:
    """The files of a scan that is one file."""
    return [path]

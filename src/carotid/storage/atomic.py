"""Small files that are complete or absent: written beside their place, then moved into it."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from carotid.errors import OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file's content in one step.

    Raises:
        OutputError: Where it cannot be written; an older file is then still there.
    """
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~current_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise cannot_write(path, error) from error


def write_json(path: Path, content: object) -> None:
    """Write JSON atomically, keys as given, ending with a newline.

    Bytes of a path that are no text are written as JSON's escapes of lone surrogates.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, text.encode(errors="backslashreplace"))


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a write that the system refused."""
    return OutputError(
        f"cannot be written: {error.strerror or error}",
        where=path,
        remedy="check free space, quota and permissions, then run the same command again; "
        "what is complete is kept",
    )


def current_umask() -> int:
    """The process's file mode mask, read without changing it where the system tells it."""
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
        return int(status.split("Umask:")[1].split()[0], 8)
    return 0o022


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""SHA-256 of files and of sets of files, to record what a result was made from."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from io import BufferedReader
    from pathlib import Path

_CHUNK_BYTES = 1 << 16


class HashingFile:
    """An open file that is read once from its beginning on, while what is read is hashed.

    Args:
        file: Open for reading bytes, at its beginning; closed by `close`.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, count: int) -> bytes:
        """The next bytes, at most `count`; fewer only at the end of the file."""
        data = self._file.read(count)
        self._digest.update(data)
        return data

    def finish(self) -> str:
        """Read on to the end; the checksum of the whole file, as `sha256sum` prints it."""
        while self.read(_CHUNK_BYTES):
            pass
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sha256_of_file(path: Path) -> str:
    """The checksum of one file's content as 64 hexadecimal digits, as `sha256sum` prints it.

    Raises:
        InputError: The file cannot be read, or is a pipe or device.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_files(folder: Path, files: Iterable[Path]) -> str:
    """One checksum for several files below a folder; see `sha256_of_list`.

    Raises:
        InputError: A file cannot be read.
    """
    return sha256_of_list(folder, {path: sha256_of_file(path) for path in files})


def sha256_of_list(folder: Path, digests: Mapping[Path, str]) -> str:
    """One checksum for several files below a folder: that of the list of their checksums.

    The list has one line per file, sorted by name: digest, two spaces, and the name relative to
    the folder. So a file that is renamed, added or removed changes it, and no name can be read
    from it.

    Args:
        folder: Where names begin.
        digests: The checksum of each file.
    """
    digest = hashlib.sha256()
    for name, one in sorted((os.fsencode(p.relative_to(folder)), d) for p, d in digests.items()):
        digest.update(one.encode("ascii") + b"  " + name + b"\n")
    return digest.hexdigest()

"""SHA-256 of files and of sets of files, to record what a result was made from."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def sha256_of_file(path: Path) -> str:
    """The checksum of one file's content as 64 hexadecimal digits, as `sha256sum` prints it.

    Raises:
        InputError: The file cannot be read, or is a pipe or device.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_files(folder: Path, files: Iterable[Path]) -> str:
    """One checksum for several files below a folder: that of the list of their checksums.

    The list has one line per file, sorted by name: digest, two spaces, and the name relative to
    the folder. So a file that is renamed, added or removed changes it, and no name can be read
    from it.

    Raises:
        InputError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for name, path in sorted((os.fsencode(path.relative_to(folder)), path) for path in files):
        digest.update(sha256_of_file(path).encode("ascii") + b"  " + name + b"\n")
    return digest.hexdigest()

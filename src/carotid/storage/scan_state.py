"""How large a scan is on disk and when it was last changed: what can be seen without reading it."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.storage.dicom.files import list_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from carotid.storage.raw import RawScan


@dataclass(frozen=True)
class ScanState:
    """A scan as the file system tells of it.

    Attributes:
        size_bytes: Of its file or files together.
        changed_ns: When one of its files or folders was last changed, moved or copied here.
    """

    size_bytes: int
    changed_ns: int


def scan_state(scan: RawScan) -> ScanState:
    """Look at a scan's file, or at all files and folders below its folder.

    Raises:
        InputError: It cannot be looked at.
    """
    size_bytes, changed_ns = 0, 0
    try:
        for path in _places(scan):
            found = path.stat()
            changed_ns = max(changed_ns, found.st_ctime_ns)
            if stat.S_ISREG(found.st_mode):
                size_bytes += found.st_size
    except OSError as error:
        raise InputError(
            "the scan cannot be looked at", where=scan.path, found=error.strerror or error
        ) from error
    return ScanState(size_bytes, changed_ns)


def _places(scan: RawScan) -> Iterator[Path]:
    """The files, and the folders, that a scan consists of."""
    yield scan.path
    if scan.path.is_dir():
        yield from list_files(scan.path)
    elif scan.path.suffix.lower() == ".mhd":
        from carotid.storage.metaimage.header import read_metaimage_header

        data_path = read_metaimage_header(scan.path).data_path
        if data_path != scan.path:
            yield data_path

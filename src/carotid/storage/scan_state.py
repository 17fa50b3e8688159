"""How large a scan is on disk and when it was last changed: what can be seen without reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.storage.readers import READERS

if TYPE_CHECKING:
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
    """Look at a scan's files, and at the folder that they are in if it is one of its own.

    Raises:
        InputError: It cannot be looked at.
    """
    size_bytes = 0
    try:
        changed_ns = scan.path.stat().st_ctime_ns
        for path in READERS[scan.kind].files(scan.path, **scan.choice):
            found = path.stat()
            size_bytes += found.st_size
            changed_ns = max(changed_ns, found.st_ctime_ns)
    except OSError as error:
        raise InputError(
            "the scan cannot be looked at", where=scan.path, found=error.strerror or error
        ) from error
    return ScanState(size_bytes, changed_ns)

"""Scans as they come: where one is, and how it is opened, read and hashed, whatever its format.

Which scans a RAW_DIR holds is found by `participants`; the formats are listed in `readers`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carotid.errors import CarotidError, InputError, ResourceError
from carotid.geometry.intensity import check_intensities
from carotid.storage.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from carotid.geometry.volume import Volume
    from carotid.storage.opened import OpenedScan, ScanContent


@dataclass(frozen=True)
class RawScan:
    """Where one participant's scan is.

    Attributes:
        participant_id: The folder's name, or the file's name without its extension.
        path: The folder or the file.
        kind: Which of the `READERS` it needs.
        series: Which of the series in the folder is meant; None where it must be the only one.
        doubted: Whether another scan may have stood for it before, so that its size and age do
            not tell whether it is still the same.
    """

    participant_id: str
    path: Path
    kind: str
    series: str | None = None
    doubted: bool = False

    @property
    def choice(self) -> dict[str, str]:
        """What its reader has to be told beside the path."""
        return {} if self.series is None else {"series": self.series}


def open_scan(scan: RawScan) -> OpenedScan:
    """Read and check a scan's header: its grid and type are known then, its voxels can be read.

    Raises:
        InputError: The scan cannot be used; the message names its file or folder. Reading raises
            the same, and ResourceError where memory is not enough.
    """
    with _errors_at(scan):
        opened = READERS[scan.kind].open(scan.path, **scan.choice)

    def read() -> ScanContent:
        with _errors_at(scan):
            return opened.read()

    return replace(opened, read=read)


def load_scan(scan: RawScan) -> Volume:
    """A scan's voxels, checked, and where they lie; see `open_scan`."""
    volume = open_scan(scan).read().volume
    with _errors_at(scan):
        check_intensities(volume.array)
    return volume


def hash_scan(scan: RawScan) -> str:
    """SHA-256 of a scan, as 64 hexadecimal digits, without reading its voxels.

    For one file it is that file's checksum, as `sha256sum` prints it. For a header with a data
    file, and for the DICOM files of a folder, it is `checksums.sha256_of_files`.

    Raises:
        InputError: A file cannot be read.
    """
    with _errors_at(scan):
        return READERS[scan.kind].hash(scan.path, **scan.choice)


@contextmanager
def _errors_at(scan: RawScan) -> Iterator[None]:
    """Give every error the scan's path, and make it one of ours."""
    try:
        yield
    except CarotidError as error:
        raise error.at(scan.path) from error
    except MemoryError as error:
        raise ResourceError("the scan does not fit into memory", where=scan.path) from error
    except OSError as error:
        raise InputError(
            "the scan could not be read", where=scan.path, found=error.strerror or error
        ) from error

"""RAW_DIR: which participants it holds, and how each one's scan is read, whatever its format.

A participant is a folder of DICOM files or one file; the id is the folder's name, or the file's
name without its extension. All names are checked before anything is read, so that two scans never
compete for one id, also not where upper and lower case are the same.
"""

from __future__ import annotations

import difflib
import logging
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carotid.errors import CarotidError, InputError, ResourceError, UsageError
from carotid.storage.checksums import sha256_of_file, sha256_of_files
from carotid.storage.rescaling import FILE_NAME, NO_RESCALING, Rescaling, read_rescaling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume

__all__ = [
    "NO_RESCALING",
    "RawScan",
    "Rescaling",
    "find_scans",
    "hash_scan",
    "load_scan",
    "read_rescaling",
    "scan_header",
    "select_participants",
]

logger = logging.getLogger(__name__)

Kind = Literal["dicom", "metaimage", "nifti"]

EXTENSIONS: dict[str, Kind] = {
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".nii": "nifti",
    ".nii.gz": "nifti",
}

MAX_ID_BYTES = 200
"""Longest id: file systems take names of 255 bytes, and temporary names add to the id."""

_DATA_EXTENSIONS = (".raw", ".zraw")
_NO_PARTICIPANTS = {"__MACOSX", "@eaDir", "lost+found", "System Volume Information"}
_MAX_IDS_SHOWN = 20
_LAYOUT = "one folder of DICOM files, or one .mha, .mhd, .nii or .nii.gz file, per participant"


@dataclass(frozen=True)
class RawScan:
    """Where one participant's scan is.

    Attributes:
        participant_id: The folder's name, or the file's name without its extension.
        path: The folder or the file.
        kind: Which reader it needs.
    """

    participant_id: str
    path: Path
    kind: Kind


def find_scans(raw_dir: Path) -> dict[str, RawScan]:
    """List the participants of a RAW_DIR without reading their scans.

    Hidden files, `parameters.json` and files of other kinds are passed over. Every folder counts
    as a participant, also an empty one: it fails when it is loaded, rather than being overlooked.

    Returns:
        The scans by id, sorted by id.

    Raises:
        UsageError: There is no such folder, it holds no scan, one participant is there twice, two
            ids differ only in case, or an id cannot serve as the name of a folder.
    """
    scans: dict[str, RawScan] = {}
    folded: dict[str, RawScan] = {}
    ignored = []
    for path in _entries(raw_dir):
        scan = _scan_at(path)
        if scan is None:
            ignored += [path.name] if path.name != FILE_NAME else []
            continue
        _check_id(scan)
        key = unicodedata.normalize("NFC", scan.participant_id).casefold()
        _check_unique(scan, folded.setdefault(key, scan))
        scans[scan.participant_id] = scan
    unrelated = [name for name in ignored if not name.lower().endswith(_DATA_EXTENSIONS)]
    if unrelated:
        logger.info("%s: not used: %s", raw_dir, _shortened(unrelated))
    if not scans:
        raise UsageError(
            "the folder holds no scans",
            where=raw_dir,
            found=_shortened(ignored) or "nothing",
            expected=_LAYOUT,
        )
    return dict(sorted(scans.items()))


def select_participants(
    scans: Mapping[str, RawScan], wanted: Sequence[str] | None
) -> list[RawScan]:
    """The scans asked for, sorted by id; all of them where `wanted` is None or empty.

    An id that is repeated is taken once.

    Raises:
        UsageError: An id is not there; the message lists what there is.
    """
    if not wanted:
        return [scans[key] for key in sorted(scans)]
    unknown = list(dict.fromkeys(key for key in wanted if key not in scans))
    if unknown:
        near = difflib.get_close_matches(unknown[0], scans, n=1, cutoff=0.5)
        raise UsageError(
            "there is no participant of that name",
            where="--participant",
            found=_shortened([repr(key) for key in unknown]),
            expected="ids among " + _shortened(sorted(scans)),
            remedy=f"perhaps '{near[0]}' was meant" if near else None,
        )
    return [scans[key] for key in sorted(set(wanted))]


def load_scan(scan: RawScan) -> Volume:
    """Read a scan's voxels and where they lie.

    Raises:
        InputError: The scan cannot be used; the message names its file or folder.
        ResourceError: It does not fit into memory.
    """
    with _errors_at(scan):
        if scan.kind == "dicom":
            from carotid.storage.dicom.read import read_dicom

            return read_dicom(scan.path)
        if scan.kind == "nifti":
            from carotid.storage.nifti.read import read_nifti

            return read_nifti(scan.path)
        from carotid.storage.metaimage.read import read_metaimage

        return read_metaimage(scan.path)


def scan_header(scan: RawScan) -> tuple[Grid, np.dtype[np.generic]]:
    """The grid and type that `load_scan` will give, without reading voxels.

    Raises:
        InputError: As for `load_scan`, as far as the headers show it.
    """
    with _errors_at(scan):
        if scan.kind == "dicom":
            from carotid.storage.dicom.read import read_dicom_header

            return read_dicom_header(scan.path)
        if scan.kind == "nifti":
            from carotid.storage.nifti.read import read_nifti_header

            return read_nifti_header(scan.path)
        from carotid.storage.metaimage.read import read_metaimage_header

        header = read_metaimage_header(scan.path)
        return header.grid, header.dtype


def hash_scan(scan: RawScan) -> str:
    """SHA-256 of a scan, as 64 hexadecimal digits.

    For one file it is that file's checksum, as `sha256sum` prints it. For a header with a data
    file, and for the DICOM files of a folder, it is `checksums.sha256_of_files`.

    Raises:
        InputError: A file cannot be read.
    """
    with _errors_at(scan):
        if scan.kind == "dicom":
            from carotid.storage.dicom.files import find_files

            return sha256_of_files(scan.path, find_files(scan.path).dicom)
        if scan.kind == "metaimage":
            from carotid.storage.metaimage.read import read_metaimage_header

            data_path = read_metaimage_header(scan.path).data_path
            if data_path != scan.path:
                return sha256_of_files(scan.path.parent, [scan.path, data_path])
        return sha256_of_file(scan.path)


def _entries(raw_dir: Path) -> list[Path]:
    try:
        return sorted(path for path in raw_dir.iterdir() if not path.name.startswith("."))
    except FileNotFoundError as error:
        raise UsageError("there is no such folder", where=raw_dir) from error
    except NotADirectoryError as error:
        raise UsageError("this is not a folder", where=raw_dir, expected=_LAYOUT) from error
    except OSError as error:
        raise UsageError(
            "the folder cannot be read", where=raw_dir, found=error.strerror or error
        ) from error


def _scan_at(path: Path) -> RawScan | None:
    """The scan that an entry of RAW_DIR is, or None."""
    if path.is_dir():
        return None if path.name in _NO_PARTICIPANTS else RawScan(path.name, path, "dicom")
    lower = path.name.lower()
    for extension, kind in EXTENSIONS.items():
        if lower.endswith(extension):
            return RawScan(path.name[: -len(extension)], path, kind)
    return None


def _check_id(scan: RawScan) -> None:
    name = scan.participant_id
    encoded = name.encode("utf-8", "surrogateescape")
    if not name.isprintable() or name != name.strip() or "\\" in name:
        problem = "it has characters that a folder's name should not have"
    elif name.startswith("-"):
        problem = "it cannot be told from an option"
    elif len(encoded) > MAX_ID_BYTES:
        problem = f"it is longer than {MAX_ID_BYTES} bytes"
    else:
        return
    raise UsageError(
        f"the participant's id cannot be used: {problem}",
        where=scan.path,
        found=f"'{name[:60]}'",
        remedy="rename it",
    )


def _check_unique(scan: RawScan, earlier: RawScan) -> None:
    if earlier is scan:
        return
    if earlier.participant_id == scan.participant_id:
        what = f"participant '{scan.participant_id}' is there twice"
        remedy = "move one of the two elsewhere"
    else:
        what = "two participants' ids differ only in upper and lower case"
        remedy = "rename one of the two"
    raise UsageError(
        what,
        where=scan.path.parent,
        found=f"{earlier.path.name} and {scan.path.name}",
        remedy=remedy,
    )


def _shortened(words: Sequence[str]) -> str:
    shown = ", ".join(word[:60] for word in words[:_MAX_IDS_SHOWN])
    more = len(words) - _MAX_IDS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


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

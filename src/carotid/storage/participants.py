"""RAW_DIR: which participants it holds, told from names alone wherever that is possible.

A participant is a folder of DICOM files or one file; the id is the folder's name, or the file's
name without its extension. All names are checked before anything is read, so that two scans never
compete for one id, also not where upper and lower case are the same.
"""

from __future__ import annotations

import logging
import unicodedata
from typing import TYPE_CHECKING

from carotid.errors import UsageError
from carotid.storage.litter import is_litter
from carotid.storage.raw import RawScan
from carotid.storage.readers import FOLDER_KIND, kind_of
from carotid.storage.rescaling import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_ID_BYTES = 200
"""Longest id: file systems take names of 255 bytes, and temporary names add to the id."""

_DATA_EXTENSIONS = (".raw", ".zraw")
_MAX_IDS_SHOWN = 20
_LAYOUT = "one folder of DICOM files, or one .mha, .mhd, .nii or .nii.gz file, per participant"


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
        return None if is_litter(path.name, folder=True) else RawScan(path.name, path, FOLDER_KIND)
    found = kind_of(path.name)
    if found is None:
        return None
    kind, extension = found
    return RawScan(path.name.removesuffix(extension), path, kind)


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

"""RAW_DIR: which participants it holds, told from names alone wherever that is possible.

A participant is a folder of DICOM files, one file, or a folder that holds nothing but one file;
the id is the folder's name, or the file's name without its extension. In a BIDS data set it is an
image of a session. All names are checked before anything is read, so that two scans never compete
for one id, also not where upper and lower case are the same; and whatever is not used is named, so
that no scan is overlooked.
"""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carotid.counted import counted, shortened
from carotid.errors import InputError, UsageError
from carotid.foreign import HEAD_BYTES, recognised
from carotid.storage.bids import find_bids_scans
from carotid.storage.dicom.loose import begins_as_dicom_file
from carotid.storage.entries import scan_of, scan_of_dicom, scan_of_folder, sort_entries
from carotid.storage.regular_file import open_regular
from carotid.storage.unused import reason_unused, warn_of_unused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from carotid.storage.bids import BidsChoice
    from carotid.storage.dicom.loose import Loose
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

MAX_ID_BYTES = 200
"""Longest id: file systems take names of 255 bytes, and temporary names add to the id."""

LAYOUT = "one folder of DICOM files, or one .mha, .mhd, .nii or .nii.gz file, per participant"


def find_scans(raw_dir: Path, choice: BidsChoice | None = None) -> dict[str, RawScan]:
    """List the participants of a RAW_DIR without reading their scans.

    Litter of systems, `parameters.json` and documents are passed over; other files that are not
    used are named in a warning. Every folder counts as a participant, also an empty one: it fails
    when it is loaded, rather than being overlooked. So do links that lead nowhere.

    Args:
        raw_dir: The folder.
        choice: Which image is meant where the folder is a BIDS data set.

    Returns:
        The scans by id, sorted by id.

    Raises:
        UsageError: There is no such folder, it holds no scan, one participant is there twice, two
            ids differ only in case, an id cannot serve as the name of a folder, or it is not clear
            which of several images is meant.
    """
    paths = _listing(raw_dir)
    data_set = find_bids_scans(raw_dir, choice)
    if data_set is not None:
        paths = [path for path in paths if path.name not in data_set.folders]
    entries = sort_entries(paths)
    scans = _by_id(entries.scans + (data_set.scans if data_set else []))
    unused = entries.unused + _add_loose(scans, entries.loose)
    if data_set is not None:
        unused += [(name, "no image that is meant") for name in data_set.without]
    warn_of_unused(raw_dir, unused)
    if entries.documents:
        logger.info("%s: no scans: %s", raw_dir, shortened(entries.documents))
    if not scans:
        ignored = [*(name for name, _ in unused), *entries.documents]
        raise _no_scans(raw_dir, sorted(ignored), entries.loose)
    _warn_of_equal_numbers(raw_dir, scans)
    return dict(sorted(scans.items()))


def _warn_of_equal_numbers(raw_dir: Path, ids: Iterable[str]) -> None:
    """Name ids that programs for tables take for the same number, and so for one participant."""
    found: dict[int, list[str]] = {}
    for name in sorted(ids):
        if name.isascii() and name.isdigit():
            found.setdefault(int(name), []).append(name)
    for same in found.values():
        if len(same) > 1:
            logger.warning(
                "%s: %s are one number to programs for tables: read the column participant_id as "
                "text, or rename them",
                raw_dir,
                " and ".join(same),
            )


@dataclass(frozen=True)
class Place:
    """Where scans are, whatever kind of place was given.

    Attributes:
        folder: The folder that counts as RAW_DIR: `parameters.json` is looked for there.
        scans: The scans by id.
    """

    folder: Path
    scans: dict[str, RawScan]


def find_scans_at(place: Path, choice: BidsChoice | None = None) -> Place:
    """The scans at a place that is a RAW_DIR, or one scan: a file, or a folder of DICOM slices.

    Raises:
        UsageError: As for `find_scans`; or the file is no scan by its name or content.
    """
    if not place.is_file():
        whole = scan_of_folder(place.absolute()) if _holds_slices(place) else None
        if whole is None:
            return Place(place, find_scans(place, choice))
        _check_id(whole)
        return Place(place, {whole.participant_id: replace(whole, path=place)})
    scan = scan_of(place) or (scan_of_dicom(place) if begins_as_dicom_file(place) else None)
    if scan is None:
        raise _no_scan(place)
    _check_id(scan)
    return Place(place.parent, {scan.participant_id: scan})


def _no_scan(file: Path) -> UsageError:
    """The error about a file that is given as a scan and is none, with what it is instead."""
    try:
        with open_regular(file) as opened:
            foreign = recognised(opened.read(HEAD_BYTES))
    except InputError:
        foreign = None
    found = foreign.what if foreign else reason_unused(file.name)
    return UsageError(
        "this file is no scan",
        where=file,
        found=found,
        expected=LAYOUT,
        remedy=foreign.remedy if foreign else None,
    )


def _holds_slices(folder: Path) -> bool:
    """Whether a folder is itself one participant's: DICOM slices of a series lie in it."""
    entries = sort_entries(_listing(folder))
    return not entries.scans and bool(entries.loose.slices)


def _listing(raw_dir: Path) -> list[Path]:
    try:
        return sorted(raw_dir.iterdir())
    except FileNotFoundError as error:
        raise UsageError("there is no such folder", where=raw_dir) from error
    except NotADirectoryError as error:
        raise _no_folder(raw_dir) from error
    except OSError as error:
        raise UsageError(
            "the folder cannot be read", where=raw_dir, found=error.strerror or error
        ) from error


def _no_folder(file: Path) -> UsageError:
    """The error about a file instead of a folder, with what to give for it."""
    place = file.absolute().parent
    scan = scan_of(file)
    if scan is not None:
        found = "one scan"
        remedy = (
            f"give the folder in which it lies, {place}, and --participant {scan.participant_id}"
        )
    elif begins_as_dicom_file(file):
        found = "one DICOM file"
        remedy = (
            f"give {place} if the file holds all slices; if {place.name} holds them, give "
            f"{place.parent} and --participant {place.name}"
        )
    else:
        found, remedy = "a file", None
    return UsageError(
        "this is not a folder", where=file, found=found, expected=LAYOUT, remedy=remedy
    )


def _by_id(found: Iterable[RawScan]) -> dict[str, RawScan]:
    scans: dict[str, RawScan] = {}
    folded: dict[str, RawScan] = {}
    for scan in sorted(found, key=lambda scan: scan.path):
        _check_id(scan)
        _check_unique(scan, folded.setdefault(_folded(scan.participant_id), scan))
        scans[scan.participant_id] = scan
    return scans


def _folded(participant_id: str) -> str:
    return unicodedata.normalize("NFC", participant_id).casefold()


def _add_loose(scans: dict[str, RawScan], loose: Loose) -> list[tuple[str, str]]:
    """Add DICOM files that are a scan each; which ones are not used, and why."""
    unused = []
    taken = {_folded(key) for key in scans}
    for path in loose.scans:
        scan = scan_of_dicom(path)
        if _folded(scan.participant_id) in taken:
            unused.append((path.name, "the participant has another scan"))
            continue
        _check_id(scan)
        taken.add(_folded(scan.participant_id))
        scans[scan.participant_id] = scan
    if loose.slices:
        names = f"{counted(len(loose.slices), 'file')} such as {loose.slices[0].name}"
        unused.append((names, "slices: put those of one series into a folder of their own"))
    return unused


def _no_scans(raw_dir: Path, ignored: Sequence[str], loose: Loose) -> UsageError:
    if loose.slices:
        place = raw_dir.absolute()
        return UsageError(
            "the folder holds the slices of one scan, not scans",
            where=raw_dir,
            found=f"{counted(len(loose.slices), 'DICOM file')} such as {loose.slices[0].name}",
            expected=LAYOUT,
            remedy=f"give the folder above it, {place.parent}, and --participant {place.name}",
        )
    return UsageError(
        "the folder holds no scans",
        where=raw_dir,
        found=shortened(ignored) or "nothing",
        expected=LAYOUT,
    )


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
        found=repr(name[:60]),
        remedy="rename it",
    )


def _check_unique(scan: RawScan, earlier: RawScan) -> None:
    if earlier is scan:
        return
    if earlier.participant_id == scan.participant_id:
        what = f"participant '{scan.participant_id}' is there twice"
        remedy = "move one of the two elsewhere"
    else:
        composed = [unicodedata.normalize("NFC", s.participant_id) for s in (scan, earlier)]
        how = "in how accents are stored" if len(set(composed)) == 1 else "in upper and lower case"
        what = f"two participants' ids differ only {how}"
        remedy = "rename one of the two"
    raise UsageError(
        what,
        where=scan.path.parent,
        found=f"{earlier.path.name} and {scan.path.name}",
        remedy=remedy,
    )

"""What lies in a RAW_DIR, sorted into scans and what is none, before ids are compared."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.storage import unused
from carotid.storage.dicom.loose import SUFFIXES, Loose, begins_as_dicom_file, sort_out
from carotid.storage.litter import is_litter
from carotid.storage.metaimage.data_file import voxel_file_of
from carotid.storage.raw import RawScan
from carotid.storage.readers import FOLDER_KIND, kind_of
from carotid.storage.rescaling import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Entries:
    """The entries of a RAW_DIR, sorted out.

    Attributes:
        scans: Folders and files that are a participant each, by what they are called.
        loose: DICOM files without a folder of their own.
        documents: Names of files that are evidently no scans.
        unused: Names of all other files, and why they are not used.
    """

    scans: list[RawScan] = field(default_factory=list)
    loose: Loose = field(default_factory=Loose)
    documents: list[str] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)


def sort_entries(paths: Iterable[Path]) -> Entries:
    """Sort the entries of a RAW_DIR.

    Args:
        paths: They, in one folder; hidden ones and litter of systems are passed over.
    """
    found = Entries()
    files: list[Path] = []
    folders: list[Path] = []
    for path in paths:
        kind = _kind_of_entry(path)
        if is_litter(path.name, folder=kind == "folder") or path.name == FILE_NAME:
            if unused.is_hidden_copy(path.name):
                found.unused.append((path.name, unused.UNFINISHED))
        elif kind == "folder":
            folders.append(path)
        elif (scan := scan_of(path)) is not None:
            found.scans.append(scan)
        elif unused.is_document(path.name) and not begins_as_dicom_file(path):
            found.documents.append(path.name)
        elif kind == "dead link" and _may_be_folder(path.name):
            found.scans.append(scan_of_dicom(path))
        elif kind == "file":
            files.append(path)
        else:
            found.unused.append((path.name, unused.NO_FILE))
    voxels = _voxel_files(found.scans)
    for folder in folders:
        _sort_folder(folder, voxels, found)
    _sort_files(files, voxels, found)
    return found


def scan_of(path: Path) -> RawScan | None:
    """The scan that a file is, by its name; None where the name says of no format."""
    known = kind_of(path.name)
    if known is None:
        return None
    kind, extension = known
    return RawScan(path.name.removesuffix(extension), path, kind)


def scan_of_dicom(path: Path) -> RawScan:
    """A DICOM file, or a link that may have led to one or to a folder, as a participant."""
    lower = path.name.lower()
    suffix = next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), "")
    return RawScan(path.name[: len(path.name) - len(suffix)], path, FOLDER_KIND)


def scan_of_folder(path: Path) -> RawScan:
    """A folder of DICOM files as a participant."""
    return RawScan(path.name, path, FOLDER_KIND)


def _kind_of_entry(path: Path) -> str:
    """`folder`, `file`, `dead link`, or `other`: a pipe, a device, or what cannot be looked at."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "dead link"
    except OSError:
        return "other"
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "other"


def _may_be_folder(name: str) -> bool:
    """Whether a link that leads nowhere may have led to a folder of DICOM files, or to one file."""
    return unused.reason_unused(name) == unused.UNKNOWN


def _voxel_files(scans: Iterable[RawScan]) -> set[Path]:
    """The data files of all `.mhd` headers."""
    headers = [scan.path for scan in scans if scan.path.name.lower().endswith(".mhd")]
    found = {header.with_suffix(ending) for header in headers for ending in (".raw", ".zraw")}
    return found | {path for header in headers if (path := voxel_file_of(header)) is not None}


def _only_scan_in(folder: Path) -> RawScan | None:
    """The one scan file that a folder was made for; its participant is called after the folder.

    None where anything else in it may be a scan, or a part of one, or a second image: which one is
    meant is not guessed.
    """
    scans: list[RawScan] = []
    others: list[Path] = []
    try:
        for path in folder.iterdir():
            kind = _kind_of_entry(path)
            if is_litter(path.name, folder=kind == "folder"):
                if unused.is_hidden_copy(path.name):
                    return None
            elif kind != "file":
                return None
            elif (scan := scan_of(path)) is not None:
                scans.append(scan)
            elif not unused.is_document(path.name) or begins_as_dicom_file(path):
                others.append(path)
            if len(scans) > 1 or len(others) > 1:
                return None
    except OSError:
        return None
    if not scans or not set(others) <= _voxel_files(scans):
        return None
    return replace(scans[0], participant_id=folder.name)


def _sort_folder(folder: Path, voxels: set[Path], found: Entries) -> None:
    """A folder is a participant, unless voxels of `.mhd` headers lie in it and no DICOM does."""
    if (only := _only_scan_in(folder)) is not None:
        found.scans.append(only)
        return
    if not any(folder in path.parents for path in voxels):
        found.scans.append(scan_of_folder(folder))
        return
    from carotid.storage.dicom.files import list_files

    try:
        files = list_files(folder)
    except InputError:
        files = []
    if not files or any(begins_as_dicom_file(path) for path in files if path not in voxels):
        found.scans.append(scan_of_folder(folder))
        return
    for path in files:
        name = path.relative_to(folder.parent).as_posix()
        if path in voxels or is_litter(path.name, folder=False):
            continue
        if unused.is_document(path.name):
            found.documents.append(name)
        else:
            found.unused.append((name, unused.reason_unused(name)))


def _sort_files(files: Iterable[Path], voxels: set[Path], found: Entries) -> None:
    """Files whose names say of no format that it is theirs."""
    dicom = []
    for path in files:
        if path in voxels:
            continue
        named = path.name.lower().endswith(SUFFIXES)
        reason = unused.NOT_DICOM if named else unused.reason_unused(path.name)
        if (named or reason == unused.UNKNOWN) and begins_as_dicom_file(path):
            dicom.append(path)
        else:
            found.unused.append((path.name, reason))
    if dicom:
        sorted_out = sort_out(dicom)
        found.loose.scans.extend(sorted_out.scans)
        found.loose.slices.extend(sorted_out.slices)
        found.documents.extend(path.name for path in sorted_out.others)

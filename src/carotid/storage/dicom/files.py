"""Which files of a folder are DICOM: told by what is in them, never by their names alone.

Hospitals export slices with any name or none, in nested folders, beside viewers, reports and a
DICOMDIR. What is no DICOM is left alone, unless its name says that it once was a slice: a file
that lost its content must not vanish from the volume in silence.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

MAX_FILES = 20_000
"""Most files in one participant's folder: beyond this it is an archive, not a scan."""

PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}

_BARE_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0013, 0x0014, 0x0016, 0x0018}
_BARE_VALUE_BYTES = 256
_VR = re.compile(rb"UL|CS|DA|TM|UI|OB")


@dataclass(frozen=True)
class FoundFiles:
    """The regular files of a folder tree, sorted by name.

    Attributes:
        dicom: Files that begin as DICOM files do.
        others: Everything else.
    """

    dicom: tuple[Path, ...]
    others: tuple[Path, ...]


def looks_like_dicom_folder(folder: Path) -> bool:
    """Whether at least one file in the tree is DICOM; stops at the first one.

    What cannot be read counts as not DICOM here; `find_files` is the one that complains.
    """
    for number, path in enumerate(_walk(folder)):
        if number >= MAX_FILES:
            return False
        try:
            if _is_regular(path) and begins_as_dicom(path):
                return True
        except OSError:
            continue
    return False


def find_files(folder: Path) -> FoundFiles:
    """Sort the files of a folder tree into DICOM and others.

    Links to folders are not followed, so a loop of links cannot hang this. Pipes, sockets and
    devices are never opened.

    Raises:
        InputError: If `folder` is no folder, if it or one of its files cannot be read, if there
            are more than `MAX_FILES` files, or if a file without DICOM content is named like
            a slice.
    """
    if not folder.is_dir():
        raise InputError("this is not a folder of DICOM files", where=folder)
    dicom: list[Path] = []
    others: list[Path] = []
    for number, path in enumerate(_walk(folder, strict=True)):
        if number >= MAX_FILES:
            raise InputError(
                "there are too many files for one scan",
                where=folder,
                found=f"more than {MAX_FILES}",
                remedy="give each participant a folder with one series",
            )
        try:
            if _is_regular(path):
                (dicom if begins_as_dicom(path) else others).append(path)
            else:
                logger.info("%s: not a regular file, left alone", path)
        except OSError as error:
            raise _unreadable(path, error) from error
    return FoundFiles(tuple(dicom), tuple(others))


def begins_as_dicom(path: Path) -> bool:
    """Whether a file begins with DICOM's mark, or with a data set whose mark was stripped.

    Source of the mark: DICOM PS3.10, 7.1. A data set without it is recognised by a first
    element of group 0002 or 0008 in either encoding of its length (PS3.5, 7.1).
    """
    with path.open("rb") as file:
        head = file.read(PREAMBLE_BYTES + len(_MAGIC))
    return head[PREAMBLE_BYTES:] == _MAGIC or begins_as_bare_data_set(head)


def has_mark(path: Path) -> bool:
    """Whether a file has DICOM's mark after its preamble."""
    with path.open("rb") as file:
        return file.read(PREAMBLE_BYTES + len(_MAGIC))[PREAMBLE_BYTES:] == _MAGIC


def begins_as_bare_data_set(head: bytes) -> bool:
    """Whether these first bytes are those of a little-endian data set without a file header."""
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    if int.from_bytes(head[2:4], "little") not in _BARE_FIRST_ELEMENTS:
        return False
    explicit = _VR.fullmatch(head[4:6]) is not None
    return explicit or int.from_bytes(head[4:8], "little") <= _BARE_VALUE_BYTES


def account_for_others(folder: Path, slices: list[Path], others: list[Path]) -> None:
    """Say which files were left alone, and refuse those that must once have been slices.

    A file counts as a lost slice if its name is that of a slice but for the digits, or if it is
    empty and has a suffix that only DICOM files have.

    Raises:
        InputError: If there is such a file.
    """
    patterns = {_pattern(path) for path in slices}
    for path in others:
        name = path.relative_to(folder)
        hidden = path.name.startswith(".")
        empty = path.stat().st_size == 0
        named_as_dicom = path.suffix.lower() in _DICOM_SUFFIXES and not hidden
        if _pattern(path) in patterns or (empty and named_as_dicom):
            raise InputError(
                "a file is named like a slice but is empty"
                if empty
                else "a file is named like a slice but holds no DICOM image",
                where=path,
                remedy="copy the series again, or remove the file if it is not part of it",
            )
        level = logging.WARNING if named_as_dicom else logging.INFO
        logger.log(level, "%s: %s is not a DICOM image, left alone", folder, name)


def _pattern(path: Path) -> tuple[Path, str]:
    """A file's folder and its name with every run of digits (and dots between) made equal."""
    return path.parent, re.sub(r"\d[\d.]*(?<=\d)", "#", path.name)


def _walk(folder: Path, *, strict: bool = False) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if strict:
            where = Path(error.filename) if error.filename else folder
            raise _unreadable(where, error) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in folders:
            if strict and (Path(parent) / name).is_symlink():
                logger.info("%s: a link to a folder, not followed", Path(parent) / name)
        for name in sorted(names):
            yield Path(parent) / name


def _is_regular(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        "this cannot be read",
        where=path,
        found=error.strerror or type(error).__name__,
        remedy="make it readable, or remove it if it is not part of the scan",
    )

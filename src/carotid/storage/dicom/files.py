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
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.copies import name_when_whole
from carotid.errors import InputError
from carotid.storage import unused
from carotid.storage.litter import is_litter
from carotid.storage.regular_file import dead_link, open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

MAX_FILES = 20_000
"""Most files in one participant's folder: beyond this it is an archive, not a scan."""

PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_DOUBTFUL = (unused.UNFINISHED, unused.ARCHIVE, unused.SHORTCUT, unused.OTHER_SCAN)
"""Why a file in a series is left alone, where a word is due about it."""

HEAD_BYTES = PREAMBLE_BYTES + len(_MAGIC)
"""How many of a file's first bytes tell whether it is DICOM."""

_DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}

_BARE_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0013, 0x0014, 0x0016, 0x0018}
_BARE_VALUE_BYTES = 256
_VR = re.compile(rb"UL|CS|DA|TM|UI|OB")

_NUMBERS = re.compile(
    r"(?<![0-9a-z])[0-9a-f]{4,}(?![0-9a-z])"  # hexadecimal, as archives call their files
    r"|\d[\d.]*(?<=\d)"
)


def list_files(folder: Path) -> list[Path]:
    """The regular files of a folder tree.

    Links to folders are followed, each folder once, so a loop of links cannot hang this, and
    slices that lie behind a link are not missing. Pipes, sockets and devices are left out.

    Raises:
        InputError: `folder` is no folder, something in it cannot be read, a link in it leads
            nowhere, or there are more than `MAX_FILES` files.
    """
    if not folder.is_dir():
        if folder.is_symlink() and not folder.exists():
            raise dead_link(folder)
        raise InputError("this is not a folder of DICOM files", where=folder)
    found: list[Path] = []
    for number, path in enumerate(_walk(folder)):
        if number >= MAX_FILES:
            raise InputError(
                "there are too many files for one scan",
                where=folder,
                found=f"more than {MAX_FILES}",
                remedy="give each participant a folder with one series; if the folders in this one "
                "are participants, give it as RAW_DIR",
            )
        try:
            if stat.S_ISREG(path.stat().st_mode):
                found.append(path)
            else:
                logger.info("%s: not a regular file, left alone", path)
        except OSError as error:
            raise unreadable(path, error) from error
    return found


def is_dicom_file(path: Path) -> bool:
    """Whether a file begins as DICOM files do; an `InputError` where it cannot be opened."""
    with open_regular(path) as file:
        return begins_as_dicom(file.read(HEAD_BYTES))


def begins_as_dicom(head: bytes) -> bool:
    """Whether a file's first bytes are DICOM's mark, or a data set whose mark was stripped.

    Source of the mark: DICOM PS3.10, 7.1. A data set without it is recognised by a first
    element of group 0002 or 0008 in either encoding of its length (PS3.5, 7.1).

    Args:
        head: The first `HEAD_BYTES` bytes, or all of a shorter file.
    """
    return has_mark(head) or begins_as_bare_data_set(head)


def has_mark(head: bytes) -> bool:
    """Whether a file's first bytes hold DICOM's mark after its preamble."""
    return head[PREAMBLE_BYTES:HEAD_BYTES] == _MAGIC


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

    A file counts as a lost slice if its name is that of a slice but for the digits, also where it
    was packed or its copy is not finished, or if it is empty and has a suffix that only DICOM files
    have. What else is packed, not finished, a scan of another kind, or a link of another system may
    hold slices, too: there is a warning about it.

    Raises:
        InputError: If there is such a file.
    """
    patterns = {_pattern(path) for path in slices}
    for path in others:
        hidden = path.name.startswith(".")
        empty = path.stat().st_size == 0
        named_as_dicom = path.suffix.lower() in _DICOM_SUFFIXES and not hidden
        whole = name_when_whole(path.name)
        reason = unused.reason_unused(path.name) if whole is None else unused.UNFINISHED
        on_the_way = reason in (unused.UNFINISHED, unused.ARCHIVE)
        called = path.with_suffix("") if whole is None else path.with_name(whole)
        like_slice = _pattern(path) in patterns or (on_the_way and _pattern(called) in patterns)
        if like_slice or (empty and named_as_dicom):
            what = "holds no DICOM image" if not empty else "is empty"
            raise InputError(
                "a file is named like a slice but " + (f"is {reason}" if on_the_way else what),
                where=path,
                remedy="copy the series again, or remove the file if it is not part of it",
            )
        if named_as_dicom:
            reason = "not a DICOM image"
        doubtful = named_as_dicom or reason in _DOUBTFUL
        level = logging.WARNING if doubtful and not hidden else logging.INFO
        logger.log(level, "%s: left alone: %s (%s)", folder, path.relative_to(folder), reason)


def _pattern(path: Path) -> tuple[Path, str]:
    """A file's folder and its name with every run of digits (and dots between) made equal."""
    return path.parent, _NUMBERS.sub("#", path.name.lower())


def _walk(folder: Path) -> Iterator[Path]:
    """All files, those behind links last."""

    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename) if error.filename else folder, error) from error

    seen: set[tuple[int, int]] = set()
    tops = deque([folder])
    while tops:
        for parent, folders, names in os.walk(tops.popleft(), onerror=refuse):
            place = Path(parent)
            status = place.stat()
            identity = status.st_dev, status.st_ino
            if identity in seen:
                folders.clear()
                continue
            seen.add(identity)
            folders[:] = sorted(n for n in folders if not _passed_over(n))
            tops.extend(place / name for name in folders if (place / name).is_symlink())
            for name in sorted(names):
                yield place / name


def _passed_over(name: str) -> bool:
    return not name.startswith(".") and is_litter(name, folder=True)


def unreadable(path: Path, error: OSError) -> InputError:
    """The error about a file or folder that the system does not let us read."""
    if path.is_symlink() and not path.exists():
        return dead_link(path)
    return InputError(
        "this cannot be read",
        where=path,
        found=error.strerror or type(error).__name__,
        remedy="make it readable, or remove it if it is not part of the scan",
    )

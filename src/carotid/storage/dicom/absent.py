"""Why there is no DICOM image where one should be: what is there instead, and what to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.errors import InputError
from carotid.foreign import HEAD_BYTES, recognised
from carotid.storage import unused
from carotid.storage.dicom.open import INDEX_NAME
from carotid.storage.readers import kind_of
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from pathlib import Path


def no_image(path: Path, files: list[Path], dicom: int) -> InputError:
    """The error about a place without a DICOM image.

    Args:
        path: The participant's folder, or its one file.
        files: What lies there.
        dicom: How many of them are DICOM files, of another kind.
    """
    if path.is_file() and dicom:
        index = path.name.upper() == INDEX_NAME
        below = f"; what a {INDEX_NAME} lists lies below {path.parent}" if index else ""
        return InputError(
            "there is no image in this DICOM file",
            where=path,
            found="an index of other files" if index else "a report, or something else",
            remedy=f"give a folder with the slices of one series{below}",
        )
    scans = [file for file in files if kind_of(file.name) is not None]
    if scans:
        found = (
            f"{counted(len(scans), 'scan')} of other formats, such as {scans[0].relative_to(path)}"
        )
        remedy = (
            f"give the folder in which they lie as RAW_DIR: {scans[0].parent}; or, if this folder "
            "is a participant, leave one scan in it and nothing else"
        )
    else:
        found = f"{dicom} DICOM and {len(files) - dicom} other files"
        remedy = "give a folder with the slices of one series"
        stranger = _stranger(files) if dicom == 0 else None
        if stranger is not None:
            found += f", such as {files[0].name}, {stranger[0]}"
            remedy = stranger[1] or remedy
    what = "there is no DICOM image in this " + ("folder" if path.is_dir() else "file")
    return InputError(what, where=path, found=found, remedy=remedy)


def _stranger(files: list[Path]) -> tuple[str, str] | None:
    """What the first file is instead of DICOM, if that can be told, and what to do about it."""
    if not files:
        return None
    with open_regular(files[0]) as file:
        head = file.read(HEAD_BYTES)
    foreign = recognised(head)
    if foreign is not None:
        return foreign.what, foreign.remedy
    reason = unused.reason_unused(files[0].name)
    return None if reason == unused.UNKNOWN else (reason, "")

"""DICOM files that lie in a folder of scans without a folder of their own: what each of them is.

One file can be a whole scan (enhanced, multi-frame) or one slice of it. Slices of one series that
lie loose are no participants each: somebody gave a participant's folder for the folder of all of
them, or forgot to make one.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.quiet import without_warnings
from carotid.storage.dicom.files import is_dicom_file
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUFFIXES = (".dcm", ".dicom", ".ima")
"""Extensions that are not part of a file's own name."""


@dataclass(frozen=True)
class Loose:
    """Loose DICOM files, sorted out.

    Attributes:
        scans: Files that can be a participant each, or that cannot be read.
        slices: Slices, if at least two of them are of one series.
        others: DICOM files that hold no image, such as reports.
    """

    scans: list[Path] = field(default_factory=list)
    slices: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def begins_as_dicom_file(path: Path) -> bool:
    """Whether a file begins as DICOM files do; not where it cannot be read."""
    try:
        return is_dicom_file(path)
    except (InputError, OSError):
        return False


def sort_out(paths: Iterable[Path]) -> Loose:
    """Tell scans from slices and from what is neither, by a few numbers of each header."""
    found = Loose()
    series: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        uid, images = _series_of(path)
        if images == 0:
            found.others.append(path)
        elif images == 1 and uid is not None:
            series[uid].append(path)
        else:
            found.scans.append(path)
    slices = [path for files in series.values() for path in files]
    if any(len(files) > 1 for files in series.values()):
        found.slices.extend(slices)
    else:
        found.scans.extend(slices)
    return found


def _series_of(path: Path) -> tuple[str | None, int]:
    """The series that a file says it is of, and how many images it holds.

    The series is None where the header cannot be read; then the file counts as an image, so that it
    fails when it is loaded and is not overlooked.
    """
    from pydicom import dcmread

    tags = ["SeriesInstanceUID", "SeriesNumber", "NumberOfFrames", "Rows"]
    try:
        with without_warnings(), open_regular(path) as file:
            dataset = dcmread(file, force=True, stop_before_pixels=True, specific_tags=tags)
            if not dataset.get("Rows"):
                return None, 0
            uid = dataset.get("SeriesInstanceUID") or f"number {dataset.get('SeriesNumber')}"
            return str(uid), int(dataset.get("NumberOfFrames") or 1)
    except Exception:  # noqa: BLE001 - whatever a library makes of a broken file
        return None, 1

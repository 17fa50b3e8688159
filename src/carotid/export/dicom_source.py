"""The DICOM series that results belong to: its headers, in the order of the scan's stored slices.

Objects that are derived from images take the patient, the study and the frame of reference from
them. Nothing of this is made up: where the series lacks what they need, there is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carotid.errors import InputError, UsageError
from carotid.storage.dicom.read import series_places
from carotid.storage.readers import FOLDER_KIND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from carotid.geometry.grid import Grid
    from carotid.storage.raw import RawScan

_NEEDED = ("FrameOfReferenceUID", "StudyInstanceUID", "SeriesInstanceUID")
_UTF_8 = "ISO_IR 192"
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""What DICOM wants to be there, with or without a value (type 2)."""


@dataclass(frozen=True, eq=False)
class Source:
    """A series as what is derived from it needs it.

    Attributes:
        grid: The scan's stored grid: columns, rows, slices.
        headers: A data set for each file, without pixels.
        slices: The grid's slice of each frame, in the order of files and frames.
    """

    grid: Grid
    headers: tuple[Any, ...]
    slices: tuple[int, ...]

    @property
    def several_frames(self) -> bool:
        """Whether one file holds all slices."""
        return len(self.headers) < len(self.slices)


def load_highdicom() -> ModuleType:
    """The library that writes DICOM's derived objects.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import highdicom
    except ImportError as error:
        raise UsageError(
            "writing DICOM needs highdicom, which is not installed",
            remedy="install it with pip install 'carotid[dicom]'",
        ) from error
    return highdicom


def read_source(scans: Mapping[str, RawScan], participant_id: str) -> Source:
    """The series of a participant.

    Raises:
        InputError: There is none, or it lacks what derived objects need.
    """
    scan = scans.get(participant_id)
    if scan is None or scan.kind != FOLDER_KIND:
        raise InputError(
            "the scan is no DICOM series" if scan else "there is no scan of this participant",
            where=scan.path if scan else participant_id,
            expected="the series that the results were made from",
            remedy="give the folder of the series with --raw_dir",
        )
    from pydicom import dcmread

    grid, places = series_places(scan.path, scan.series)
    files = sorted(places, key=lambda file: places[file])
    headers = tuple(dcmread(file, stop_before_pixels=True) for file in files)
    for header in headers:
        _write_in_one_set(header)
    slices = tuple(place for file in files for place in places[file])
    if len(files) > 1 and len(slices) > len(files):
        raise InputError(
            "the series has several files with several slices each",
            where=scan.path,
            expected="one slice a file, or all slices in one",
        )
    for header in headers:
        for keyword in _NEEDED:
            if not header.get(keyword):
                raise InputError(
                    f"the series has no {keyword}, so nothing can refer to it",
                    where=scan.path,
                    remedy="export it again, with pseudonyms that keep these numbers",
                )
        for keyword in _MAY_BE_EMPTY:
            if keyword not in header:
                setattr(header, keyword, None)
    return Source(grid, headers, slices)


def _write_in_one_set(header: Any) -> None:
    """Have names written in UTF-8 where they switch between sets of characters.

    Japanese, Korean and Chinese scanners write so, with an empty first set for Latin letters, which
    highdicom does not take.
    """
    if isinstance(header.get("SpecificCharacterSet"), str | None):
        return
    header.decode()
    header.SpecificCharacterSet = _UTF_8

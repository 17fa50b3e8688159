"""The carotid vessel wall segmentation challenge of 2020.

A participant is a folder `<n>_<case>_<U>` of axial DICOM slices `E<case>S101I<k>.dcm`, with a QVS
file per outlined artery in `CASCADE-ICAL`, `-ECAL` (left internal, external), `-ICAR` and `-ECAR`.
"""

from __future__ import annotations

import logging
import re
import shutil
from typing import TYPE_CHECKING

from carotid.artifacts import Contours
from carotid.conversion.converted import Converted
from carotid.conversion.outlines import check_axial, cross_sections
from carotid.conversion.qvas import file_called, read_series, warn_of_strangers
from carotid.errors import InputError, UsageError
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.dicom.read import slice_files
from carotid.storage.regular_file import open_regular
from carotid.storage.rescaling import Rescaling

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.artifacts import CrossSection, Label
    from carotid.conversion.qvas import DrawnImage
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

RESCALING = Rescaling(rescale=True, lower_percentile=5, upper_percentile=95)

VESSELS: dict[tuple[SideName, Label], str] = {
    ("left", "external"): "CASCADE-ECAL",
    ("left", "internal"): "CASCADE-ICAL",
    ("right", "external"): "CASCADE-ECAR",
    ("right", "internal"): "CASCADE-ICAR",
}
"""Folder of each artery; the common carotid is part of the internal one."""

_NAME = re.compile(r"[^_]*_([^_]+)(_.*)?")
_LAST_NUMBER = re.compile(r"I(\d+)$")


def find_participants(original_dir: Path) -> dict[str, Path]:
    """The participants' folders by id, sorted.

    Raises:
        UsageError: Two folders are of one case.
    """
    found: dict[str, Path] = {}
    warn_of_strangers(original_dir)
    for folder in sorted(path for path in original_dir.iterdir() if path.is_dir()):
        name = _NAME.fullmatch(folder.name)
        if name is None:
            logger.warning("%s: not named like 0_P125_U; left out", folder)
            continue
        participant_id = f"sub-MICCAI2020{name[1]}"
        if participant_id in found:
            raise UsageError(
                "two folders are of one case",
                where=original_dir,
                found=f"{found[participant_id].name} and {folder.name}",
                remedy="move one of them away",
            )
        found[participant_id] = folder
    return dict(sorted(found.items()))


def convert(folder: Path, image: Path) -> Converted:
    """Copy a participant's slices, bytes as they are, and read the outlines.

    Args:
        folder: The participant's folder.
        image: The folder to make for the slices.

    Raises:
        InputError: The slices are no volume, or an outline cannot be used.
    """
    slices = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".dcm")
    image.mkdir()
    for path in slices:
        with open_regular(path) as original, (image / path.name).open("wb") as copy:
            shutil.copyfileobj(original, copy)
    try:
        grid, files = slice_files(image)
    except InputError as error:
        where = str(error.where).replace(str(image), str(folder))  # what is copied is removed
        raise error.told_as(type(error), where=where) from error
    check_axial(grid, folder)
    places = {path.name[: -len(path.suffix)]: place for place, path in enumerate(files)}
    left, right = (_side(folder, side, grid, places) for side in SIDE_NAMES)
    if not left and not right:
        return Converted(None)
    return Converted(Contours(left, right, grid.reoriented(CANONICAL), grid))


def _side(
    folder: Path, side: SideName, grid: Grid, places: Mapping[str, int]
) -> tuple[CrossSection, ...]:
    sections: tuple[CrossSection, ...] = ()
    for (name, label), vessel in VESSELS.items():
        path = _series_file(file_called(folder, vessel)) if name == side else None
        if path is not None:
            images = read_series(path)
            of = _Places(path, grid, places)
            sections += cross_sections(images, label, grid, of, path)
    return sections


def _series_file(vessel: Path | None) -> Path | None:
    """The QVS file of an artery; None where it was not outlined."""
    if vessel is None:
        return None
    files = sorted(path for path in vessel.iterdir() if path.suffix.lower() == ".qvs")
    if len(files) > 1:
        raise InputError(
            "an artery has several QVS files",
            where=vessel,
            found=", ".join(path.name for path in files[:5]),
            expected="one",
        )
    if not files:
        logger.warning("%s: no QVS file; the artery is left out", vessel)
        return None
    return files[0]


class _Places:
    """Finds the slice that an image is of: by its name, else by the number at the name's end."""

    def __init__(self, where: Path, grid: Grid, places: Mapping[str, int]) -> None:
        self._where = where
        self._grid = grid
        self._places = places

    def __call__(self, image: DrawnImage) -> int:
        if image.name in self._places:
            return self._places[image.name]
        number = _LAST_NUMBER.search(image.name)
        place = image.place
        if number is None or int(number[1]) != place + 1 or place >= self._grid.shape[2]:
            raise InputError(
                f"image {place + 1} is of no slice",
                where=self._where,
                found=f"'{image.name[:80]}'",
                expected="the name of a DICOM file, or one that ends in the image's place",
            )
        upwards = self._grid.orientation[2] == "S"
        return place if upwards else self._grid.shape[2] - 1 - place

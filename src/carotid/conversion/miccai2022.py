"""The carotid vessel wall segmentation and atherosclerosis diagnosis challenge of 2022.

A participant is a folder `<number>` of square axial DICOM slices, padded with rows of zeros in
front and behind, with the projects `<number>L.QVJ` and `<number>R.QVJ`, or one of them. Internal
carotids (with the common ones) alone are outlined.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Contours
from carotid.conversion.converted import Converted, JudgedSlice
from carotid.conversion.outlines import check_axial, cross_sections
from carotid.conversion.qvas import (
    DrawnImage,
    Project,
    file_called,
    read_project,
    read_series,
    warn_of_strangers,
)
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.storage.dicom.read import open_dicom
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.rescaling import Rescaling

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import CrossSection
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

RESCALING = Rescaling(rescale=True, lower_percentile=0, upper_percentile=100)


def find_participants(original_dir: Path) -> dict[str, Path]:
    """The participants' folders by id, sorted."""
    found = {}
    warn_of_strangers(original_dir)
    for folder in sorted(path for path in original_dir.iterdir() if path.is_dir()):
        if folder.name.isdecimal():
            found[f"sub-MICCAI2022P{folder.name}"] = folder
        else:
            logger.warning("%s: not named by a number; left out", folder)
    return dict(sorted(found.items()))


def convert(folder: Path, image: Path) -> Converted:
    """Write a participant's image without its padding, and read the outlines.

    Args:
        folder: The participant's folder.
        image: The file to write, `.mha`.

    Raises:
        InputError: The slices are no square volume, or an outline cannot be used.
    """
    volume = open_dicom(folder).read().volume
    check_axial(volume.grid, folder)
    columns, rows, _ = volume.grid.shape
    if columns != rows:
        raise InputError(
            "the slices are not square", where=folder, found=f"{columns} columns, {rows} rows"
        )
    cropped, low = without_padding(volume, folder)
    write_metaimage(image, cropped)
    sections: dict[SideName, tuple[CrossSection, ...]] = {}
    judged: list[JudgedSlice] = []
    for side in SIDE_NAMES:
        path = file_called(folder, f"{folder.name}{side[0].upper()}.QVJ")
        sections[side] = ()
        if path is not None:
            project = read_project(path)
            series = file_called(folder, project.series_file) or folder / project.series_file
            of = partial(_place, series, volume.grid)
            images = read_series(series)
            sections[side] = cross_sections(images, "internal", volume.grid, of, series, low)
            judged += _judged(side, project, sections[side])
    if not any(sections.values()):
        return Converted(None, tuple(judged))
    canonical = cropped.grid.reoriented(CANONICAL)
    made = Contours(sections["left"], sections["right"], canonical, cropped.grid)
    return Converted(made, tuple(judged))


def without_padding(volume: Volume, where: Path) -> tuple[Volume, int]:
    """A volume without the canonical y-planes of zeros at its two ends, in its own order.

    Returns:
        The volume, and how many planes are gone at y = 0.

    Raises:
        InputError: All voxels are zero.
    """
    ordered = volume.reoriented(CANONICAL)
    kept = np.flatnonzero((ordered.array != 0).any(axis=(0, 2)))
    if not len(kept):
        raise InputError("all voxels of the image are zero", where=where)
    low, high = int(kept[0]), int(kept[-1]) + 1
    x, _, z = ordered.grid.shape
    way = Reordering.between(volume.grid, CANONICAL)
    cropped = ordered.cropped((0, low, 0), (x, high, z))
    return Volume(way.inverse.view(cropped.array), way.inverse.grid(cropped.grid)), low


def _place(where: Path, grid: Grid, image: DrawnImage) -> int:
    """The slice of an image: its place in the file is its height from below."""
    slices = grid.shape[2]
    if image.place >= slices:
        raise InputError(
            f"image {image.place + 1} ({image.name}) is of no slice",
            where=where,
            expected=f"at most {slices} images, as the series has slices",
        )
    return image.place if grid.orientation[2] == "S" else slices - 1 - image.place


def _judged(
    side: SideName, project: Project, sections: tuple[CrossSection, ...]
) -> list[JudgedSlice]:
    outlined = {section.z for section in sections}
    found = []
    for one in project.locations:
        z = None if project.bifurcation is None else project.bifurcation + one.index
        found.append(
            JudgedSlice(side, z, one.index, one.quality, one.aha_status, outlined=z in outlined)
        )
    return found

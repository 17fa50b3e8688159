"""Masks as a DICOM Segmentation (SEG): a segment for each lumen and wall that has voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid import __version__
from carotid.errors import InputError
from carotid.export.dicom_source import load_highdicom
from carotid.export.structures import ARTERIES, SIDES, STRUCTURES, TISSUE, Code
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Segmentation
    from carotid.export.dicom_source import Source
    from carotid.export.structures import Structure
    from carotid.geometry.grid import Grid

MAKER = "carotid developers"
MODEL = "carotid"
SERIAL = "none"
"""DICOM wants a serial number of the equipment; a program has none."""

FAMILY = Code("123110", "Artificial Intelligence", "DCM")

SERIES_NUMBER = 9001
"""Of derived series: a number that scanners hardly give."""


@dataclass(frozen=True, eq=False)
class DicomSegmentation:
    """A segmentation, and which segment is what.

    Attributes:
        data: The data set.
        numbers: The segment of each structure that has voxels.
    """

    data: Any
    numbers: dict[Structure, int]


def make_segmentation(
    source: Source, segmentation: Segmentation, *, corrected: bool
) -> DicomSegmentation:
    """Masks as a segmentation of the series.

    Args:
        source: The series.
        segmentation: Masks on its voxels, in any order of axes: programs that turn series into
            other formats change it.
        corrected: Whether a person has corrected outlines.

    Raises:
        InputError: The masks lie on another grid, or are empty.
    """
    highdicom = load_highdicom()
    segmentation = segmentation.reoriented(source.grid.orientation)
    if not segmentation.grid.agrees_with(source.grid, tolerance_voxel=0.01):
        raise InputError(
            "the masks do not lie on the grid of the series",
            found=_in_words(segmentation.grid),
            expected=_in_words(source.grid),
            remedy="give the series that the results were made from with --raw_dir",
        )
    there, frames, headers = _frames(source, segmentation)
    if not there:
        raise InputError("the masks are empty, and a DICOM segmentation needs a segment")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=MODEL, family=code_of(FAMILY), version=__version__
    )
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=structure.name,
            segmented_property_category=code_of(TISSUE),
            segmented_property_type=code_of(structure.kind),
            algorithm_type="SEMIAUTOMATIC" if corrected else "AUTOMATIC",
            algorithm_identification=algorithm,
            tracking_uid=highdicom.UID(),
            tracking_id=structure.key,
            anatomic_regions=[_region(structure)],
            display_color=highdicom.color.CIELabColor.from_rgb(
                *(round(255 * part) for part in structure.color)
            ),
        )
        for number, structure in enumerate(there, 1)
    ]
    data = highdicom.seg.Segmentation(
        source_images=headers,
        pixel_array=frames,
        segmentation_type="BINARY",
        segment_descriptions=descriptions,
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MODEL,
        software_versions=__version__,
        device_serial_number=SERIAL,
        content_label="CAROTIDS",
        content_description="Lumen and wall of the carotid arteries",
        series_description="Carotid arteries: lumen and wall",
    )
    return DicomSegmentation(data, {one: number for number, one in enumerate(there, 1)})


def _in_words(grid: Grid) -> str:
    sides = " x ".join(f"{side:.4g}" for side in grid.spacing_mm)
    corner = ", ".join(f"{value:.2f}" for value in grid.affine_lps[:3, 3])
    return f"{'x'.join(map(str, grid.shape))} voxels of {sides} mm, the first at {corner} L-P-S mm"


def _frames(
    source: Source, segmentation: Segmentation
) -> tuple[list[Structure], NDArray[np.uint8], list[Any]]:
    """The structures with voxels, their (frame, row, column, structure) masks, and the headers.

    Of a series of single slices those that no structure meets are left out.
    """
    parts = {side: segmentation.side(side) for side in SIDE_NAMES}
    there = [one for one in STRUCTURES if one.of(parts[one.side].masks).any()]
    slices, headers = np.array(source.slices), list(source.headers)
    if not source.several_frames:
        met = np.zeros(segmentation.grid.shape[2], np.bool_)
        for part in parts.values():
            first = part.start[2]
            met[first : first + part.masks.shape[3]] |= part.masks.any(axis=(0, 1, 2))
        kept = np.flatnonzero(met[slices])
        slices, headers = slices[kept], [headers[k] for k in kept]
    columns, rows, _ = segmentation.grid.shape
    found = np.zeros((len(slices), rows, columns, len(there)), np.uint8)
    for frame, k in zip(found, slices, strict=True):
        masks = {side: segmentation.masks(side, k, k + 1) for side in SIDE_NAMES}
        for number, one in enumerate(there):
            frame[..., number] = one.of(masks[one.side])[..., 0].T
    return there, found, headers


def _region(structure: Structure) -> Any:
    """The artery, with its side as the modifier."""
    region = code_of(ARTERIES[structure.label])
    region.AnatomicRegionModifierSequence = [code_of(SIDES[structure.side])]
    return region


def code_of(code: Code) -> Any:
    """A coded word as highdicom has it."""
    concept: Any = load_highdicom().sr.CodedConcept(code.value, code.scheme, code.meaning)
    return concept

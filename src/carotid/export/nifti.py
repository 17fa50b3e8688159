"""Masks, label map and heatmaps as NIfTI: one file per label or channel, on the scan's stored grid.

Heatmaps are stored as 16-bit whole numbers with a slope: no value is further off than half a step
of about 1/65000 of their range, and a file beside each says so. They are a small part of the size
then. Zero is stored as zero: whoever thresholds there means to leave out the background.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABEL_VALUES, LABELS
from carotid.counted import counted
from carotid.errors import InputError
from carotid.export.structures import COLORS, STRUCTURES
from carotid.export.studies import tell_of_others, whole_file
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.metaimage.read import iter_slabs, read_metaimage_header
from carotid.storage.nifti.write import write_nifti
from carotid.storage.results.atomic import write_atomically
from carotid.storage.results.layout import (
    HEATMAP_TRANSFORM,
    SEGMENTATION_TRANSFORM,
    HeatmapLayout,
)
from carotid.storage.results.segmentations import load_segmentation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Segmentation
    from carotid.export.structures import Structure
    from carotid.export.studies import Study
    from carotid.geometry.grid import Grid

WANTED = (SEGMENTATION_TRANSFORM, HEATMAP_TRANSFORM)
STEPS = 65_534
"""Steps of a 16-bit number that values take; one is left for rounding at both ends."""

_SLOPE_BITS = 8
"""Of a slope. Whole numbers of 16 bits times it have 24, and are exact in single precision too."""

_LEAST_SLOPE = 2.0**-100
"""Smaller ones leave the range of single precision."""

_SLAB_BYTES = 8 << 20


def write_nifti_files(study: Study, folder: Path) -> list[Path]:
    """Write what there is of a participant.

    Args:
        study: The participant.
        folder: Where files go; it is made.

    Returns:
        The files.

    Raises:
        InputError: A result cannot be read.
        OutputError: A file cannot be written.
    """
    written: list[Path] = []
    masks, heatmaps = study.folder(SEGMENTATION_TRANSFORM), study.folder(HEATMAP_TRANSFORM)
    if masks is not None:
        segmentation = load_segmentation(masks)
        written += write_labels(segmentation, folder / "labels")
        for structure in STRUCTURES:
            path = folder / f"{structure.key}.nii.gz"
            with whole_file(path) as file:
                slabs = _mask_slabs(segmentation, structure)
                write_nifti(file, segmentation.grid, slabs, description=structure.name)
            written.append(path)
    if heatmaps is not None:
        layout = HeatmapLayout(heatmaps)
        for side in SIDE_NAMES:
            for source, word in ((layout.mean(side), ""), (layout.std(side), "_sd")):
                for channel, label in enumerate(LABELS):
                    place = folder / f"{side}_{label}_heatmap{word}"
                    written += _write_heatmap(source, channel, place)
    tell_of_others(folder, written)
    return written


def write_labels(segmentation: Segmentation, stem: Path) -> list[Path]:
    """Write the label map of both sides, `.nii.gz`, and the names of its values, `.tsv`.

    Raises:
        OutputError: A file cannot be written.
    """
    image, table = (stem.with_name(stem.name + ending) for ending in (".nii.gz", ".tsv"))
    with whole_file(image) as file:
        slabs = (
            segmentation.labels(first, stop)[0].transpose(2, 1, 0)
            for first, stop in slabs_of(segmentation.grid)
        )
        write_nifti(file, segmentation.grid, slabs, description="carotid lumen and wall")
    write_atomically(table, label_table().encode())
    return [image, table]


def label_table() -> str:
    """The values of the label map: index, name and color, as BIDS wants them."""
    rows = ["index\tname\tcolor", "0\tbackground\t#000000"]
    for name, value in LABEL_VALUES.items():
        red, green, blue = COLORS["internal", "lumen" if name.endswith("lumen") else "wall"]
        color = "".join(f"{round(255 * part):02X}" for part in (red, green, blue))
        rows.append(f"{value}\t{name}\t#{color}")
    return "\n".join(rows) + "\n"


def slabs_of(grid: Grid) -> Iterator[tuple[int, int]]:
    """First and one past last slice of each slab of a few megabytes, along the last axis."""
    i, j, k = grid.shape
    step = max(1, _SLAB_BYTES // (4 * i * j))
    return ((first, min(first + step, k)) for first in range(0, k, step))


def _mask_slabs(segmentation: Segmentation, structure: Structure) -> Iterator[NDArray[np.uint8]]:
    for first, stop in slabs_of(segmentation.grid):
        masks = segmentation.masks(structure.side, first, stop)
        yield structure.of(masks).astype(np.uint8).transpose(2, 1, 0)


def _write_heatmap(source: Path, channel: int, place: Path) -> list[Path]:
    """One channel as 16-bit numbers, and how far off they are."""
    header = read_metaimage_header(source)
    if header.channels != len(LABELS):
        raise InputError(
            "this is no heatmap of both arteries",
            where=source,
            found=counted(header.channels, "channel"),
            expected=len(LABELS),
        )
    i, j, _ = header.grid.shape
    step = max(1, _SLAB_BYTES // (4 * i * j * header.channels))
    top = bottom = 0.0
    for slab in iter_slabs(source, step):
        part = slab[..., channel]
        top, bottom = max(top, float(part.max())), min(bottom, float(part.min()))
    if not np.isfinite([top, bottom]).all():
        raise InputError("the heatmap has values that are no numbers", where=source)
    slope, zero = _scaling(bottom, top)
    intercept = -zero * slope
    image, sidecar = (place.with_name(place.name + ending) for ending in (".nii.gz", ".json"))
    with whole_file(image) as file:
        slabs = (
            _stepped(np.asarray(slab[..., channel], np.float64), slope, zero)
            for slab in iter_slabs(source, step)
        )
        write_nifti(file, header.grid, slabs, (slope, intercept), place.name)
    facts = {
        "Description": "Heatmap of the network: stored whole numbers times Slope plus Intercept",
        "Source": f"channel {channel} of {source.parent.name}/{source.name}",
        "Slope": slope,
        "Intercept": intercept,
        "LargestError": slope / 2,
    }
    write_atomically(sidecar, (json.dumps(facts, indent=2) + "\n").encode())
    return [image, sidecar]


def _scaling(bottom: float, top: float) -> tuple[float, int]:
    """Slope, and the whole number that stands for zero, of values from bottom (<= 0) to top (>= 0).

    The slope is rounded up to few bits, so that number x slope + intercept is exact in readers.
    """
    if bottom == top:
        return 1.0, 0
    fraction, exponent = math.frexp(max((top - bottom) / STEPS, _LEAST_SLOPE))
    slope = math.ldexp(math.ceil(math.ldexp(fraction, _SLOPE_BITS)), exponent - _SLOPE_BITS)
    return slope, round(-bottom / slope)


def _stepped(values: NDArray[np.float64], slope: float, zero: int) -> NDArray[np.uint16]:
    """The nearest whole numbers that the slope turns into the values."""
    return (np.rint(values / slope) + zero).astype("<u2")

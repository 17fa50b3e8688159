"""All that 3D Slicer gets of a participant: markups, and the masks as one segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABEL_VALUES, LABELS
from carotid.export.slicer import bifurcation_markup, centerline_markups, contour_markups
from carotid.export.structures import ARTERIES, SIDES, STRUCTURES, TISSUE
from carotid.export.studies import whole_file
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.markups import SUFFIX as MARKUP
from carotid.storage.markups import markups_text
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    SEGMENTATION_TRANSFORM,
)
from carotid.storage.results.segmentations import load_segmentation
from carotid.storage.segmentation_nrrd import SUFFIX as SEGMENTATION
from carotid.storage.segmentation_nrrd import Segment, write_segmentation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Segmentation
    from carotid.export.studies import Study
    from carotid.storage.markups import Markup

WANTED = (CONTOUR_TRANSFORM, CENTERLINE_TRANSFORM, SEGMENTATION_TRANSFORM)

_SLAB_BYTES = 8 << 20


@dataclass(frozen=True)
class Slices:
    """Which contours become markups.

    Attributes:
        every_mm: Distance of the slices.
        among: The slices that are wanted.
    """

    every_mm: float
    among: Collection[int]


def write_scene(study: Study, folder: Path, slices: Slices) -> list[Path]:
    """Write what there is of a participant: contours, centerlines, bifurcations, masks.

    Raises:
        InputError: A result cannot be read.
        OutputError: A file cannot be written.
    """
    written: list[Path] = []
    canonical = None
    place = study.folder(CONTOUR_TRANSFORM)
    if place is not None:
        contours = load_contours(place)
        canonical = contours.canonical
        markups = contour_markups(contours, slices.every_mm, slices.among)
        written += _write(folder / "contours", markups)
    place = study.folder(CENTERLINE_TRANSFORM)
    if place is not None:
        centerlines = load_centerlines(place)
        if canonical is None and centerlines.grid is not None:
            canonical = centerlines.grid.reoriented(CANONICAL)
        if canonical is not None:
            written += _write(folder / "centerlines", centerline_markups(centerlines, canonical))
            written += _write(folder, [bifurcation_markup(centerlines, canonical)])
    place = study.folder(SEGMENTATION_TRANSFORM)
    if place is not None:
        path = folder / f"segmentation{SEGMENTATION}"
        _write_segmentation(load_segmentation(place), path)
        written.append(path)
    return written


def _write(folder: Path, markups: Sequence[Markup]) -> list[Path]:
    paths = [folder / f"{markup.name}{MARKUP}" for markup in markups]
    for path, markup in zip(paths, markups, strict=True):
        with whole_file(path) as file:
            file.write(markups_text([markup]).encode())
    return paths


def _write_segmentation(segmentation: Segmentation, path: Path) -> None:
    """The masks with names, colors and terms: a layer for each artery, for their walls may meet."""
    segments = [
        Segment(
            structure.name,
            LABELS.index(structure.label),
            LABEL_VALUES[f"{structure.side} {structure.boundary}"],
            structure.color,
            (TISSUE, structure.kind, ARTERIES[structure.label], SIDES[structure.side]),
        )
        for structure in STRUCTURES
    ]
    with whole_file(path) as file:
        write_segmentation(file, segmentation.grid, segments, _layers(segmentation))


def _layers(segmentation: Segmentation) -> Iterator[NDArray[np.uint8]]:
    """(k, j, i, layer) values, a slab at a time."""
    i, j, k = segmentation.grid.shape
    step = max(1, _SLAB_BYTES // (4 * i * j))
    for first in range(0, k, step):
        stop = min(first + step, k)
        slab = np.zeros((stop - first, j, i, len(LABELS)), np.uint8)
        for side in SIDE_NAMES:
            masks = segmentation.masks(side, first, stop)
            for structure in STRUCTURES:
                if structure.side == side:
                    layer = slab[..., LABELS.index(structure.label)]
                    value = LABEL_VALUES[f"{side} {structure.boundary}"]
                    layer[structure.of(masks).transpose(2, 1, 0)] = value
        yield slab

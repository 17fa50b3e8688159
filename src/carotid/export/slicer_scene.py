"""All that 3D Slicer gets of a participant: markups, and the masks as one segmentation."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABEL_VALUES, LABELS
from carotid.counted import shortened
from carotid.errors import InputError
from carotid.export.exported import Earlier, write_exported
from carotid.export.nifti import slabs_of
from carotid.export.slicer import (
    CONTOURS_FOLDER,
    bifurcation_markup,
    centerline_markups,
    contour_markups,
)
from carotid.export.structures import ARTERIES, SIDES, STRUCTURES, TISSUE
from carotid.export.studies import whole_file
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.bifurcations import bifurcations_of
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

    from carotid.artifacts import Contours, Segmentation
    from carotid.export.studies import Study
    from carotid.storage.markups import Markup

WANTED = (CONTOUR_TRANSFORM, CENTERLINE_TRANSFORM, SEGMENTATION_TRANSFORM)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Slices:
    """Which contours become markups.

    Attributes:
        every_mm: Distance of the slices.
        first, last: The slices that are wanted, both ends with them.
    """

    every_mm: float
    first: int = 0
    last: int = sys.maxsize


def write_scene(study: Study, folder: Path, slices: Slices, *, force: bool = False) -> list[Path]:
    """Write what there is of a participant: contours, centerlines, bifurcations, masks.

    What an earlier export has written there is replaced as a whole.

    Args:
        study: Whose.
        folder: Where it goes.
        slices: Which contours.
        force: Overwrite also what was changed by hand since.

    Raises:
        InputError: A result cannot be read, or no outline lies in the slices.
        OutputError: A file was changed by hand, or cannot be written.
    """
    markups = _markups(study, slices)
    earlier = Earlier.of(folder)
    if not force:
        earlier.check_untouched(markups)
    names = [*markups]
    for name, markup in markups.items():
        with whole_file(folder / name) as file:
            file.write(markups_text([markup]).encode())
    place = study.folder(SEGMENTATION_TRANSFORM)
    if place is not None:
        names.append(f"segmentation{SEGMENTATION}")
        _write_segmentation(load_segmentation(place), folder / names[-1])
    earlier.remove_leftovers(names)
    _name_others(folder, names)
    record = write_exported(folder, study.participant_id, names)
    return [*(folder / name for name in names), record]


def is_outline(path: Path) -> bool:
    """Whether an exported file holds an outline."""
    return path.parent.name == CONTOURS_FOLDER


def _markups(study: Study, slices: Slices) -> dict[str, Markup]:
    """All markups of a participant, by their files' paths in its folder."""
    found: dict[str, Markup] = {}
    canonical = contours = None
    place = study.folder(CONTOUR_TRANSFORM)
    if place is not None:
        contours = load_contours(place)
        canonical = contours.canonical
        found |= _named(f"{CONTOURS_FOLDER}/", _outlines(contours, slices))
    place = study.folder(CENTERLINE_TRANSFORM)
    if place is not None:
        centerlines = load_centerlines(place)
        if canonical is None and centerlines.grid is not None:
            canonical = centerlines.grid.reoriented(CANONICAL)
        if canonical is not None:
            found |= _named("centerlines/", centerline_markups(centerlines, canonical))
            forks = bifurcations_of(contours, centerlines)
            found |= _named("", [bifurcation_markup(forks, canonical)])
    return found


def _named(prefix: str, markups: Sequence[Markup]) -> dict[str, Markup]:
    return {f"{prefix}{one.name}{MARKUP}": one for one in markups}


def _outlines(contours: Contours, slices: Slices) -> list[Markup]:
    """The outlines that are wanted.

    Raises:
        InputError: There are outlines, but none in these slices.
    """
    end = contours.canonical.shape[2]
    if slices.first >= end:
        raise InputError(
            "the scan has no such slices",
            where="--slices",
            found=slices.first,
            expected=f"slices 0 to {end - 1}",
        )
    among = range(slices.first, min(slices.last + 1, end))
    found = contour_markups(contours, slices.every_mm, among)
    there = {section.z for side in SIDE_NAMES for section in contours.side(side)}
    if there and not found:
        raise InputError(
            "no outline lies in these slices",
            where="--slices",
            found=f"slices {among[0]} to {among[-1]}, every {slices.every_mm:g} mm",
            expected=f"some of slices {min(there)} to {max(there)}",
            remedy="give other --slices, or a smaller --every_mm",
        )
    return found


def _name_others(folder: Path, names: Collection[str]) -> None:
    """Name markups beside the outlines that no export has written: somebody has drawn them."""
    there = sorted((folder / CONTOURS_FOLDER).glob(f"*{MARKUP}"))
    others = [path.name for path in there if f"{CONTOURS_FOLDER}/{path.name}" not in names]
    if others:
        logger.warning(
            "%s: not of this export, and `carotid correct` would read them too: %s",
            folder / CONTOURS_FOLDER,
            shortened(others),
        )


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
    i, j, _ = segmentation.grid.shape
    for first, stop in slabs_of(segmentation.grid):
        slab = np.zeros((stop - first, j, i, len(LABELS)), np.uint8)
        for side in SIDE_NAMES:
            masks = segmentation.masks(side, first, stop)
            for structure in STRUCTURES:
                if structure.side == side:
                    layer = slab[..., LABELS.index(structure.label)]
                    value = LABEL_VALUES[f"{side} {structure.boundary}"]
                    layer[structure.of(masks).transpose(2, 1, 0)] = value
        yield slab

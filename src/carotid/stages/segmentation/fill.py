"""Masks from contours: the voxels whose centers the outlines enclose, on the scan's stored grid."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import (
    BOUNDARIES,
    LABELS,
    SEGMENTATION_COMPONENTS,
    Segmentation,
    SideMasks,
)
from carotid.counted import counted, shortened
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.polygons import convex_hull, crosses_itself, filled, has_area
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.stages.doubtful_outlines import tell_doubtful_outlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Contours, CrossSection
    from carotid.stages.segmentation.parameters import SegmentationParameters

logger = logging.getLogger(__name__)

_COMPONENT = {
    (label, boundary): SEGMENTATION_COMPONENTS.index(f"{label} {boundary}")
    for label in LABELS
    for boundary in BOUNDARIES
}


def fill_contours(contours: Contours, parameters: SegmentationParameters) -> Segmentation:
    """Fill every outline in its slice; nothing is filled in between slices.

    What lies outside of the scan is cut off. An outline that crosses itself is filled as its convex
    hull; one without an area stays empty. Both are counted in a warning, as are others that cannot
    be meant.

    Args:
        contours: The outlines, in canonical voxel indices; whole numbers are voxel centers.
        parameters: Whether convex hulls are filled throughout.

    Returns:
        Masks on the stored grid, or on the canonical one where the stored one is unknown.
    """
    if contours.stored is None:
        logger.warning(
            "the scan's stored grid is not known: masks are written in the order R-A-S, at the "
            "right place"
        )
    left, right = (_side(contours, side, hull=parameters.hull) for side in SIDE_NAMES)
    return Segmentation(left, right, contours.stored or contours.canonical)


def _side(contours: Contours, side: SideName, *, hull: bool) -> SideMasks:
    sections = contours.side(side)
    if not sections:
        logger.info("%s: no contours; its masks are empty", side)
    for label in LABELS if sections else ():
        if not any(section.label == label for section in sections):
            logger.warning("%s: no contours of the %s carotid; its masks are empty", side, label)
    parts = list(_filled(sections, side, contours.canonical, hull=hull))
    if not parts:
        return SideMasks(np.zeros((len(SEGMENTATION_COMPONENTS), 0, 0, 0), np.uint8), (0, 0, 0))
    low = np.min([start for _, start, _ in parts], axis=0)
    high = np.max([np.add(start, (*part.shape, 1)) for _, start, part in parts], axis=0)
    masks = np.zeros((len(SEGMENTATION_COMPONENTS), *(high - low)), np.uint8)
    for component, start, part in parts:
        i, j, k = np.subtract(start, low)
        masks[component, i : i + part.shape[0], j : j + part.shape[1], k] |= part
    if contours.stored is None:
        return SideMasks(masks, (int(low[0]), int(low[1]), int(low[2])))
    return _as_stored(masks, low, contours.stored)


def _filled(
    sections: Sequence[CrossSection], side: SideName, canonical: Grid, *, hull: bool
) -> Iterator[tuple[int, tuple[int, int, int], NDArray[np.bool_]]]:
    """Component, first voxel and filled part of every outline."""
    tell_doubtful_outlines(sections, side, canonical, "kept empty")
    crossed: list[str] = []
    for section in sections:
        for boundary in BOUNDARIES:
            outline = section.outline(boundary)
            if outline is None:
                continue
            points = outline.points
            if not has_area(points):
                continue
            if hull:
                points = convex_hull(points)
            elif crosses_itself(points):
                crossed.append(f"{section.label} {boundary}, slice {section.z}")
                points = convex_hull(points)
            (x, y), part = filled(points, canonical.shape[:2])
            if part.any():
                yield _COMPONENT[section.label, boundary], (x, y, section.z), part
    if crossed:
        logger.warning(
            "%s: %s with crossing lines, filled as the convex hull: %s",
            side,
            counted(len(crossed), "outline"),
            shortened(crossed),
        )


def _as_stored(masks: NDArray[np.uint8], start: NDArray[np.int64], stored: Grid) -> SideMasks:
    """Masks on a part of the canonical grid, on the same part of the stored grid."""
    there = Reordering.between(stored, CANONICAL)
    size, back = there.grid(stored).shape, there.inverse
    part = np.ascontiguousarray(back.view(masks, first_axis=1))
    begin = [
        size[axis] - int(start[axis]) - masks.shape[1 + axis] if flip else int(start[axis])
        for axis, flip in zip(back.axes, back.flips, strict=True)
    ]
    return SideMasks(np.asarray(part, np.uint8), (begin[0], begin[1], begin[2]))

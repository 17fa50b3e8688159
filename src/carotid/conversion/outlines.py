"""From drawn images to cross-sections in canonical voxel indices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import CrossSection, Outline
from carotid.conversion.qvas import LUMEN, OUTER_WALL, DrawnImage
from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.decimals import rounded
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.polygons import area

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Label

logger = logging.getLogger(__name__)

_LEAST_POINTS = 3
_MARGIN = 1.0
"""Pixels that an outline may lie beyond the image."""


def cross_sections(
    images: Sequence[DrawnImage],
    label: Label,
    grid: Grid,
    slice_of: Callable[[DrawnImage], int],
    where: Path,
    low: int = 0,
) -> tuple[CrossSection, ...]:
    """The slices of one artery that have both outlines, rising in z.

    Args:
        images: What was drawn.
        label: Which artery.
        grid: The series' stored grid: column, row, slice.
        slice_of: The slice, along the grid's third axis, of an image with outlines.
        where: The file, for messages.
        low: Canonical y of the grid at which the image that was written begins.

    Raises:
        InputError: Two images are of one slice.
    """
    found: dict[int, CrossSection] = {}
    for image in images:
        if not image.outlines:
            continue
        missing = [kind for kind in (LUMEN, OUTER_WALL) if kind not in image.outlines]
        if missing:
            logger.warning(
                "%s: image %d (%s) has no %s and is left out",
                where,
                image.place + 1,
                image.name,
                missing[0].lower(),
            )
            continue
        problem = _problem(image, grid)
        if problem:
            logger.warning(
                "%s: image %d (%s) %s and is left out", where, image.place + 1, image.name, problem
            )
            continue
        place = slice_of(image)
        lumen, wall = (_outline(image, kind, grid, place, low) for kind in (LUMEN, OUTER_WALL))
        z = int(_canonical(np.array([[0.0, 0.0, place]]), grid)[0, 2])
        if z in found:
            raise InputError(
                "two images are of the same slice", where=where, found=f"image {image.place + 1}"
            )
        found[z] = CrossSection(label, z, lumen, wall)
    return tuple(found[z] for z in sorted(found))


def _problem(image: DrawnImage, grid: Grid) -> str:
    """Why two outlines cannot be those of an artery, in words; empty where they can."""
    areas = []
    for kind in (LUMEN, OUTER_WALL):
        points = image.pixels(kind, grid.shape[0], grid.shape[1])
        if len(points) < _LEAST_POINTS:
            return f"has {counted(len(points), 'point')} of its {kind.lower()}"
        if (
            points.min() < -_MARGIN
            or (points.max(axis=0) > np.array(grid.shape[:2]) + _MARGIN).any()
        ):
            return f"has points of its {kind.lower()} outside of the image"
        areas.append(abs(area(points)))
    return "has a lumen that is larger than its wall" if areas[0] > areas[1] else ""


def check_axial(grid: Grid, where: Path) -> None:
    """Refuse a series whose slices are not axial.

    Raises:
        InputError: Its third axis does not run along S or I.
    """
    if grid.orientation[2] not in "SI":
        raise InputError(
            "the slices of the series are not axial",
            where=where,
            found=f"voxel order {grid.orientation}",
        )


def _outline(image: DrawnImage, kind: str, grid: Grid, place: int, low: int) -> Outline:
    pixels = image.pixels(kind, grid.shape[0], grid.shape[1])
    stored = np.column_stack([pixels, np.full(len(pixels), place)])
    return Outline.of_points(rounded(_canonical(stored, grid)[:, :2] - [0, low]))


def _canonical(stored: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """(n, 3) canonical voxel indices of (n, 3) stored ones."""
    way = Reordering.between(grid, CANONICAL)
    columns = [
        grid.shape[axis] - 1 - stored[:, axis] if flip else stored[:, axis]
        for axis, flip in zip(way.axes, way.flips, strict=True)
    ]
    return np.stack(columns, axis=1)

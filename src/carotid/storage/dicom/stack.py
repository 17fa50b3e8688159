"""From image planes to one regular grid, or to the reason why there is none.

A reader that guesses builds wrong volumes in silence: a missing slice stretches the neck, a second
echo doubles it, a tilt shears it. So nothing is guessed: every plane must lie where the grid puts
it, and what does not is named, with its file and its position.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.grid import SHEAR_TOLERANCE, Grid
from carotid.storage.dicom.slice import (
    NAMED,
    are_copies,
    count_of,
    difference_of,
    grouped,
    names_of,
    view_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.storage.dicom.slice import Slice

logger = logging.getLogger(__name__)

SAME_PLACE_MM = 0.01
"""Planes closer than this along their normal are at one position."""

IRREGULAR_STEP = 0.25
"""A step between neighbours that differs by more than this fraction is a gap or an extra slice."""

IRREGULAR = 0.05
"""Largest distance of a plane from its regular position, as a fraction of the slice spacing."""

NOTICEABLE = 0.01
"""From this fraction on, irregular positions are mentioned; stored coordinates are rounded."""

THINNED = 2
"""From how many of their own depths on the distance of slices is mentioned."""

DRIFT_MM = 0.1
DRIFT_VOXEL = 0.1
"""Largest shift of a plane within itself against the first one: the larger of the two."""

ORIENTATION_TOLERANCE = 1e-4
"""Largest difference between the direction cosines of two planes (25 µm over 250 mm)."""

SPACING_TOLERANCE = 1e-4
"""Largest relative difference between the pixel spacings of two planes."""


@dataclass(frozen=True)
class Stack:
    """Planes in order.

    Attributes:
        grid: (columns, rows, slices) in R-A-S mm.
        index: For each plane given, its index along the grid's last axis.
    """

    grid: Grid
    index: tuple[int, ...]


def stack(folder: Path, slices: list[Slice], shape: tuple[int, int]) -> Stack:
    """Put planes of one matrix size on a grid.

    The third index grows along the cross product of the row and column directions, whatever
    the order or the numbering of the files (DICOM PS3.3, C.7.6.2.1.1).

    Args:
        folder: Where they come from, for messages.
        slices: At least one plane, in any order.
        shape: Rows and columns.

    Raises:
        InputError: If the planes are not parallel, not regular, not above each other, or more
            than one at a position.
    """
    _check_parallel(folder, slices)
    along_row, down_column = slices[0].orientation
    normal = np.cross(along_row, down_column)
    positions = np.array([s.position_lps_mm for s in slices])
    height_mm = positions @ normal
    order = np.argsort(height_mm, kind="stable")
    _check_one_each(folder, slices, height_mm, order)
    upward = _stacking_direction(folder, slices, positions, height_mm)
    spacing_mm = _slice_spacing_mm(folder, slices, height_mm, order)

    between_rows, between_columns = slices[0].pixel_spacing_mm
    affine_lps = np.eye(4)
    affine_lps[:3, 0] = along_row * between_columns
    affine_lps[:3, 1] = down_column * between_rows
    affine_lps[:3, 2] = upward * spacing_mm
    affine_lps[:3, 3] = positions[order[0]]
    index = np.empty(len(slices), dtype=int)
    index[order] = np.arange(len(slices))
    rows, columns = shape
    try:
        grid = Grid.from_lps((columns, rows, len(slices)), affine_lps)
    except InputError as error:
        raise error.at(folder) from error
    return Stack(grid, tuple(int(i) for i in index))


def _check_parallel(folder: Path, slices: list[Slice]) -> None:
    groups = grouped(slices, [s.orientation.ravel() for s in slices], ORIENTATION_TOLERANCE)
    if len(groups) > 1:
        raise InputError(
            f"the slices lie in {count_of(groups)} orientations",
            where=folder,
            found="; ".join(f"{view_of(g[0])}: {names_of(g)}" for g in groups),
            expected="parallel slices",
            remedy="keep one orientation; localizers and other views do not belong in the folder",
        )
    groups = grouped(slices, [np.log(s.pixel_spacing_mm) for s in slices], SPACING_TOLERANCE)
    if len(groups) > 1:
        raise InputError(
            f"the slices have {count_of(groups)} pixel spacings",
            where=folder,
            found="; ".join(
                f"{g[0].pixel_spacing_mm[0]:g} x {g[0].pixel_spacing_mm[1]:g} mm: {names_of(g)}"
                for g in groups
            ),
            expected="one",
            remedy="keep the slices of one series",
        )


def _check_one_each(
    folder: Path, slices: list[Slice], height_mm: NDArray[np.float64], order: NDArray[np.intp]
) -> None:
    """Refuse time series, several echoes and duplicates: more than one plane at a position."""
    new_level = np.diff(height_mm[order]) > SAME_PLACE_MM
    levels = np.split(order, np.flatnonzero(new_level) + 1)
    crowded = [[slices[i] for i in level] for level in levels if len(level) > 1]
    if not crowded:
        return
    heights = [float(height_mm[level[0]]) for level in levels if len(level) > 1]
    per_level = {len(level) for level in levels}
    found = "; ".join(
        f"at {height:.1f} mm {names_of(group)}"
        for height, group in list(zip(heights, crowded, strict=True))[:NAMED]
    ) + (f"; and at {len(crowded) - NAMED} more positions" if len(crowded) > NAMED else "")
    difference = difference_of(crowded[0])
    if difference:
        found += f"; they differ in {difference}"
    if all(are_copies(group) for group in crowded):
        what = f"there are copies of {counted(len(crowded), 'image')} of {len(levels)}"
        remedy = "keep one file of each image, and move its copies out of the folder"
    elif len(levels) == 1:
        what = f"all {len(slices)} slices lie at one position"
        remedy = "give a series that covers the neck slice by slice"
    elif len(per_level) == 1:
        what = f"there are {per_level.pop()} images at each of {len(levels)} slice positions"
        remedy = "keep one echo, one time point and one kind of image per folder"
    else:
        what = f"there is more than one image at {len(crowded)} of {len(levels)} slice positions"
        remedy = "remove the duplicates, or what is not part of the series"
    raise InputError(what, where=folder, found=found, remedy=remedy)


def _stacking_direction(
    folder: Path,
    slices: list[Slice],
    positions: NDArray[np.float64],
    height_mm: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(3,) How positions change for each millimetre of height: the normal, usually.

    Tilted and shifted stacks, whose planes do not follow each other along the normal, are refused;
    but for a tilt so small that the axes still count as at right angles. It comes from cosines that
    were rounded to few decimals, and the planes lie where their positions say.
    """
    normal = np.cross(*slices[0].orientation)
    lowest, highest = int(np.argmin(height_mm)), int(np.argmax(height_mm))
    rise_mm = height_mm - height_mm[lowest]
    beside = positions - positions[lowest] - np.outer(rise_mm, normal)
    limit_mm = max(DRIFT_MM, DRIFT_VOXEL * min(slices[0].pixel_spacing_mm))
    drift_mm = np.linalg.norm(beside, axis=1)
    if drift_mm.max() <= limit_mm:
        return normal
    per_mm = beside[highest] / rise_mm[highest]
    unexplained_mm = np.linalg.norm(beside - np.outer(rise_mm, per_mm), axis=1)
    if unexplained_mm.max() <= limit_mm:
        tilt = float(np.linalg.norm(per_mm))
        if tilt < SHEAR_TOLERANCE:
            return np.asarray(normal + per_mm, np.float64)
        raise InputError(
            "the slices are tilted against the direction in which they are stacked (gantry tilt)",
            where=folder,
            found=f"{_digits(np.degrees(np.arctan(tilt)))} degrees; {slices[highest].name} lies "
            f"{_digits(drift_mm[highest])} mm beside {slices[lowest].name}",
            expected="slices at right angles to their stacking direction",
            remedy="resample the scan to a rectangular grid",
        )
    shifted = [slices[i] for i in np.flatnonzero(drift_mm > limit_mm)]
    raise InputError(
        "some slices are shifted sideways against the others",
        where=folder,
        found=f"{names_of(shifted)}, by up to {_digits(drift_mm.max())} mm",
        expected="slices above each other",
        remedy="keep the slices of one series",
    )


def _digits(number: float) -> str:
    """One decimal, or two digits of a number below 1, so that it is never said to be 0."""
    return f"{number:.1f}" if number >= 1 else f"{number:.2g}"


def _slice_spacing_mm(
    folder: Path, slices: list[Slice], height_mm: NDArray[np.float64], order: NDArray[np.intp]
) -> float:
    """The even distance between neighbouring planes, or an error that names the uneven ones."""
    if len(slices) == 1:
        logger.warning("%s: a single slice; nothing else of its series is here", folder)
        depth_mm = slices[0].depth_mm
        if depth_mm is None:
            raise InputError(
                "there is a single slice, which does not say how thick it is",
                where=folder,
                found=slices[0].name,
                expected="SpacingBetweenSlices or SliceThickness, or more slices",
                remedy="check that the whole series was copied",
            )
        return depth_mm
    heights = height_mm[order]
    steps = np.diff(heights)
    typical = float(np.sort(steps)[(len(steps) - 1) // 2])
    uneven = np.flatnonzero(np.abs(steps - typical) > IRREGULAR_STEP * typical)
    if uneven.size:
        raise _uneven(folder, [slices[i] for i in order], heights, uneven, typical)
    spacing_mm = float(heights[-1] - heights[0]) / len(steps)
    off_mm = np.abs(heights - heights[0] - spacing_mm * np.arange(len(heights)))
    worst = int(np.argmax(off_mm))
    if off_mm[worst] > IRREGULAR * spacing_mm:
        raise InputError(
            "the slices are not evenly spaced",
            where=folder,
            found=f"{slices[order[worst]].name} {off_mm[worst]:.2f} mm off its place",
            expected=f"one slice every {spacing_mm:.3f} mm",
            remedy="check that all slices are of one series",
        )
    if off_mm[worst] > max(NOTICEABLE * spacing_mm, SAME_PLACE_MM):
        logger.warning(
            "%s: slice positions are up to %.3f mm off even spacing, taken as even",
            folder,
            off_mm[worst],
        )
    _warn_of_thinned(folder, slices, spacing_mm)
    return spacing_mm


def _warn_of_thinned(folder: Path, slices: list[Slice], spacing_mm: float) -> None:
    """Say where slices lie twice, three times... as far apart as they say: others may be missing.

    Series are met whose slices are thin and lie far apart by intention, so it is no error.
    """
    depth_mm = slices[0].depth_mm
    times = 1 if depth_mm is None else round(spacing_mm / depth_mm)
    if (
        depth_mm is None
        or times < THINNED
        or abs(spacing_mm / depth_mm - times) > IRREGULAR * times
    ):
        return
    logger.warning(
        "%s: slices lie %.4g mm apart, and say that they are %.4g mm deep: %d of %d may be missing",
        folder,
        spacing_mm,
        depth_mm,
        (times - 1) * (len(slices) - 1),
        times * (len(slices) - 1) + 1,
    )


def _uneven(
    folder: Path,
    ordered: list[Slice],
    heights: NDArray[np.float64],
    uneven: NDArray[np.intp],
    typical: float,
) -> InputError:
    steps = np.diff(heights)[uneven] / typical
    missing = np.round(steps).astype(int) - 1
    gaps = bool((missing > 0).all() and (np.abs(steps - missing - 1) < IRREGULAR_STEP).all())
    found = [
        f"{heights[i + 1] - heights[i]:.2f} mm between {ordered[i].name} at {heights[i]:.1f} mm "
        f"and {ordered[i + 1].name} at {heights[i + 1]:.1f} mm"
        for i in uneven[:NAMED]
    ]
    if len(uneven) > NAMED:
        found.append(f"and {len(uneven) - NAMED} more")
    total = int(missing.sum())
    several = "a slice is missing" if total == 1 else f"{total} slices are missing"
    return InputError(
        several if gaps else "the slices are not evenly spaced",
        where=folder,
        found="; ".join(found),
        expected=f"{typical:.2f} mm",
        remedy="copy the series again, or keep one series if several were mixed",
    )

"""Cross-sections worth a look: where the lumen is narrowest and where the wall is thickest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Contours, Outline
    from carotid.figures.courses import DrawnCourse
    from carotid.geometry.volume import Volume

Extreme = Literal["narrowest", "thickest"]

HALF_WIDTH_MM = 12.0

WIDEST_MM = 96.0
"""Outlines of no artery may reach far beyond the scan; a picture of all of it would be endless."""

_WHITE_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class CutPicture:
    """An axial slice around an artery, seen from the feet, as scans are read.

    The patient's right is on the left and anterior is up. Millimetres count from the middle, to
    the right of the picture and up.

    Attributes:
        course: The artery.
        row: Which of its slices.
        extreme: What it is.
        grey: (rows, columns) 0 to 1, the first row up; None without a scan.
        half_width_mm: From the middle to each border of `grey`.
        lumen_mm, wall_mm: (n, 2) outlines; None where there is none.
    """

    course: DrawnCourse
    row: int
    extreme: Extreme
    grey: NDArray[np.float64] | None
    half_width_mm: float
    lumen_mm: NDArray[np.float64] | None
    wall_mm: NDArray[np.float64] | None


def extreme_rows(course: DrawnCourse) -> dict[Extreme, int]:
    """The slices of the smallest single lumen and of the thickest wall that can be read.

    As in the tables there is no smallest lumen where the table tells of none.
    """
    found: dict[Extreme, int] = {}
    lumen = np.where(course.lumen_read & ~course.both_lumens, course.values("la_mm2"), np.nan)
    thickest = np.where(course.wall_read, course.values("wt_max_mm"), np.nan)
    if np.isfinite(lumen).any() and not course.may_be_narrower(float(np.nanmin(lumen))):
        found["narrowest"] = int(np.nanargmin(lumen))
    if np.isfinite(thickest).any():
        found["thickest"] = int(np.nanargmax(thickest))
    return found


def cut_picture(
    course: DrawnCourse, extreme: Extreme, row: int, contours: Contours, scan: Volume | None
) -> CutPicture:
    """Make a cross-section's picture.

    Args:
        course: The artery.
        extreme: What is shown.
        row: Which of its slices.
        contours: Outlines of the participant.
        scan: Its scan, in any order of axes; None for outlines alone.

    Raises:
        InputError: The outlines are others than those that were measured.
    """
    z = round(float(course.values("z")[row]))
    own = (one for one in contours.side(course.side) if one.label == course.label and one.z == z)
    section = next(own, None)
    if section is None:
        raise InputError(
            f"the outlines lack a slice that was measured: {course.side} {course.label} {z}",
            remedy="make the measurements again",
        )
    outlines = [_points_mm(one, contours) for one in (section.lumen, section.wall)]
    known = next(one for one in reversed(outlines) if one is not None)
    middle = (known.min(axis=0) + known.max(axis=0)) / 2
    half = min(max(HALF_WIDTH_MM, 1.15 * float(np.abs(known - middle).max())), WIDEST_MM / 2)
    seen = [None if one is None else (one - middle) * (-1, 1) for one in outlines]
    grey = None if scan is None else _grey(scan, contours, middle, half, z)
    return CutPicture(course, row, extreme, grey, half, seen[0], seen[1])


def _points_mm(outline: Outline | None, contours: Contours) -> NDArray[np.float64] | None:
    if outline is None:
        return None
    return np.asarray(outline.points * contours.canonical.spacing_mm[:2], np.float64)


def _grey(
    scan: Volume, contours: Contours, middle_mm: NDArray[np.float64], half_mm: float, z: int
) -> NDArray[np.float64]:
    """The slice around a point, 0 to 1, as it is seen; black outside of the scan."""
    from scipy.ndimage import map_coordinates

    spacing = np.array(contours.canonical.spacing_mm[:2])
    array = scan.reoriented(CANONICAL).array[:, :, z]
    step = float(spacing.min())
    count = 2 * int(np.ceil(half_mm / step)) + 1
    offsets = np.linspace(-half_mm, half_mm, count)
    x = (middle_mm[0] - offsets) / spacing[0]  # canonical x grows to the patient's right
    y = (middle_mm[1] - offsets) / spacing[1]
    at = np.broadcast_arrays(x[None, :], y[:, None])
    values = map_coordinates(np.asarray(array, np.float64), at, order=1, cval=0.0)
    white = float(np.percentile(values, _WHITE_PERCENTILE))
    return np.asarray(np.clip(values / white if white > 0 else values, 0, 1), np.float64)

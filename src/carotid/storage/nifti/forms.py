"""Where a NIfTI file's voxels lie in the patient: its sform, or its qform where it has no other.

The sform goes before, as in nibabel. A file with neither is refused: which side is left would be a
guess. Where both are set, they must not name other patient directions, and the sform must give the
voxels the sizes that the header states beside it (`pixdim`): a tool that changed one of the two and
forgot the other leaves a file of which nobody can say how large the vessels are. A qform that makes
no sense beside a good sform is left alone, with a word about it.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError
from carotid.geometry.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_COORDINATE = 1e6
"""Numbers beyond this (in mm) make no place in a scanner."""

FORMS_DIFFER_VOXEL = 0.1
"""A remark is made when sform and qform place some voxel apart by more than this."""

SAME_DIRECTION = float(np.cos(np.pi / 4))
"""Smallest cosine between an axis of the sform and that of the qform that agree on its name, where
the axis lies between two names: at 45 degrees rounding alone decides between them."""

SIZE_TOLERANCE = 0.01
"""Largest relative difference between the sform's voxel sizes and `pixdim`, which may be rounded.
A vessel of 6 mm is then 0.06 mm wrong at most, less than a tenth of a voxel."""

QUATERNION_TOLERANCE = 0.01
"""How much b² + c² + d² may exceed 1: numbers that were stored with two or more decimals."""

QUATERNION_ROUNDING = 1e-7
"""What single precision may leave of 1 where nothing should be left; as in nifti1_io.c."""

_Raw = Any
"""nibabel's header object, which has no types."""


def place_of(raw: _Raw, shape: tuple[int, int, int]) -> tuple[Grid, str]:
    """The grid, and what a user has to know about it; empty where nothing.

    Args:
        raw: The header as nibabel decodes it, unchecked.
        shape: Number of voxels along each axis.

    Raises:
        InputError: The header does not say where the voxels lie, or says so twice, differently.
    """
    has_sform, has_qform = int(raw["sform_code"]) > 0, int(raw["qform_code"]) > 0
    if has_sform and not any(raw[f"srow_{axis}"].any() for axis in "xyz"):
        has_sform = False  # a code without a matrix
    if not has_sform:
        if not has_qform:
            raise InputError(
                "the header does not place the volume in the patient, so left and right are "
                "unknown",
                found="no sform and no qform",
                remedy="convert the scan from DICOM again, with a tool that sets them",
            )
        return Grid(shape, _qform(raw)), ""
    grid = Grid(shape, _sform(raw))
    remark = _compared(grid, raw) if has_qform else ""
    _check_sizes(grid, raw)
    return grid, remark


def _compared(grid: Grid, raw: _Raw) -> str:
    """A remark on a qform that differs from the sform or is useless; an error on contradiction."""
    try:
        other = Grid(grid.shape, _qform(raw))
    except InputError as error:
        return f"{error.what} (found {error.found}); the sform is used"
    cosines = (grid.direction * other.direction).sum(axis=0)
    if grid.orientation != other.orientation and cosines.min() < SAME_DIRECTION:
        raise InputError(
            "sform and qform contradict each other about the patient's directions",
            found=f"{grid.orientation} and {other.orientation}",
            remedy="find out which is right, and set the code of the other one to 0",
        )
    corners = np.array(list(product(*[(0, n - 1) for n in grid.shape])))
    gaps_mm = np.linalg.norm(
        grid.world_from_index(corners) - other.world_from_index(corners), axis=1
    )
    if gaps_mm.max() <= FORMS_DIFFER_VOXEL * min(grid.spacing_mm):
        return ""
    return f"sform and qform place voxels up to {gaps_mm.max():.2g} mm apart; the sform is used"


def _check_sizes(grid: Grid, raw: _Raw) -> None:
    """Refuse an sform that contradicts the voxel sizes stated beside it, where they are stated."""
    stated_mm = np.abs(np.array(raw["pixdim"][1:4], dtype=np.float64))
    known = np.isfinite(stated_mm) & (stated_mm > 0) & (stated_mm <= MAX_COORDINATE)
    ratios = np.array(grid.spacing_mm)[known] / stated_mm[known]
    if (np.abs(np.log(ratios)) <= np.log1p(SIZE_TOLERANCE)).all():
        return
    sizes = [" x ".join(f"{n:.4g}" for n in mm) for mm in (grid.spacing_mm, stated_mm.tolist())]
    raise InputError(
        "sform and pixdim contradict each other about the size of the voxels",
        found=f"{sizes[0]} mm and {sizes[1]} mm",
        remedy="convert the scan from DICOM again, or correct the one that is wrong; a scan that "
        "was scaled to a template cannot be measured",
    )


def _sform(raw: _Raw) -> NDArray[np.float64]:
    rows = [raw[f"srow_{axis}"].tolist() for axis in "xyz"]
    affine = np.array([*rows, [0.0, 0.0, 0.0, 1.0]])
    if not (np.abs(affine) <= MAX_COORDINATE).all():
        raise _unusable("sform", rows)
    return affine


def _qform(raw: _Raw) -> NDArray[np.float64]:
    """(4, 4) index to R-A-S mm, by method 2 of nifti1.h.

    The quaternion's real part is what the other three leave of 1. Where that is no more than the
    rounding of single precision it is 0, and the other three are brought to length 1, as in the
    format's own code.
    """
    b, c, d = (float(raw[f"quatern_{axis}"]) for axis in "bcd")
    offset = [float(raw[f"qoffset_{axis}"]) for axis in "xyz"]
    spacing = raw["pixdim"][1:4].tolist()
    if not all(abs(n) <= MAX_COORDINATE for n in (b, c, d, *offset, *spacing)) or min(spacing) <= 0:
        raise _unusable("qform", [b, c, d, *offset, spacing])
    handedness = float(raw["pixdim"][0]) or 1.0  # 0 stands for 1, says the standard
    if handedness not in (-1.0, 1.0):
        raise _unusable("qform", f"pixdim[0] = {handedness:g}, which should be 1 or -1")
    squares = b * b + c * c + d * d
    if squares > 1 + QUATERNION_TOLERANCE:
        raise _unusable("qform", f"b² + c² + d² = {squares:.6g}, which should be at most 1")
    affine = np.eye(4)
    left = 1 - squares
    turn = _rotation(left**0.5 if left >= QUATERNION_ROUNDING else 0.0, b, c, d)
    affine[:3, :3] = turn * np.array([*spacing[:2], spacing[2] * handedness])
    affine[:3, 3] = offset
    return affine


def _rotation(a: float, b: float, c: float, d: float) -> NDArray[np.float64]:
    """(3, 3) matrix of a quaternion of any length but 0, from nifti1.h.

    >>> _rotation(0, 1, 0, 0).tolist()
    [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
    """
    squares = a * a + b * b + c * c + d * d
    rows = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
    return np.array(rows, dtype=np.float64) / squares


def _unusable(form: str, found: object) -> InputError:
    return InputError(
        f"the {form} is not usable as a place in the patient",
        found=found,
        remedy="convert the scan from DICOM again, or correct the header",
    )

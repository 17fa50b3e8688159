"""What a NIfTI file (version 1 or 2) states about itself, checked; decoded by nibabel.

A slope of 0 or NaN means that the voxels are not scaled. Where the voxels lie is dealt with in
`forms`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError
from carotid.foreign import HEAD_BYTES, recognised, recognised_text
from carotid.storage.nifti.forms import place_of

if TYPE_CHECKING:
    from carotid.geometry.grid import Grid
    from carotid.storage.byte_stream import ByteStream

MAX_VOXEL_OFFSET = 1 << 28
"""Farthest place in the unpacked file at which the voxels may begin."""

REAL_TYPES: dict[int, type[np.generic]] = {
    2: np.uint8,
    4: np.int16,
    8: np.int32,
    16: np.float32,
    64: np.float64,
    256: np.int8,
    512: np.uint16,
    768: np.uint32,
    1024: np.int64,
    1280: np.uint64,
}

_OTHER_TYPES = {128: "color (RGB)", 2304: "color (RGBA)", 32: "complex", 1: "one bit"}
_FOREIGN_UNITS = {1: "metres", 3: "micrometres"}

_Raw = Any
"""nibabel's header object, which has no types."""


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """The checked header of a NIfTI file.

    Attributes:
        grid: Where the voxels lie; index axis 0 is the file's fastest one.
        stored: Type of one stored number, in the file's byte order.
        slope: Real value = stored value · slope + intercept.
        intercept: See `slope`.
        offset: Where the voxels begin in the unpacked file, in bytes.
        remark: What a user has to know about the voxels' place; empty where nothing.
    """

    grid: Grid
    stored: np.dtype[np.generic]
    slope: float
    intercept: float
    offset: int
    remark: str

    @property
    def scaled(self) -> bool:
        """Whether real values differ from stored ones."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels when read: as stored, or float32 if they are scaled."""
        return np.dtype(np.float32) if self.scaled else self.stored.newbyteorder("=")

    @property
    def voxel_bytes(self) -> int:
        """Size in bytes of all stored voxels, unpacked."""
        return math.prod(self.grid.shape) * self.stored.itemsize


def decode_header(stream: ByteStream) -> NiftiHeader:
    """Decode and check the header at the beginning of a stream.

    Args:
        stream: The unpacked file, at its first byte; left at the first byte after the header.

    Raises:
        InputError: This is not NIfTI, or not one three-dimensional volume with a known place.
    """
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    kinds: tuple[Any, ...] = (Nifti1Header, Nifti2Header)
    head = stream.peek(HEAD_BYTES)
    word = stream.read(4)
    for kind in kinds:
        for order in ("<", ">"):
            if word == np.array(kind.sizeof_hdr, f"{order}i4").tobytes():
                block = word + stream.read(kind.sizeof_hdr - 4)
                return _checked(kind(block, endianness=order, check=False))
    foreign = recognised(head) or recognised_text(head)
    if foreign is not None:
        raise foreign.error("NIfTI")
    raise InputError(
        "this is not a NIfTI file",
        found=f"the first bytes {word.hex(' ')}",
        remedy="copy or convert the scan again",
    )


def _checked(raw: _Raw) -> NiftiHeader:
    mark = raw["magic"].tobytes()[:3]
    if mark not in (b"n+1", b"n+2"):
        raise InputError(
            "this is not a NIfTI file with its voxels inside",
            found=f"the mark {mark!r}",
            expected="n+1 or n+2",
            remedy="save the volume as one .nii or .nii.gz file",
        )
    units = int(raw["xyzt_units"]) & 7
    if units in _FOREIGN_UNITS:
        raise InputError(
            "the header does not measure in millimetres",
            found=_FOREIGN_UNITS[units],
            remedy="save the volume with its geometry in mm",
        )
    stored = _stored_type(raw)
    shape = _shape(raw)
    slope, intercept = _scaling(raw)
    grid, remark = place_of(raw, shape)
    return NiftiHeader(
        grid=grid,
        stored=stored,
        slope=slope,
        intercept=intercept,
        offset=_voxel_offset(raw),
        remark=remark,
    )


def _stored_type(raw: _Raw) -> np.dtype[np.generic]:
    code = int(raw["datatype"])
    if code not in REAL_TYPES:
        raise InputError(
            "the voxels are not real numbers",
            found=_OTHER_TYPES.get(code, f"data type code {code}"),
            expected="an integer or floating-point type",
            remedy="save a grey-scale version",
        )
    return np.dtype(REAL_TYPES[code]).newbyteorder(raw.endianness)


def _shape(raw: _Raw) -> tuple[int, int, int]:
    """The three sizes; further axes are allowed as long as they have the size 1."""
    axes = int(raw["dim"][0])
    sizes = [int(n) for n in raw["dim"][1 : axes + 1]] if 1 <= axes <= 7 else []
    if len(sizes) < 3 or any(n != 1 for n in sizes[3:]):
        raise InputError(
            "this is not one three-dimensional volume",
            found=f"{axes} axes of sizes {' x '.join(map(str, sizes)) or 'unknown'}",
            expected="3 axes",
            remedy="save the one volume that is meant as a file of its own",
        )
    return sizes[0], sizes[1], sizes[2]


def _scaling(raw: _Raw) -> tuple[float, float]:
    """Slope and intercept from stored to real values; 1 and 0 where the header sets none.

    NIfTI-1: a slope of 0 means that there is no scaling. A NaN slope is read in the same way, for
    nibabel marks "not set" by it.
    """
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputError(
            "the scaling of the voxel values is not usable",
            found=f"slope {slope:g}, intercept {intercept:g}",
            expected="two finite numbers",
            remedy="correct the header",
        )
    return slope, intercept


def _voxel_offset(raw: _Raw) -> int:
    """Where the voxels begin in the unpacked file; 0 means right after the header."""
    first = int(raw.single_vox_offset)
    offset = float(raw["vox_offset"])
    if offset == 0:
        return first
    if not (first <= offset <= MAX_VOXEL_OFFSET and offset.is_integer()):
        raise InputError(
            "the header does not say where the voxels begin",
            found=f"vox_offset {offset:g}",
            expected=f"a whole number from {first} to {MAX_VOXEL_OFFSET}",
        )
    return int(offset)

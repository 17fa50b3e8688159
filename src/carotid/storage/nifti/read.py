"""Reading NIfTI scans (`.nii`, `.nii.gz`; versions 1 and 2): bounded, strict and lean.

The voxels are read here rather than by nibabel, chunk by chunk into one array, so that a gzip
stream is read to its last checksum and nothing is allocated that the file cannot hold. The header
is dealt with in `nifti_header`.
"""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import CarotidError, InputError, ResourceError
from carotid.geometry.volume import Volume
from carotid.storage.byte_stream import MAX_DEFLATE_RATIO, ByteStream
from carotid.storage.nifti.header import NiftiHeader, decode_header
from carotid.storage.regular_file import open_regular, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid

logger = logging.getLogger(__name__)

FORMS_DIFFER_VOXEL = 0.1
"""A warning is given when sform and qform place some voxel apart by more than this."""

MAX_TRAILING_BYTES = 1 << 16
"""Bytes after the voxels that are tolerated: some writers fill up a block."""

_GZIP_MARK = b"\x1f\x8b"
_CHUNK_VOXELS = 1 << 18
_COPY_AGAIN = "copy the file again from where it came from"


def read_nifti(path: Path) -> Volume:
    """Read a scan.

    Args:
        path: A `.nii` or `.nii.gz` file with one three-dimensional volume.

    Returns:
        The voxels, (i, j, k) with i fastest in memory: in the stored type, or in float32 when the
        header has a slope or intercept that changes them.

    Raises:
        InputError: The file cannot be used; the message names it and says why.
        ResourceError: The volume does not fit into memory.
    """
    with _opened(path) as (stream, header):
        stream.skip(header.offset - header.length)
        array = _read_voxels(stream, header)
        _check_little_left(stream, header)
    if header.forms_gap_mm > FORMS_DIFFER_VOXEL * min(header.grid.spacing_mm):
        logger.warning(
            "%s: sform and qform place voxels up to %.2g mm apart; the sform is used",
            path,
            header.forms_gap_mm,
        )
    return Volume(array, header.grid)


def read_nifti_header(path: Path) -> tuple[Grid, np.dtype[np.generic]]:
    """Read where the voxels lie and the type that `read_nifti` will give them; no voxels.

    Raises:
        InputError: As for `read_nifti`, as far as the header and the file's size show it.
    """
    with _opened(path) as (_, header):
        return header.grid, header.dtype


@contextmanager
def _opened(path: Path) -> Iterator[tuple[ByteStream, NiftiHeader]]:
    """The file's unpacked bytes, at the end of the header, and the header; errors get the path."""
    try:
        with open_regular(path) as file:
            size = size_of(file)
            packed = file.read(len(_GZIP_MARK)) == _GZIP_MARK
            _check_name(path, packed=packed)
            file.seek(0)
            stream = ByteStream(file, path, "gzip" if packed else "plain")
            header = decode_header(stream)
            _check_size(header, size, packed=packed)
            yield stream, header
    except CarotidError as error:
        raise error.at(path) from error


def _check_name(path: Path, *, packed: bool) -> None:
    if packed != path.name.lower().endswith(".gz"):
        raise InputError(
            "the file is not what its name says",
            found="a gzip file" if packed else "no gzip file",
            remedy="rename it to .nii.gz" if packed else _COPY_AGAIN,
        )


def _check_size(header: NiftiHeader, size: int, *, packed: bool) -> None:
    """Refuse what the file cannot hold, before anything is allocated."""
    needed = header.offset + header.voxel_bytes
    if needed > (size * MAX_DEFLATE_RATIO if packed else size):
        raise InputError(
            "the voxels are cut short",
            found=f"a file of {size} bytes",
            expected=f"{needed} bytes when unpacked" if packed else f"{needed} bytes",
            remedy=_COPY_AGAIN,
        )


def _read_voxels(stream: ByteStream, header: NiftiHeader) -> NDArray[np.generic]:
    try:
        flat: NDArray[np.generic] = np.empty(math.prod(header.grid.shape), header.dtype)
    except MemoryError as error:
        raise ResourceError(
            "the volume does not fit into memory",
            found=f"{header.voxel_bytes / 2**30:.1f} GiB of voxels",
        ) from error
    if header.scaled:
        _fill_scaled(stream, header, flat)
    else:
        stream.fill(flat.view(np.uint8).data)
        if not header.stored.isnative:
            flat.byteswap(inplace=True)
    return flat.reshape(header.grid.shape, order="F")


def _fill_scaled(stream: ByteStream, header: NiftiHeader, flat: NDArray[np.generic]) -> None:
    stored = np.empty(min(flat.size, _CHUNK_VOXELS), header.stored)
    for start in range(0, flat.size, _CHUNK_VOXELS):
        piece = stored[: min(_CHUNK_VOXELS, flat.size - start)]
        stream.fill(piece.view(np.uint8).data)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is ±Inf, as it should
            real = piece.astype(np.float64) * header.slope + header.intercept
            flat[start : start + piece.size] = real.astype(np.float32)


def _check_little_left(stream: ByteStream, header: NiftiHeader) -> None:
    if stream.excess(MAX_TRAILING_BYTES) > MAX_TRAILING_BYTES:
        raise InputError(
            "the voxels are more than the header says",
            expected=f"{header.voxel_bytes} bytes",
            remedy=_COPY_AGAIN,
        )

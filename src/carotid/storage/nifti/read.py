"""Reading NIfTI scans (`.nii`, `.nii.gz`; versions 1 and 2): bounded, strict and lean.

The voxels are read here rather than by nibabel, chunk by chunk into one array, so that a gzip
stream is read to its last checksum and nothing is allocated that the file cannot hold. The header
is dealt with in `header`.
"""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import CarotidError, InputError, ResourceError
from carotid.foreign import HEAD_BYTES, recognised, recognised_text
from carotid.geometry.volume import Volume
from carotid.own_pages import zeros_apart
from carotid.storage.byte_stream import MAX_DEFLATE_RATIO, ByteStream
from carotid.storage.checksums import HashingFile
from carotid.storage.nifti.header import NiftiHeader, decode_header
from carotid.storage.opened import OpenedScan, ScanContent
from carotid.storage.regular_file import Stamp, open_regular, open_unchanged

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.storage.byte_stream import Packing

logger = logging.getLogger(__name__)

MAX_TRAILING_BYTES = 1 << 16
"""Bytes after the voxels that are tolerated: some writers fill up a block."""

_GZIP_MARK = b"\x1f\x8b"
_CHUNK_VOXELS = 1 << 18
_COPY_AGAIN = "copy the file again from where it came from"


def open_nifti(path: Path) -> OpenedScan:
    """Read and check a scan's header.

    The voxels will be (i, j, k) with i fastest in memory: in the stored type, or in float32 where
    the header has a slope or intercept that changes them.

    Args:
        path: A `.nii` or `.nii.gz` file with one three-dimensional volume.

    Raises:
        InputError: The file cannot be used; the message names it and says why. Reading raises the
            same, and ResourceError where the volume does not fit into memory.
    """
    try:
        with open_regular(path) as file:
            stamp = Stamp.of(file)
            packing = _packing(path, file)
            header = decode_header(ByteStream(file, path, packing))
        _check_size(header, stamp.size, packed=packing == "gzip")
    except CarotidError as error:
        raise error.at(path) from error
    return OpenedScan(header.grid, header.dtype, partial(_read, path, stamp, packing, header))


def _packing(path: Path, file: BufferedReader) -> Packing:
    """How the file is stored: what its name says, or a refusal that says what it is instead."""
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    packed = head[:2] == _GZIP_MARK
    named = path.name.lower().endswith(".gz")
    if packed == named:
        return "gzip" if packed else "plain"
    if packed:
        raise InputError(
            "the file is not what its name says",
            found="a gzip file",
            remedy="rename it to .nii.gz",
        )
    foreign = recognised(head) or recognised_text(head)
    if foreign is not None:
        raise foreign.error("a .nii.gz")
    raise InputError("the file is not what its name says", found="no gzip file", remedy=_COPY_AGAIN)


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


def _read(path: Path, stamp: Stamp, packing: Packing, header: NiftiHeader) -> ScanContent:
    """Read the file from its beginning to its end."""
    try:
        file = HashingFile(open_unchanged(path, stamp))
        with ByteStream(file, path, packing) as stream:
            stream.skip(header.offset)
            array = _read_voxels(stream, header)
            _check_little_left(stream, header)
            sha256 = file.finish()
    except CarotidError as error:
        raise error.at(path) from error
    if header.remark:
        logger.warning("%s: %s", path, header.remark)
    return ScanContent(Volume(array, header.grid), sha256)


def _read_voxels(stream: ByteStream, header: NiftiHeader) -> NDArray[np.generic]:
    try:
        flat: NDArray[np.generic] = zeros_apart([math.prod(header.grid.shape)], header.dtype)
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

"""Reading MetaImage voxels (`.mha`, and `.mhd` with its data file): bounded, strict and lean.

One array of the volume's size is allocated and filled chunk by chunk; never more is inflated than
the header says, and a stream that is damaged, short or long is an error, never a volume of zeros.
The header is dealt with in `header`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError, ResourceError
from carotid.geometry.volume import Volume
from carotid.own_pages import zeros_apart
from carotid.storage.byte_stream import CHUNK_BYTES, ByteStream
from carotid.storage.checksums import (
    HashingFile,
    sha256_of_file,
    sha256_of_files,
    sha256_of_list,
)
from carotid.storage.metaimage.header import MetaImageHeader, read_metaimage_header
from carotid.storage.opened import OpenedScan, ScanContent
from carotid.storage.regular_file import open_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.storage.byte_stream import Readable

__all__ = [
    "MetaImageHeader",
    "hash_metaimage",
    "iter_slabs",
    "open_metaimage",
    "read_metaimage_header",
    "read_multichannel",
]


def open_metaimage(path: Path) -> OpenedScan:
    """Read and check a scan's header.

    The voxels will be as stored, (i, j, k) with i fastest in memory, in the stored type.

    Args:
        path: A `.mha` or `.mhd` file with one number per voxel.

    Raises:
        InputError: The file cannot be used; the message names it and says why. Reading raises the
            same, and ResourceError where the volume does not fit into memory.
    """
    header = read_metaimage_header(path)
    if header.channels != 1:
        raise InputError(
            "the scan has several channels",
            where=path,
            found=counted(header.channels, "channel"),
            expected="1",
            remedy="save the channel that is meant, or a grey-scale version, as a file of its own",
        )
    return OpenedScan(header.grid, header.dtype, partial(_read_scan, header))


def list_metaimage(path: Path) -> list[Path]:
    """A scan's file, or its header and data file."""
    data_path = read_metaimage_header(path).data_path
    return [path] if data_path == path else [path, data_path]


def hash_metaimage(path: Path) -> str:
    """The checksum of a scan's file, or of its header and data file."""
    files = list_metaimage(path)
    return sha256_of_file(path) if len(files) == 1 else sha256_of_files(path.parent, files)


def _read_scan(header: MetaImageHeader) -> ScanContent:
    file = HashingFile(open_unchanged(header.data_path, header.data_stamp))
    with _stream_of(file, header) as stream:
        array = _read_voxels(stream, header)
        sha256 = file.finish()
    if header.data_path != header.path:
        digests = {header.path: sha256_of_file(header.path), header.data_path: sha256}
        sha256 = sha256_of_list(header.path.parent, digests)
    return ScanContent(Volume(array[..., 0].transpose(2, 1, 0), header.grid), sha256)


def read_multichannel(path: Path) -> tuple[NDArray[np.generic], Grid]:
    """Read an image with any number of channels, such as a stored heatmap.

    Returns:
        (c, i, j, k) voxels in the stored type (a view: c is fastest in memory), and their grid.

    Raises:
        InputError: As for `open_metaimage`.
        ResourceError: The image does not fit into memory.
    """
    header = read_metaimage_header(path)
    with _open_voxels(header) as stream:
        return _read_voxels(stream, header).transpose(3, 2, 1, 0), header.grid


def iter_slabs(path: Path, slices_per_slab: int) -> Iterator[NDArray[np.generic]]:
    """Read an image piece by piece, in little memory.

    Args:
        path: A `.mha` or `.mhd` file with any number of channels.
        slices_per_slab: How many slices (of grid index 2) to yield at a time; the last slab may
            have fewer.

    Yields:
        (k, j, i, c) arrays, C-contiguous, in the file's order.

    Raises:
        InputError: As for `open_metaimage`; damage is seen when the reading comes to it, so what
            was yielded is known to be sound only when the iteration has ended.
    """
    header = read_metaimage_header(path)
    size_i, size_j, size_k = header.grid.shape
    with _open_voxels(header) as stream:
        for start in range(0, size_k, slices_per_slab):
            count = min(slices_per_slab, size_k - start)
            yield _read_array(stream, header, (count, size_j, size_i, header.channels))
        _check_nothing_left(stream, header)


def _read_voxels(stream: ByteStream, header: MetaImageHeader) -> NDArray[np.generic]:
    """All voxels, (k, j, i, c)."""
    array = _read_array(stream, header, (*header.grid.shape[::-1], header.channels))
    _check_nothing_left(stream, header)
    return array


def _open_voxels(header: MetaImageHeader) -> ByteStream:
    return _stream_of(open_unchanged(header.data_path, header.data_stamp), header)


def _stream_of(file: Readable, header: MetaImageHeader) -> ByteStream:
    """The unpacked voxels of a file that stands at its beginning."""
    left = header.data_offset
    while left and (piece := file.read(min(left, CHUNK_BYTES))):
        left -= len(piece)
    return ByteStream(file, header.data_path, "zlib" if header.compressed else "plain")


def _read_array(
    stream: ByteStream, header: MetaImageHeader, shape: tuple[int, ...]
) -> NDArray[np.generic]:
    try:
        array: NDArray[np.generic] = zeros_apart(shape, header.dtype)
    except MemoryError as error:
        raise ResourceError(
            "the volume does not fit into memory",
            where=header.path,
            found=f"{header.voxel_bytes / 2**30:.1f} GiB of voxels",
        ) from error
    stream.fill(array.reshape(-1).view(np.uint8).data)
    if header.big_endian:
        array.byteswap(inplace=True)
    return array


def _check_nothing_left(stream: ByteStream, header: MetaImageHeader) -> None:
    if stream.excess():
        raise InputError(
            "the voxels are more than the header says",
            where=header.data_path,
            expected=f"{header.voxel_bytes} bytes",
            remedy="correct the header, or copy the file again from where it came from",
        )

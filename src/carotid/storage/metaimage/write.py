"""Writing MetaImage files (`.mha`) slab by slab, straight into deflate, and checking them after.

The header comes first and says how long the deflate stream is, so that number is put in at the
end, into a place of fixed width. Voxels are deflated in pieces that do not depend on how the caller
cut the volume: the same voxels make the same bytes. Each piece ends on a whole byte and refers to
nothing before it, so that several threads can deflate one file.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import numpy as np
from isal import isal_zlib

from carotid.errors import InputError, OutputError
from carotid.storage.metaimage.header import ELEMENT_TYPES, lps_axes, read_metaimage_header
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume

PIECE_BYTES = 1 << 20
"""Bytes that are deflated by themselves."""

_SYNC_BYTES = 32 << 20
"""Bytes after which the disk is waited for: while there is more to compute, that costs nothing."""

SAME_GRID_VOXEL = 1e-6
"""How far, in voxels, the grid read back may differ from the one written: rounding, no more."""

_LEVEL = 1
_RAW = -15
"""A deflate stream with the largest window, without zlib's header and checksum."""

_ZLIB_HEADER = b"\x78\x01"
_ADLER_BASE = 65521
_SIZE_KEY = "CompressedDataSize = "
_SIZE_WIDTH = 20
_FROM_TO = str.maketrans("RLAPSI", "LRPAIS")
_SLAB_BYTES = 8 << 20
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT}


class MetaImageWriter:
    """Writes one compressed `.mha`, the next slices with each call.

    Use it in a `with` statement. When the block ends well, the file is complete and on the disk;
    when it ends with an error, a partial file stays behind, which is the caller's to remove.

    Args:
        path: The file; it is overwritten if it exists.
        grid: Where the voxels lie.
        channels: How many numbers each voxel has.
        dtype: Type of the numbers; float32 for heatmaps.
        pool: Threads that deflate; default the one that calls. The bytes are the same.

    Attributes:
        crc32: Checksum of the complete file, for `verify_metaimage`: of the deflate stream's bytes
            and then of the header's, which are complete last.
        bytes_written: Size of the file so far.

    Raises:
        OutputError: The disk is full, the folder is read-only, slices are missing, …
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        channels: int,
        dtype: np.dtype[np.generic] | type[np.generic] = np.float32,
        pool: Executor | None = None,
    ) -> None:
        self.path = path
        self.crc32 = 0
        self.bytes_written = 0
        self._dtype = np.dtype(dtype)
        self._slice_shape = (grid.shape[1], grid.shape[0], channels)
        self._slices_left = grid.shape[2]
        self._header = _header_text(grid, channels, self._dtype).encode("ascii")
        self._adler32 = 1
        self._rest = bytearray()
        self._map = map if pool is None else pool.map

    def __enter__(self) -> Self:
        with _os_errors_named(self.path):
            self._file = self.path.open("wb")
        try:
            self._put(self._header)
            self.crc32 = 0  # the header counts when it is complete
            self._put(_ZLIB_HEADER)
        except BaseException:
            self._abandon()
            raise
        return self

    def write(self, slab: NDArray[np.generic]) -> None:
        """Write the next slices.

        Args:
            slab: (k, j, i, c) numbers of the writer's type: any number of slices along grid
                index 2, each of them whole.
        """
        if (
            slab.ndim != 4
            or slab.shape[1:] != self._slice_shape
            or slab.dtype != self._dtype
            or slab.shape[0] > self._slices_left
        ):
            raise OutputError(
                "these slices do not belong into the file",
                where=self.path,
                found=f"{slab.dtype} {slab.shape}",
                expected=f"{self._dtype} up to {(self._slices_left, *self._slice_shape)}",
            )
        self._slices_left -= slab.shape[0]
        little = slab.dtype.newbyteorder("<")
        view = np.ascontiguousarray(slab, dtype=little).reshape(-1).view(np.uint8).data
        pieces: list[bytes | memoryview] = []
        start = 0
        if self._rest:
            start = min(PIECE_BYTES - len(self._rest), len(view))
            self._rest += view[:start]
            if len(self._rest) == PIECE_BYTES:
                pieces.append(bytes(self._rest))
                self._rest.clear()
        whole = start + (len(view) - start) // PIECE_BYTES * PIECE_BYTES
        pieces += [view[at : at + PIECE_BYTES] for at in range(start, whole, PIECE_BYTES)]
        self._rest += view[whole:]
        for piece, (deflated, adler32) in zip(pieces, self._map(_deflated, pieces), strict=True):
            self._put(deflated)
            self._adler32 = _adler32_of_both(self._adler32, adler32, len(piece))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._abandon()
            return
        try:
            self.complete()
        except BaseException:
            self._abandon()
            raise

    def complete(self) -> None:
        """Bring the file to its end and onto the disk, before the `with` block ends.

        Raises:
            OutputError: See the class.
        """
        if self._file.closed:
            return
        if self._slices_left:
            raise OutputError(
                "not all slices were written", where=self.path, found=f"{self._slices_left} missing"
            )
        deflated, adler32 = _deflated(self._rest, isal_zlib.Z_FINISH)
        self._put(deflated)
        self._adler32 = _adler32_of_both(self._adler32, adler32, len(self._rest))
        self._put(self._adler32.to_bytes(4, "big"))
        size = str(self.bytes_written - len(self._header)).encode("ascii")
        at = self._header.index(_SIZE_KEY.encode("ascii")) + len(_SIZE_KEY)
        header = self._header[:at] + size + self._header[at + len(size) :]
        self.crc32 = isal_zlib.crc32(header, self.crc32)
        with _os_errors_named(self.path):
            self._file.seek(0)
            self._file.write(header)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _put(self, data: bytes) -> None:
        with _os_errors_named(self.path):
            self._file.write(data)
            if self.bytes_written // _SYNC_BYTES < (self.bytes_written + len(data)) // _SYNC_BYTES:
                self._file.flush()
                os.fsync(self._file.fileno())
        self.crc32 = isal_zlib.crc32(data, self.crc32)
        self.bytes_written += len(data)

    def _abandon(self) -> None:
        try:
            self._file.close()
        except OSError:  # what was still buffered finds no room either
            return


def _deflated(
    piece: bytes | bytearray | memoryview, end: int = isal_zlib.Z_SYNC_FLUSH
) -> tuple[bytes, int]:
    """A piece of a deflate stream, and the Adler-32 of what is in it."""
    deflater = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
    return deflater.compress(piece) + deflater.flush(end), isal_zlib.adler32(piece)


def _adler32_of_both(first: int, second: int, second_bytes: int) -> int:
    """Adler-32 (RFC 1950) of two pieces in a row: two sums, of bytes and of the sums so far."""
    bytes_before = (first & 0xFFFF) - 1  # the sum of bytes begins at 1
    low = (bytes_before + (second & 0xFFFF)) % _ADLER_BASE
    high = ((first >> 16) + (second >> 16) + second_bytes * bytes_before) % _ADLER_BASE
    return high << 16 | low


def write_metaimage(path: Path, volume: Volume) -> None:
    """Write a scan as a compressed `.mha`, in the volume's own index order and type.

    Raises:
        OutputError: As for `MetaImageWriter`, or MetaImage has no such type.
    """
    array = volume.array
    size_i, size_j, size_k = array.shape
    step = max(1, _SLAB_BYTES // (size_i * size_j * array.itemsize))
    native = array.dtype.newbyteorder("=")
    with MetaImageWriter(path, volume.grid, 1, native) as writer:
        for start in range(0, size_k, step):
            slab = array[:, :, start : start + step].transpose(2, 1, 0)
            writer.write(slab.astype(native, copy=False)[..., None])


def verify_metaimage(
    path: Path,
    grid: Grid,
    channels: int,
    crc32: int,
    dtype: np.dtype[np.generic] | type[np.generic] = np.float32,
) -> None:
    """Read a file back, in little memory, and compare it with what was written.

    Every byte counts: some bits of a deflate stream can change without a reader's noticing, and
    another reader may mind.

    Args:
        path: The file.
        grid: Where its voxels have to lie.
        channels: How many numbers each voxel has to have.
        crc32: `MetaImageWriter.crc32` of the writer that wrote it.
        dtype: Type of the numbers.

    Raises:
        OutputError: The header does not say what it should, or a byte is missing, too many, or
            another one.
    """
    try:
        header = read_metaimage_header(path)
        found = (header.dtype, header.channels, header.compressed, header.big_endian)
        expected = (np.dtype(dtype), channels, True, False)
        if found != expected or not header.grid.agrees_with(grid, SAME_GRID_VOXEL):
            raise _not_as_written(path, "its header differs")
        with open_regular(path) as file:
            header_bytes = file.read(header.data_offset)
            checksum = 0
            while piece := file.read(PIECE_BYTES):
                checksum = isal_zlib.crc32(piece, checksum)
    except InputError as error:
        raise _not_as_written(path, error.what) from error
    except OSError as error:
        raise _not_as_written(path, str(error.strerror or error)) from error
    if isal_zlib.crc32(header_bytes, checksum) != crc32:
        raise _not_as_written(path, "its bytes differ")


def _header_text(grid: Grid, channels: int, dtype: np.dtype[np.generic]) -> str:
    names = {kind: name for name, kind in reversed(ELEMENT_TYPES.items())}
    if dtype not in names:
        raise OutputError("MetaImage cannot store this type of voxels", found=dtype)
    values = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        _SIZE_KEY.removesuffix(" = "): " " * _SIZE_WIDTH,
        "TransformMatrix": _numbers(lps_axes(grid)),
        "Offset": _numbers(grid.affine_lps[:3, 3]),
        "CenterOfRotation": "0 0 0",
        # MetaImage names the side that an axis comes from, `Grid` the side that it goes to.
        "AnatomicalOrientation": grid.orientation.translate(_FROM_TO),
        "ElementSpacing": _numbers(np.array(grid.spacing_mm)),
        "DimSize": " ".join(str(n) for n in grid.shape),
        "ElementNumberOfChannels": str(channels),
        "ElementType": names[dtype],
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def _numbers(values: NDArray[np.float64]) -> str:
    """All digits that float64 has; adding 0 turns −0 into 0."""
    return " ".join(repr(float(v) + 0.0).removesuffix(".0") for v in values.reshape(-1))


def _not_as_written(path: Path, found: str) -> OutputError:
    return OutputError(
        "the file did not read back as it was written",
        where=path,
        found=found,
        remedy="check the disk, then run again",
    )


@contextmanager
def _os_errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL_DISK
        raise OutputError(
            "the file could not be written",
            where=path,
            found=error.strerror or error,
            remedy="free some space and run again" if full else "check the folder and the disk",
        ) from error

"""The stored values of a DICOM file's images, hashed while they are read, one image at a time.

Only the bits that the header names count: what lies above them (an overlay in old files) is no part
of the value (PS3.5, 8.1.1). Compressed pixels go through pydicom's decoders; which bits they leave
behind is treated alike.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError
from carotid.storage.checksums import HashingFile
from carotid.storage.dicom.syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_FAMILY,
    RLE,
)
from carotid.storage.regular_file import open_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carotid.storage.dicom.header import Header

_PLAIN = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_BITS_IN_STREAM = {f"{JPEG_FAMILY}{number}" for number in (90, 91, 201, 202, 203)}
"""JPEG 2000 and HTJ2K, which state it themselves: where they have more than the header says, it
cannot be told which of the two is wrong."""

_SAFE_DECODER = {RLE: "pydicom"}
"""RLE: pylibjpeg's decoder panics on a broken stream, which is no `Exception` and writes to
standard error; pydicom's own is slower (4 to 10 ms instead of 1 ms for 720x100) and raises."""


@contextmanager
def opened_pixels(header: Header) -> Iterator[HashingFile]:
    """A file whose header was read before, opened again and standing at its pixels.

    Raises:
        InputError: It was changed since.
    """
    file = HashingFile(open_unchanged(header.path, header.stamp))
    try:
        file.read(header.pixels.begin)
        yield file
    finally:
        file.close()


def stored_values(header: Header, file: HashingFile, overfull: list[str]) -> Iterator[NDArray[Any]]:
    """The stored values of each frame in turn, (rows, columns), in this machine's byte order.

    Args:
        header: What the file says.
        file: It, open at its pixels.
        overfull: Gets the file's name for each frame with bits that are no part of its values.

    Raises:
        InputError: The pixels do not decode, or not to what the header promises.
    """
    frames = _plain(header, file) if header.transfer_syntax in _PLAIN else _decoded(header, file)
    for frame in frames:
        if frame.shape != header.shape:
            raise InputError(
                "the decoded image has another size than the header says",
                where=header.path,
                found=frame.shape,
                expected=header.shape,
            )
        stored = frame.astype(header.stored_dtype, copy=False)
        values = _value_bits(stored, header)
        if values is not stored and not np.array_equal(values, stored):
            overfull.append(header.name)
        yield values


def _plain(header: Header, file: HashingFile) -> Iterator[NDArray[Any]]:
    dtype = header.stored_dtype.newbyteorder("<")
    rows, columns = header.shape
    for _ in range(header.frames):
        data = file.read(rows * columns * dtype.itemsize)
        yield np.frombuffer(data, dtype).reshape(rows, columns)


def _decoded(header: Header, file: HashingFile) -> Iterator[NDArray[Any]]:
    """Whatever is not stored plainly, from all the pixels of the file."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    rows, columns = header.shape
    frames = get_decoder(UID(header.transfer_syntax)).iter_array(
        file.read(header.pixels.length),
        raw=True,
        decoding_plugin=_SAFE_DECODER.get(header.transfer_syntax, ""),
        rows=rows,
        columns=columns,
        number_of_frames=header.frames,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=header.room_bits,
        bits_stored=header.value_bits,
        pixel_representation=int(header.dataset.get("PixelRepresentation") or 0),
        pixel_keyword="PixelData",
        pixel_vr=header.pixels.vr,
        correct_unused_bits=header.transfer_syntax
        in _BITS_IN_STREAM,  # the others are seen to here
    )
    for values, _ in islice(frames, header.frames):
        yield values


def _value_bits(frame: NDArray[Any], header: Header) -> NDArray[Any]:
    """The bits of each value alone, its sign included."""
    others = header.room_bits - header.value_bits
    if others == 0:
        return frame
    values = (frame << others) >> others
    if header.transfer_syntax in _BITS_IN_STREAM and not np.array_equal(values, frame):
        raise InputError(
            "the pixels have more bits than the header says",
            where=header.path,
            found=f"values from {frame.min()} to {frame.max()}",
            expected=f"{header.value_bits} bits (BitsStored)",
            remedy="export the series again, uncompressed",
        )
    return values

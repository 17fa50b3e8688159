"""What a MetaImage file (`.mha`, or `.mhd` with a data file) states about itself, checked.

Everything that can be known without reading voxels is checked here, before anything is allocated:
the geometry, the type, and whether the file can hold the voxels that it claims to have. MetaImage
states positions in L-P-S millimetres; `MetaImageHeader.grid` is R-A-S as everywhere in the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError
from carotid.foreign import HEAD_BYTES, METAIMAGE, ZEROS, recognised
from carotid.geometry.grid import MAX_SPACING_MM, MIN_SPACING_MM, Grid
from carotid.storage.byte_stream import MAX_DEFLATE_RATIO
from carotid.storage.metaimage.data_file import data_file, stamp_of_data
from carotid.storage.metaimage.fields import (
    LAST_KEY,
    MAX_HEADER_BYTES,
    boolean_of,
    integers_of,
    numbers_of,
    parse_fields,
    text_of,
)
from carotid.storage.regular_file import Stamp, open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ELEMENT_TYPES: dict[str, np.dtype[np.generic]] = {
    "MET_CHAR": np.dtype(np.int8),
    "MET_UCHAR": np.dtype(np.uint8),
    "MET_SHORT": np.dtype(np.int16),
    "MET_USHORT": np.dtype(np.uint16),
    "MET_INT": np.dtype(np.int32),
    "MET_UINT": np.dtype(np.uint32),
    "MET_LONG_LONG": np.dtype(np.int64),
    "MET_ULONG_LONG": np.dtype(np.uint64),
    "MET_FLOAT": np.dtype(np.float32),
    "MET_DOUBLE": np.dtype(np.float64),
    # The format fixes these two at four bytes; nobody writes them, some files have them.
    "MET_LONG": np.dtype(np.int32),
    "MET_ULONG": np.dtype(np.uint32),
}

MAX_CHANNELS = 1024
MAX_OFFSET_MM = 1e6
UNIT_TOLERANCE = 1e-3
"""Most that the length of a direction vector may differ from 1 (headers round their decimals)."""

MAX_DIMENSIONS = 10
"""Most axes that the format knows."""

_IDENTITY = "1 0 0 0 1 0 0 0 1"
_MILLIMETRES = ("mm", "?")
"""What `DistanceUnits` may say; without it, lengths are in millimetres."""

_COPY_AGAIN = "copy the file again from where it came from"


@dataclass(frozen=True, eq=False)
class MetaImageHeader:
    """The checked header of a MetaImage file.

    Attributes:
        path: The file that holds the header.
        grid: Where the voxels lie; index axis 0 is the file's fastest one.
        dtype: Type of one stored number, in this machine's byte order.
        big_endian: Whether the stored numbers have their high byte first.
        channels: How many numbers one voxel has.
        compressed: Whether the voxels are one zlib stream.
        data_path: The file that holds the voxels, often `path` itself.
        data_offset: Where in that file they begin, in bytes.
        data_stamp: What that file looked like when the header was read.
    """

    path: Path
    grid: Grid
    dtype: np.dtype[np.generic]
    big_endian: bool
    channels: int
    compressed: bool
    data_path: Path
    data_offset: int
    data_stamp: Stamp

    @property
    def voxel_bytes(self) -> int:
        """Size in bytes of all voxels, unpacked."""
        return math.prod(self.grid.shape) * self.channels * self.dtype.itemsize


def read_metaimage_header(path: Path) -> MetaImageHeader:
    """Read and check the header of a MetaImage file; the voxels are not read.

    Args:
        path: A `.mha` or `.mhd` file.

    Raises:
        InputError: The file is not a readable MetaImage of one three-dimensional volume, or the
            file with the voxels has another size than the header says.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            head = file.read(MAX_HEADER_BYTES)
            fields, data_start = _fields(head)
            stamp = Stamp.of(file)
        _check_kind(fields)
        name = text_of(fields, LAST_KEY)
        local = name.upper() == "LOCAL"
        data_path = path if local else data_file(path, name)
        header = MetaImageHeader(
            path=path,
            grid=_grid(fields),
            dtype=_element_type(fields),
            big_endian=boolean_of(fields, "BinaryDataByteOrderMSB", default=False),
            channels=_channels(fields),
            compressed=boolean_of(fields, "CompressedData", default=False),
            data_path=data_path,
            data_offset=data_start if local else 0,
            data_stamp=stamp if local else stamp_of_data(data_path),
        )
        return _with_data_found(header, fields)
    except InputError as error:
        raise error.at(path) from error


def _fields(head: bytes) -> tuple[dict[str, str], int]:
    """The header's lines and their length; what a file is instead if it has none."""
    try:
        return parse_fields(head)
    except InputError as error:
        foreign = recognised(head[:HEAD_BYTES])
        if foreign is None or foreign.what == METAIMAGE:
            raise
        raise foreign.error("a MetaImage") from error


def _check_kind(fields: Mapping[str, str]) -> None:
    kind = fields.get("ObjectType", "Image")
    if kind.lower() != "image":
        raise InputError("this MetaImage file is no image", found=f"ObjectType '{kind[:40]}'")
    if not boolean_of(fields, "BinaryData", default=True):
        raise InputError("the voxels are stored as text", remedy="save the volume in binary form")
    units = fields.get("DistanceUnits", "mm")
    if units.lower() not in _MILLIMETRES:
        raise InputError(
            "the header does not measure in millimetres",
            found=f"DistanceUnits = {units[:20]}",
            expected="mm",
            remedy="write spacing and offset in mm, and DistanceUnits = mm",
        )


def _grid(fields: Mapping[str, str]) -> Grid:
    """The grid, from DimSize, ElementSpacing, TransformMatrix and Offset.

    TransformMatrix lists unit vectors, one per index axis, in L-P-S. Further axes are dropped if
    their size is 1 and they are at right angles to the first three.
    """
    axes = _count_axes(fields)
    shape = integers_of(fields, "DimSize", axes)
    spacing = _spacing_mm(fields, axes)
    affine = np.eye(4)
    affine[:3, :3] = _directions(fields, axes).T * np.array(spacing)
    if "Offset" in fields:
        affine[:3, 3] = numbers_of(fields, "Offset", axes, limit=MAX_OFFSET_MM)[:3]
    return Grid.from_lps((shape[0], shape[1], shape[2]), affine)


def _count_axes(fields: Mapping[str, str]) -> int:
    (axes,) = integers_of(fields, "NDims", 1)
    sizes = text_of(fields, "DimSize").split()
    if axes == 3 or (3 < axes == len(sizes) <= MAX_DIMENSIONS and set(sizes[3:]) == {"1"}):
        return axes
    raise InputError(
        "this is not one three-dimensional volume",
        found=f"NDims = {axes}, DimSize = {fields['DimSize'][:60]}",
        expected="NDims = 3",
        remedy="save the one volume that is meant as a file of its own",
    )


def _directions(fields: Mapping[str, str], axes: int) -> NDArray[np.float64]:
    """(3, 3) unit vectors in L-P-S, row a for index axis a."""
    if "TransformMatrix" not in fields:
        raise InputError(
            "the header does not say which way the voxel axes point, so left and right are unknown",
            remedy=f"add 'TransformMatrix = {_IDENTITY}' if they grow to Left, Posterior, Superior",
        )
    matrix = np.array(numbers_of(fields, "TransformMatrix", axes * axes, limit=2.0))
    matrix = matrix.reshape(axes, axes)
    directions = matrix[:3, :3]
    lengths = np.linalg.norm(directions, axis=1)
    apart = not (matrix[:3, 3:].any() or matrix[3:, :3].any())
    if (np.abs(lengths - 1) > UNIT_TOLERANCE).any() or not apart:
        raise InputError(
            "the directions of the voxel axes are not unit vectors",
            found=f"TransformMatrix = {fields['TransformMatrix'][:120]}",
            remedy="correct the header",
        )
    return directions


def _spacing_mm(fields: Mapping[str, str], axes: int) -> tuple[float, ...]:
    key = "ElementSpacing" if "ElementSpacing" in fields else "ElementSize"
    if key not in fields:
        raise InputError(
            "the header does not say how far the voxels lie apart",
            remedy="add a line 'ElementSpacing = …' with the three distances in mm",
        )
    spacing = numbers_of(fields, key, axes, limit=math.inf)[:3]
    if not all(MIN_SPACING_MM <= s <= MAX_SPACING_MM for s in spacing):
        raise InputError(
            "the voxel spacing is not usable",
            found=f"{key} = {fields[key][:80]}",
            expected=f"{MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm along each axis",
            remedy="correct the header",
        )
    return spacing


def _element_type(fields: Mapping[str, str]) -> np.dtype[np.generic]:
    name = text_of(fields, "ElementType")
    if name not in ELEMENT_TYPES:
        raise InputError(
            "the type of the voxels is not known",
            found=f"ElementType = {name[:40]}",
            expected=f"one of {', '.join(ELEMENT_TYPES)}",
        )
    return ELEMENT_TYPES[name]


def _channels(fields: Mapping[str, str]) -> int:
    if "ElementNumberOfChannels" not in fields:
        return 1
    (channels,) = integers_of(fields, "ElementNumberOfChannels", 1)
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(
            "the number of channels is not usable",
            found=f"ElementNumberOfChannels = {channels}",
            expected="1 for a scan",
        )
    return channels


def _with_data_found(header: MetaImageHeader, fields: Mapping[str, str]) -> MetaImageHeader:
    """The header with its final `data_offset`, after comparing sizes claimed with sizes there."""
    available = header.data_stamp.size - header.data_offset
    skip = integers_of(fields, "HeaderSize", 1)[0] if "HeaderSize" in fields else 0
    if skip not in (0, -1) and (skip < 0 or header.data_path == header.path or header.compressed):
        raise InputError("HeaderSize in the header is not usable", found=skip, expected="0 or -1")
    if header.compressed:
        _check_deflated(header, fields, available)
        return header
    expected = header.voxel_bytes
    offset = header.data_offset + max(skip, 0)
    if skip == -1 and available >= expected:
        offset += available - expected
    found = available - (offset - header.data_offset)
    if found != expected:
        raise _stranger(header) or _wrong_size("the voxels", found, expected)
    return replace(header, data_offset=offset)


def _check_deflated(header: MetaImageHeader, fields: Mapping[str, str], available: int) -> None:
    if "CompressedDataSize" in fields:
        (stated,) = integers_of(fields, "CompressedDataSize", 1)
        if stated != available:
            raise _stranger(header) or _wrong_size("the compressed voxels", available, stated)
    if header.voxel_bytes > available * MAX_DEFLATE_RATIO:
        raise _stranger(header) or InputError(
            "the file is too short for the volume that its header claims",
            found=f"{available} bytes of compressed voxels",
            expected=f"{header.voxel_bytes} bytes when unpacked",
            remedy=_COPY_AGAIN,
        )


def _stranger(header: MetaImageHeader) -> InputError | None:
    """What a data file is instead, if it is evidently none: a pointer, or packed once more."""
    if header.data_path == header.path:
        return None
    with open_regular(header.data_path) as file:
        foreign = recognised(file.read(HEAD_BYTES))
    if foreign is None or foreign.what == ZEROS:
        return None
    return foreign.error("the voxels").at(header.data_path)


def _wrong_size(what: str, found: int, expected: int) -> InputError:
    return InputError(
        f"{what} are cut short" if found < expected else f"{what} are longer than the header says",
        found=f"{max(found, 0)} bytes",
        expected=f"{expected} bytes",
        remedy=_COPY_AGAIN if found < expected else "correct the header",
    )


def lps_axes(grid: Grid) -> NDArray[np.float64]:
    """(3, 3) unit vectors in L-P-S, row a for index axis a, as TransformMatrix lists them."""
    axes: NDArray[np.float64] = (grid.affine_lps[:3, :3] / np.array(grid.spacing_mm)).T
    return axes

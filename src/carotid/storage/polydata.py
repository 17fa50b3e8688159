"""Lines and surfaces as VTK's XML, `.vtp`: the only writer of that format.

Facts of the format, version 1.0 with 64-bit headers: numbers stand in the elements as base64 of
their count of bytes and the bytes, little-endian; lines and polygons are lists of point numbers
with the places where each one ends. Coordinates are L-P-S millimetres, and a field `SPACE` says so,
which 3D Slicer reads; other programs show them as they are.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

SUFFIX = ".vtp"

_LPS = np.array([-1.0, -1.0, 1.0])
_TYPES = {"f4": "Float32", "f8": "Float64", "i4": "Int32", "i8": "Int64"}


@dataclass(frozen=True, eq=False)
class PolyData:
    """Points with lines or polygons between them, and numbers at both.

    Attributes:
        points_mm: (n, 3) R-A-S mm.
        lines: The points of each line.
        polygons: (m, corners) the points of each polygon.
        point_data: (n,) numbers by name.
        cell_data: A number for each line, then for each polygon, by name.
    """

    points_mm: NDArray[np.float64]
    lines: tuple[NDArray[np.int64], ...] = ()
    polygons: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 3), np.int64))
    point_data: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    cell_data: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


def polydata_text(data: PolyData) -> str:
    """The content of a `.vtp` file."""
    return "\n".join(_elements(data)) + "\n"


def _elements(data: PolyData) -> Iterator[str]:
    yield '<?xml version="1.0"?>'
    yield ('<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">')
    yield "<PolyData>"
    yield "<FieldData>"
    yield '<Array type="String" Name="SPACE" NumberOfTuples="1" format="ascii">'
    yield " ".join(str(code) for code in (*b"LPS", 0))
    yield "</Array>"
    yield "</FieldData>"
    yield (
        f'<Piece NumberOfPoints="{len(data.points_mm)}" NumberOfVerts="0" '
        f'NumberOfLines="{len(data.lines)}" NumberOfStrips="0" '
        f'NumberOfPolys="{len(data.polygons)}">'
    )
    yield from _group("PointData", {k: _float(v) for k, v in data.point_data.items()})
    yield from _group("CellData", {k: v.astype("<i4") for k, v in data.cell_data.items()})
    yield from _group("Points", {"Points": (data.points_mm * _LPS).astype("<f8")})
    sizes = np.array([len(line) for line in data.lines], np.int64)
    ends = np.cumsum(sizes, dtype=np.int64)
    path = np.concatenate([np.empty(0, np.int64), *data.lines])
    yield from _group("Lines", {"connectivity": path, "offsets": ends})
    corners = data.polygons.shape[1]
    ends = corners * np.arange(1, len(data.polygons) + 1, dtype=np.int64)
    yield from _group("Polys", {"connectivity": data.polygons.reshape(-1), "offsets": ends})
    yield "</Piece>"
    yield "</PolyData>"
    yield "</VTKFile>"


def _float(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype("<f4")


def _group(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> Iterator[str]:
    yield f"<{name}>"
    for key, values in arrays.items():
        parts = f' NumberOfComponents="{values.shape[1]}"' if values.ndim == 2 else ""
        kind = _TYPES[values.dtype.str[1:]]
        yield f'<DataArray type="{kind}" Name={quoteattr(key)}{parts} format="binary">'
        content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        size = np.array([len(content)], "<u8").tobytes()
        yield b64encode(size + content).decode()
        yield "</DataArray>"
    yield f"</{name}>"

"""A second reader of `.vtp`, by the format's own rules; where VTK is there it has to agree."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TYPES = {"Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8"}


@dataclass(frozen=True, eq=False)
class Read:
    """What a file holds."""

    points_mm: NDArray[np.float64]
    lines: list[NDArray[np.int64]]
    polygons: list[NDArray[np.int64]]
    point_data: dict[str, NDArray[np.float64]]
    cell_data: dict[str, NDArray[np.float64]]


def read_polydata(path: Path) -> Read:
    """A file's content; points in R-A-S mm."""
    root = ET.parse(path).getroot()
    assert root.get("type") == "PolyData"
    assert root.get("header_type") == "UInt64"
    piece = root.find("PolyData/Piece")
    assert piece is not None
    space = root.find("PolyData/FieldData/Array[@Name='SPACE']")
    assert space is not None
    assert bytes(int(n) for n in (space.text or "").split()) == b"LPS\0"
    (points,) = _arrays(piece, "Points").values()
    lines, polygons = (_cells(_arrays(piece, name)) for name in ("Lines", "Polys"))
    return Read(
        points.reshape(-1, 3) * [-1, -1, 1],
        lines,
        polygons,
        _arrays(piece, "PointData"),
        _arrays(piece, "CellData"),
    )


def _arrays(piece: ET.Element, name: str) -> dict[str, NDArray[np.float64]]:
    found = {}
    for one in piece.findall(f"{name}/DataArray"):
        content = base64.b64decode((one.text or "").strip())
        size = int(np.frombuffer(content[:8], "<u8")[0])
        assert size == len(content) - 8
        found[str(one.get("Name"))] = np.frombuffer(content[8:], TYPES[str(one.get("type"))])
    return found


def _cells(arrays: dict[str, NDArray[np.float64]]) -> list[NDArray[np.int64]]:
    path = arrays["connectivity"].astype(np.int64)
    return np.split(path, arrays["offsets"].astype(np.int64)[:-1]) if len(path) else []

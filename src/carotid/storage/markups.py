"""Markups of 3D Slicer: points and curves as `.mrk.json`, the only reader and writer.

Facts of the format, schema 1.0.3: an object with `@schema` and `markups`, a list. Each markup has a
`type` (`Fiducial`, `Curve`, `ClosedCurve`, …), a `coordinateSystem`, which is LPS where it is not
written, `coordinateUnits`, mm where it is not written, and `controlPoints`; each of these a
`position` and a `positionStatus`, without which some versions hide it. Slicer saves every markup in
a file of its own, under the markup's name.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/"
    "Resources/Schema/markups-schema-v1.0.3.json#"
)
SUFFIX = ".mrk.json"

Kind = Literal["Fiducial", "Curve", "ClosedCurve"]

MAX_BYTES = 64 << 20
_LPS = np.array([-1.0, -1.0, 1.0])
_REMEDY = "save the markup in 3D Slicer as .mrk.json"


@dataclass(frozen=True, eq=False)
class Markup:
    """Named points in the patient.

    Attributes:
        name: The markup's name; "" where it has none.
        kind: What the points are.
        points_mm: (n, 3) R-A-S mm, those alone that have a position.
        labels: (n,) names of the points.
        color: Red, green and blue, 0 to 1.
    """

    name: str
    kind: Kind
    points_mm: NDArray[np.float64]
    labels: tuple[str, ...]
    color: tuple[float, float, float] = (1.0, 0.5, 0.5)


def markups_text(markups: Sequence[Markup]) -> str:
    """Markups as the text of one file."""
    content = {"@schema": SCHEMA, "markups": [_as_json(one) for one in markups]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _as_json(markup: Markup) -> dict[str, Any]:
    count = len(markup.points_mm)
    return {
        "type": markup.kind,
        "name": markup.name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": False,
        "fixedNumberOfControlPoints": False,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": count,
        "controlPoints": [
            {
                "id": str(k + 1),
                "label": label,
                "description": "",
                "associatedNodeID": "",
                "position": [round(float(v), 4) for v in point * _LPS],
                "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined",
            }
            for k, (point, label) in enumerate(zip(markup.points_mm, markup.labels, strict=True))
        ],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "color": list(markup.color),
            "selectedColor": list(markup.color),
            "propertiesLabelVisibility": False,
            "pointLabelsVisibility": markup.kind == "Fiducial",
            "textScale": 3.0,
            "glyphType": "Sphere3D",
            "glyphScale": 1.0,
            "glyphSize": 1.0,
            "useGlyphScale": False,
            "sliceProjection": False,
        },
    }


def read_markups(path: Path) -> list[Markup]:
    """Read a file of markups, as Slicer or this package wrote it.

    Markups of other kinds, such as planes and angles, are passed over.

    Raises:
        InputError: It cannot be read, or is not such a file.
    """
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError("the markups are too large", where=path, expected="at most 64 MB")
    try:
        found = json.loads(content)["markups"]
        of_use = [one for one in found if one["type"] in get_args(Kind)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_markups(path) from error
    return [_markup(path, one) for one in of_use]


def _no_markups(path: Path) -> InputError:
    return InputError("this is not a Slicer markups file", where=path, remedy=_REMEDY)


def _markup(path: Path, one: dict[str, Any]) -> Markup:
    system = one.get("coordinateSystem", "LPS")
    if system not in ("LPS", "RAS"):
        raise InputError(
            "the markups' coordinate system is unknown",
            where=path,
            found=repr(system),
            expected="LPS or RAS",
            remedy=_REMEDY,
        )
    unit = one.get("coordinateUnits", "mm")
    if unit not in ("mm", ["mm", "mm", "mm"]):
        raise InputError(
            "the markups are not in millimetres", where=path, found=repr(unit), remedy=_REMEDY
        )
    points = one.get("controlPoints", [])
    if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
        raise _no_markups(path)
    placed = [p for p in points if p.get("positionStatus", "defined") == "defined"]
    positions = np.array([_position(path, point) for point in placed], np.float64).reshape(-1, 3)
    return Markup(
        str(one.get("name", "")),
        one["type"],
        positions * _LPS if system == "LPS" else positions,
        tuple(str(point.get("label", "")) for point in placed),
    )


def _position(path: Path, point: dict[str, Any]) -> list[float]:
    position = point.get("position")
    if not isinstance(position, list):
        raise InputError("a point of the markups has no position", where=path, remedy=_REMEDY)
    if len(position) != 3:
        some = counted(len(position), "coordinate")
        raise InputError(f"a point has {some}", where=path, expected="3", remedy=_REMEDY)
    numbers = (isinstance(v, int | float) and math.isfinite(v) for v in position)
    if not all(numbers):
        raise InputError(
            "a point of the markups has no finite position", where=path, found=position
        )
    return position

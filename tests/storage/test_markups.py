from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.storage.markups import Markup, markups_text, read_markups

if TYPE_CHECKING:
    from pathlib import Path

POINTS = np.array([[12.5, -3.25, 40.0], [13.0, -2.0, 41.5], [11.0, -1.0, 42.0]])


def as_slicer_saves(**more: Any) -> str:
    """What Slicer 5 writes, without what does not matter here."""
    point: dict[str, Any] = {"id": "1", "label": "L-1", "position": [-12.5, 3.25, 40.0]}
    point["positionStatus"] = "defined"
    unplaced = {"id": "2", "label": "L-2", "position": [0, 0, 0], "positionStatus": "undefined"}
    markup = {"type": "Fiducial", "name": "L", "controlPoints": [point, unplaced], **more}
    plane = {"type": "Plane", "coordinateSystem": "LPS", "controlPoints": []}
    return json.dumps({"@schema": "…/markups-schema-v1.0.3.json#", "markups": [plane, markup]})


def test_markups_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mrk.json"
    wrote = [
        Markup("left lumen", "ClosedCurve", POINTS, ("a", "b", "c")),
        Markup("F", "Fiducial", POINTS[:1], ("left bifurcation",)),
    ]
    path.write_text(markups_text(wrote))
    read = read_markups(path)
    assert [(one.name, one.kind, one.labels) for one in read] == [
        (one.name, one.kind, one.labels) for one in wrote
    ]
    np.testing.assert_allclose(read[0].points_mm, POINTS)


def test_what_slicer_needs_is_written() -> None:
    content = json.loads(markups_text([Markup("c", "ClosedCurve", POINTS, ("", "", ""))]))
    assert content["@schema"].endswith("markups-schema-v1.0.3.json#")
    (markup,) = content["markups"]
    assert (markup["coordinateSystem"], markup["coordinateUnits"]) == ("LPS", "mm")
    first = markup["controlPoints"][0]
    assert first["position"] == [-12.5, 3.25, 40.0]
    assert {point["positionStatus"] for point in markup["controlPoints"]} == {"defined"}
    assert len({point["id"] for point in markup["controlPoints"]}) == 3


NUMBERS, WORD, SWITCH = (float, int), (str,), (bool,)
SCHEMA: dict[str, dict[str, tuple[type, ...]]] = {
    "markup": {
        **dict.fromkeys(("type", "name", "coordinateSystem", "coordinateUnits"), WORD),
        **dict.fromkeys(("locked", "fixedNumberOfControlPoints"), SWITCH),
        "labelFormat": WORD,
        "lastUsedControlPointNumber": (int,),
        "controlPoints": (list,),
        "display": (dict,),
    },
    "point": {
        **dict.fromkeys(("id", "label", "description", "associatedNodeID"), WORD),
        **dict.fromkeys(("position", "orientation"), (list,)),
        **dict.fromkeys(("selected", "locked", "visibility"), SWITCH),
        "positionStatus": WORD,
    },
    "display": {
        **dict.fromkeys(("visibility", "propertiesLabelVisibility"), SWITCH),
        **dict.fromkeys(("pointLabelsVisibility", "useGlyphScale", "sliceProjection"), SWITCH),
        **dict.fromkeys(("opacity", "textScale", "glyphScale", "glyphSize"), NUMBERS),
        **dict.fromkeys(("color", "selectedColor"), (list,)),
        "glyphType": WORD,
    },
}
"""Keys that are written, and the types that Slicer's schema 1.0.3 gives them."""


def assert_types(found: dict[str, Any], kind: str) -> None:
    for key, value in found.items():
        wanted = SCHEMA[kind][key]
        assert isinstance(value, wanted), key
        assert isinstance(value, bool) == (wanted == SWITCH), key


@pytest.mark.parametrize("kind", ["Fiducial", "Curve", "ClosedCurve"])
def test_keys_and_types_are_those_of_the_schema(kind: Any) -> None:
    content = json.loads(markups_text([Markup("c", kind, POINTS, ("a", "", ""))]))
    (markup,) = content["markups"]
    assert_types(markup, "markup")
    assert_types(markup["display"], "display")
    assert markup["type"] in ("Fiducial", "Line", "Angle", "Curve", "ClosedCurve", "Plane", "ROI")
    assert all(0 <= part <= 1 for part in markup["display"]["color"])
    for point in markup["controlPoints"]:
        assert_types(point, "point")
        assert (len(point["position"]), len(point["orientation"])) == (3, 9)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [12.5, -3.25, 40]),
        ({"coordinateSystem": "LPS"}, [12.5, -3.25, 40]),
        ({"coordinateSystem": "RAS"}, [-12.5, 3.25, 40]),
        ({"coordinateUnits": ["mm", "mm", "mm"]}, [12.5, -3.25, 40]),
    ],
)
def test_without_a_coordinate_system_it_is_lps(
    more: dict[str, Any], expected: list[float], tmp_path: Path
) -> None:
    path = tmp_path / "L.mrk.json"
    path.write_text(as_slicer_saves(**more))
    (markup,) = read_markups(path)  # the plane and the point without a position are passed over
    np.testing.assert_allclose(markup.points_mm, [expected])


def with_points(points: list[Any]) -> str:
    return json.dumps({"markups": [{"type": "ClosedCurve", "controlPoints": points}]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a Slicer markups file"),
        ("[]", "not a Slicer markups file"),
        ('{"masks": []}', "not a Slicer markups file"),
        ('{"markups": 3}', "not a Slicer markups file"),
        ('{"markups": [{}]}', "not a Slicer markups file"),
        (with_points([3]), "not a Slicer markups file"),
        (with_points([{"position": [1, 2]}]), "a point has 2 coordinates .expected 3"),
        (with_points([{"position": [1, 2, "3"]}]), "no finite position"),
        (with_points([{"position": [1, 2, float("nan")]}]), "no finite position"),
        (with_points([{}]), "no position"),
        (as_slicer_saves(coordinateSystem="HFS"), "coordinate system"),
        (as_slicer_saves(coordinateUnits="voxel"), "not in millimetres"),
    ],
)
def test_other_files_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mrk.json"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"x\.mrk\.json: .*{message}") as caught:
        read_markups(path)
    assert "Error" not in str(caught.value), "nothing of Python's"

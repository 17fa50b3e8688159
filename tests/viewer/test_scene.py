"""What the page of a participant holds: rings, thickness on them, pictures, numbers."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.figures.arteries import PLAQUE_MM, measured, neck, scan

from carotid.errors import UsageError
from carotid.stages.measurement.measure import measure
from carotid.viewer import page
from carotid.viewer.scene import Seen, notes_of, scene_of
from carotid.viewer.tiles import COLUMNS, HALF_MM, PIXELS, tiles_around
from carotid.viewer.tubes import RING, rings_of, thickness_at
from carotid.viewer.view import View

if TYPE_CHECKING:
    from carotid.geometry.sides import SideName


def seen(order: str = "LPS") -> Seen:
    contours, centerlines = neck()
    return Seen("sub-01", measured(), contours, centerlines, scan(order))


def unpacked(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_every_artery_has_rings_numbers_and_jumps() -> None:
    scene = scene_of(seen())
    json.dumps(scene, allow_nan=False)
    names = [(one["side"], one["label"]) for one in scene["arteries"]]
    assert names == [(s, a) for s in ("right", "left") for a in ("internal", "external")]
    for one in scene["arteries"]:
        k = len(one["s"])
        for name in ("slice", "height", "la", "tva", "nwi", "mean", "max", "segment", "flags"):
            assert len(one[name]) == k
        assert len(one["joined"]) == k - 1
        assert unpacked(one["wall"]).shape == (k * RING * 2,)
        assert unpacked(one["thickness"]).shape == (k * RING,)
        for name in ("laSd", "tvaSd", "nwiSd", "meanSd", "maxSd"):
            assert one[name] == [None] * k, "true outlines have no spread"
        if one["label"] == "internal":
            assert one["maxDegrees"][one["jump"]["thickest"]] == pytest.approx(90, abs=15)
        assert one["max"][one["jump"]["thickest"]] == max(
            v for v, r in zip(one["max"], one["readable"], strict=True) if v and r == "yes"
        )
    assert [one["label"] for one in scene["centerlines"]].count("bifurcation") == 2


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_thickest_point_of_the_ring_is_lateral_and_where_the_wall_is(side: Any) -> None:
    scene = scene_of(seen())
    one = next(a for a in scene["arteries"] if a["side"] == side and a["label"] == "internal")
    row = one["jump"]["thickest"]
    wall = unpacked(one["wall"]).reshape(-1, RING, 2)[row]
    lumen = unpacked(one["lumen"]).reshape(-1, RING, 2)[row]
    thickness = unpacked(one["thickness"]).reshape(-1, RING)[row]
    best = int(np.nanargmax(thickness))
    assert thickness[best] == pytest.approx(1 + PLAQUE_MM, abs=0.15)
    outward = 1 if side == "right" else -1
    assert outward * (wall[best] - lumen.mean(axis=0))[0] > 3, "lateral"
    gap = np.linalg.norm(wall[best] - lumen, axis=1).min()
    assert gap == pytest.approx(thickness[best], abs=0.35), "the axial slice cuts it obliquely"


def test_rings_begin_in_front_and_run_the_same_way() -> None:
    contours, _ = neck()
    sections = [one for one in contours.left if one.label == "internal"][:30]
    spacing = contours.canonical.spacing_mm
    rings = rings_of([None, *(one.lumen for one in sections)], spacing)
    assert np.isnan(rings.points_mm[0]).all()
    spokes = (rings.points_mm - rings.middles_mm[:, None])[1:]
    assert (spokes[..., 1].argmax(axis=1) == 0).all()
    turn = np.unwrap(np.arctan2(spokes[..., 1], spokes[..., 0]), axis=1)
    assert (np.diff(turn, axis=1) > 0).all(), "counter-clockwise"
    steps = np.linalg.norm(np.diff(rings.points_mm[1:], axis=0), axis=2)
    assert steps.max() < 1.0, "neighbouring rings are not twisted"
    assert np.isnan(thickness_at(rings, np.ones((31, 36)), "left")[0]).all()
    turn = 2 * np.pi * np.arange(36) / 36
    sides: tuple[tuple[SideName, int], ...] = (("left", -1), ("right", 1))
    for side, outward in sides:
        lateral = thickness_at(rings, np.tile(np.sin(turn), (31, 1)), side)[1:]
        assert lateral == pytest.approx(
            outward * spokes[..., 0] / np.linalg.norm(spokes, axis=2), abs=0.02
        )


@pytest.mark.parametrize("order", ["RAS", "LPS", "PSR"])
def test_pictures_are_seen_from_the_feet(order: str) -> None:
    volume = scan(order)
    middle = np.array(volume.reoriented("RAS").grid.shape[:2]) / 2 * (0.6, 0.5)
    found = tiles_around(volume, np.tile(middle, (20, 1)), np.arange(20))
    assert found.count == 20
    image = Image.open(io.BytesIO(base64.b64decode(found.address.split(",")[1])))
    assert image.size == (COLUMNS * PIXELS, 2 * PIXELS)
    grey = np.asarray(image.convert("L"), np.float64)
    last = grey[PIXELS:, 3 * PIXELS : 4 * PIXELS]
    row = last[PIXELS // 2]
    assert row[:5].mean() > row[-5:].mean() + 20, "the patient's right is on the left"
    assert grey[PIXELS:, 4 * PIXELS :].max() < 20, "nothing beyond the last"
    assert HALF_MM == 14


def test_nothing_in_an_id_or_a_table_becomes_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "plotly_script", lambda: "/* {{scene}} */")
    contours, centerlines = neck()
    evil = "</script><img src=x onerror=alert(1)>{{plotly}}"
    text = page.page_of(Seen(evil, measured(), contours, centerlines, None))
    assert "<img" not in text
    assert text.count("</script>") == 3
    found = re.search(r'<script type="application/json" id="scene">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["id"] == evil
    assert "tiles" not in json.loads(found[1])["arteries"][0], "no scan, no pictures"
    framed = View("a", text)._repr_html_()
    assert framed.count("<") == 2
    assert framed.startswith('<iframe srcdoc="')


def test_without_plotly_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page.plotly_script.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(UsageError, match=r"carotid\[viewer\]"):
        page.plotly_script()


def test_what_a_page_lacks_is_said_on_it() -> None:
    whole = seen()
    assert notes_of(whole) == []
    right = replace(whole.contours, left=())
    lacking = replace(whole, measurements=measure(right, whole.centerlines), scan=None)
    assert notes_of(lacking) == [
        "Not shown, as nothing was measured there: left common and internal, left external.",
        "The scan is not there: slices show the outlines alone, on black.",
    ]
    assert notes_of(lacking)[1] in page.page_of(lacking)

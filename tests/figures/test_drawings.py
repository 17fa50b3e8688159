"""Figures as files: they are whole, say what they show, and stay the same."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from tests.figures.arteries import measured, neck, scan

from carotid.figures.draw_curve import draw_curve
from carotid.figures.draw_cuts import draw_cuts
from carotid.figures.draw_map import draw_map
from carotid.figures.style import encoded
from carotid.measurements import Measurements, MeasurementTable, SideMeasurements


def drawn(kind: str, title: str = "") -> object:
    if kind == "map":
        return draw_map(measured(), title)
    if kind == "curve":
        return draw_curve(measured(), title)
    return draw_cuts(measured(), neck()[0], scan("LPS"), title)


WORDS = {
    "map": ["thickness of the wall, mm", "right", "left", "common and internal", "lat", "med"],
    "curve": ["lumen", "outer outline", "bulb", "narrowest", "mm from the bifurcation"],
    "sections": ["right: narrowest", "left: thickest", "wall up to 2.", "mm²"],
}


@pytest.mark.parametrize("kind", WORDS)
def test_svg_says_what_it_shows_and_is_the_same_again(kind: str) -> None:
    figure = drawn(kind, "sub-01 & <others>")
    text = encoded(figure, "svg").decode()  # type: ignore[arg-type]
    root = ET.fromstring(text)
    said = " ".join("".join(one.itertext()) for one in root.iter() if one.tag.endswith("}text"))
    for words in [*WORDS[kind], "sub-01 & <others>"]:
        assert words in said
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", text), "nothing is fetched"
    assert encoded(drawn(kind, "sub-01 & <others>"), "svg").decode() == text  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", WORDS)
def test_png_is_as_large_as_asked_for(kind: str) -> None:
    image = Image.open(io.BytesIO(encoded(drawn(kind), "png", 100)))  # type: ignore[arg-type]
    assert image.width == 710
    assert len(image.convert("L").getcolors(256) or []) > 20


def test_without_arteries_there_is_no_figure() -> None:
    full = measured()
    nothing = MeasurementTable(
        full.left.slices.columns,
        {name: cells[:0] for name, cells in full.left.slices.cells.items()},
    )
    side = SideMeasurements(nothing, full.left.thickness_mm[:0])
    empty = Measurements(side, side, full.segments, full.plaques)
    assert draw_map(empty) is None
    assert draw_curve(empty) is None
    assert draw_cuts(empty, neck()[0], None) is None

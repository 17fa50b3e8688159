"""Figures as files: they are whole, say what they show, and stay the same."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from tests.figures.arteries import measured, neck, scan
from tests.stages.measurement.phantoms import centerlines_of

from carotid.errors import InputError
from carotid.figures.draw_curve import draw_curve
from carotid.figures.draw_cuts import draw_cuts
from carotid.figures.draw_map import draw_map
from carotid.figures.style import encoded, styled
from carotid.measurements import Measurements, MeasurementTable, SideMeasurements
from carotid.stages.measurement.measure import measure


def drawn(kind: str, title: str = "") -> object:
    if kind == "map":
        return draw_map(measured(), title)
    if kind == "curve":
        return draw_curve(measured(), title)
    return draw_cuts(measured(), neck()[0], scan("LPS"), title)


WORDS = {
    "map": [
        "thickness of the wall, mm",
        "bifurcation",
        "limits of the bulb",
        "right",
        "left",
        "common and internal",
        "lat",
        "med",
    ],
    "curve": [
        "lumen",
        "outer wall",
        "wall, between both",
        "bulb",
        "lumen of the external",
        "narrowest",
        "mm from the bifurcation",
    ],
    "sections": [
        "right: narrowest",
        "left: thickest",
        "wall up to 2.",
        "mm²",
        "outer wall",
        "mm from the bifurcation",
    ],
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


@pytest.mark.parametrize("title", ["", "sub-01", "a-very_long-$id$-of_an_archive_" * 6])
@pytest.mark.parametrize("kind", WORDS)
def test_nothing_is_cut_off_and_no_words_cross(kind: str, title: str) -> None:
    figure: Any = drawn(kind, title)
    with styled():
        figure.draw_without_rendering()
        found = [*figure.texts, *(one for key in figure.legends for one in key.get_texts())]
        for axes in figure.axes:
            found += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        boxes = {
            (one.get_text(), k): one.get_window_extent()
            for k, one in enumerate(found)
            if one.get_text()
        }
    whole = figure.bbox
    for (words, _), box in boxes.items():
        assert whole.x0 <= box.x0, words
        assert box.x1 <= whole.x1, words
        assert whole.y0 <= box.y0, words
        assert box.y1 <= whole.y1, words
    for one, other in combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), (one, other)


def test_bands_are_in_the_legend_where_there_are_some() -> None:
    whole = measured()
    assert "95 % of the stated spread" not in legend_of(draw_curve(whole))
    spread = np.full(len(whole.left.slices), 3.0)
    cells = {**whole.left.slices.cells, "la_sd_mm2": spread, "tva_sd_mm2": spread}
    left = replace(whole.left, slices=replace(whole.left.slices, cells=cells))
    assert "95 % of the stated spread" in legend_of(draw_curve(replace(whole, left=left)))


def legend_of(figure: Any) -> list[str]:
    return [one.get_text() for one in figure.legends[0].get_texts()]


def test_sections_say_where_right_and_anterior_are() -> None:
    figure: Any = drawn("sections")
    for axes in figure.axes:
        letters = {one.get_text(): one.get_position() for one in axes.texts}
        assert letters["R"][0] < -0.9 * axes.get_xlim()[1]
        assert letters["A"][1] > 0.85 * axes.get_ylim()[1]
    assert legend_of(figure) == ["outer wall", "lumen"]


def test_the_external_map_names_its_sides() -> None:
    figure: Any = drawn("map")
    external = next(one for one in figure.axes if "external" in one.get_title())
    ticks = [one.get_text() for one in external.get_xticklabels()]
    assert {"lat", "ant", "med"} <= set(ticks)


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


@pytest.mark.parametrize("draw", [draw_map, draw_curve])
def test_an_artery_that_does_not_count_from_the_bifurcation_says_so(draw: Any) -> None:
    """Both sides share an axis."""
    contours, lines = neck()
    only = [one for one in contours.left if one.label == "internal"]
    nothing = replace(centerlines_of({}, contours.canonical).left, bifurcation=None)
    found = measure(replace(contours, left=tuple(only)), replace(lines, left=nothing))
    for made, count in ((found, 1), (measured(), 0)):
        figure: Any = draw(made)
        said = [one.get_text() for one in figure.findobj(Text)]
        assert sum("from its lower end" in one for one in said) == count


def test_letters_that_a_png_cannot_show_are_told_in_one_line(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    figure: Any = draw_curve(measured(), "\u60a3\u8005 1")
    assert "\u60a3\u8005 1" in encoded(figure, "svg").decode()
    assert not caplog.records
    encoded(figure, "png", dpi=50)
    (told,) = caplog.messages
    assert told.startswith("a png has boxes in place of letters that the font lacks")
    assert not recwarn.list


def test_outlines_that_went_since_they_were_measured_are_told() -> None:
    contours = replace(neck()[0], left=(), right=())
    with pytest.raises(InputError, match=r"lack a slice that was measured.*measurements again"):
        draw_cuts(measured(), contours, None)

"""One palette for figures and page: its colors can be told from their ground and each other."""

from __future__ import annotations

import re
from dataclasses import astuple
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.figures.palette import ON_DARK, ON_SCAN, ON_WHITE, Palette, css_colors
from carotid.report.rendering import asset

if TYPE_CHECKING:
    from numpy.typing import NDArray


def linear(color: str) -> NDArray[np.float64]:
    """Red, green and blue as amounts of light."""
    share = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    bright = ((share + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(share > 0.04045, bright, share / 12.92), np.float64)


def contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines define it."""
    light, dark = sorted((linear(c) @ (0.2126, 0.7152, 0.0722) for c in (one, other)), reverse=True)
    return float((light + 0.05) / (dark + 0.05))


@pytest.mark.parametrize(
    ("palette", "ground"), [(ON_WHITE, "#ffffff"), (ON_DARK, "#161a20"), (ON_SCAN, "#000000")]
)
def test_colors_can_be_told_from_their_ground_and_each_other(palette: Palette, ground: str) -> None:
    for color in astuple(palette):
        assert contrast(color, ground) > 4.5
    for one, other in combinations(astuple(palette), 2):
        assert np.abs(linear(one) - linear(other)).max() > 0.15


def test_the_page_knows_every_color_that_it_uses() -> None:
    style = css_colors() + asset("page.css")
    defined = set(re.findall(r"(--[\w-]+):", style))
    used = set(re.findall(r"var\((--[\w-]+)\)", style))
    assert {"--lumen", "--outer", "--external", "--scan-outer"} <= used <= defined
    for color in {*astuple(ON_WHITE)[:1], *astuple(ON_SCAN)}:
        assert color not in asset("page.css"), "the palette has it"

"""The page: our template, style and script, plotly's script, and a participant's data, in one."""

from __future__ import annotations

import html
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError
from carotid.figures.palette import css_colors
from carotid.viewer.scene import notes_of, scene_of

if TYPE_CHECKING:
    from carotid.viewer.scene import Seen

SCRIPTS = ("data.js", "space.js", "cut.js", "curve.js", "viewer.js")
"""One script in pieces; the last one starts it."""

COLOR_STOPS = 16
TOP_MM = 3.0
"""Thickness at the end of the colors, as in the figures."""


def page_of(seen: Seen) -> str:
    """A participant's page, which needs no network.

    Raises:
        UsageError: plotly is not installed.
    """
    scene = scene_of(seen) | {"colors": _colors(), "top": TOP_MM}
    parts = {
        "title": html.escape(seen.participant_id),
        "standing": seen.standing.as_html(),
        "notes": "".join(f'<p class="note">{html.escape(one)}</p>' for one in notes_of(seen)),
        "style": css_colors() + _file("viewer.css"),
        "plotly": plotly_script(),
        "script": _script(),
        "scene": json.dumps(scene, allow_nan=False, ensure_ascii=True).replace("<", "\\u003c"),
    }
    # Split at the places first: what is put in is never looked at again.
    pieces = _file("viewer.html").split("{{")
    text = [pieces[0]]
    for piece in pieces[1:]:
        name, rest = piece.split("}}", 1)
        text += [parts[name], rest]
    return "".join(text)


@cache
def plotly_script() -> str:
    """The script that plotly's package carries.

    Raises:
        UsageError: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UsageError(
            "the viewer needs plotly", remedy="install it: pip install 'carotid[viewer]'"
        ) from error
    script: str = get_plotlyjs()
    return script


def _file(name: str) -> str:
    return resources.files("carotid.viewer").joinpath(name).read_text("utf-8")


def _script() -> str:
    """Our script, whose names are its own."""
    return '(() => {\n"use strict";\n' + "\n".join(map(_file, SCRIPTS)) + "})();\n"


def _colors() -> list[Any]:
    """The colors of the figures' maps, as stops from 0 to 1."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    magma = colormaps["magma"]
    stops = [k / (COLOR_STOPS - 1) for k in range(COLOR_STOPS)]
    return [[stop, to_hex(magma(stop))] for stop in stops]

"""The colors of what is drawn: the same in figures, on the page, and in 3D.

The lumen is red, the outer wall amber. Where internal and external are told apart, the external's
lumen and course are green. Marks and sliders have a color of their own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Palette:
    """Colors that can be seen on one kind of ground, as `#rrggbb`.

    Attributes:
        lumen: Also of the internal carotid as a whole.
        outer: The outer wall, of every artery.
        external: The external carotid's lumen and course.
        accent: What is none of these: links, sliders, known centers.
    """

    lumen: str
    outer: str
    external: str
    accent: str


ON_WHITE = Palette(lumen="#c81e1e", outer="#8a5a00", external="#0b7a3b", accent="#0a58ca")
ON_DARK = Palette(lumen="#ff7b72", outer="#ffd23f", external="#56d38a", accent="#79b4ff")
ON_SCAN = Palette(lumen="#ff5a4f", outer="#ffd23f", external="#4be07f", accent="#5ad1ff")


def css_colors() -> str:
    """The beginning of a style sheet.

    `--lumen` and the others are for a light or a dark page, as the reader's screen is set;
    `--scan-lumen` and the others for lines on a scan.
    """
    light = _variables(ON_WHITE) + _variables(ON_SCAN, "scan-")
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{_variables(ON_DARK)}}}}}\n"


def _variables(palette: Palette, prefix: str = "") -> str:
    return "".join(f"--{prefix}{name}:{color};" for name, color in asdict(palette).items())

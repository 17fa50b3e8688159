"""How figures look, and how they become files: the same numbers make the same bytes."""

from __future__ import annotations

import io
import logging
import re
import textwrap
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

Format = Literal["svg", "png"]

INK = "#1b1f24"
SOFT = "#57606a"
FIELD = "#f0f2f4"

WIDTH_INCHES = 7.1
"""Both columns of most journals."""

_TITLE_CHARACTERS = 80
"""As many fit in a line above a figure, wide ones too."""

_TITLE_INCHES = 0.18
"""Height of a further line of it."""

_MISSING = "Glyph .* missing from "
"""How matplotlib begins to say that it lacks a letter."""

_FONTS = "Arial, Helvetica, 'DejaVu Sans', sans-serif"
_SETTINGS: Any = {
    "svg.hashsalt": "carotid",
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 7.5,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.color": SOFT,
    "hatch.linewidth": 0.4,
}


@contextmanager
def styled() -> Iterator[None]:
    """Figures that are made and written inside look alike."""
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        yield


def empty_figure(height_inches: float) -> Figure:
    """A figure as wide as a page, that fits its axes itself."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


def add_title(figure: Figure, title: str) -> None:
    """Write a title above a figure as it is, in as many lines as it takes."""
    if title:
        lines = textwrap.wrap(title, _TITLE_CHARACTERS, break_on_hyphens=False)
        figure.set_figheight(figure.get_figheight() + _TITLE_INCHES * (len(lines) - 1))
        figure.suptitle("\n".join(lines), fontsize=9, parse_math=False)


def key_of(panels: Iterable[Axes]) -> dict[str, Any]:
    """What is drawn, by its words, each once: the handles of a figure's legend."""
    found: dict[str, Any] = {}
    for axes in panels:
        found |= {words: one for one, words in zip(*axes.get_legend_handles_labels(), strict=True)}
    return found


def encoded(figure: Figure, file_format: Format, dpi: float = 300, description: str = "") -> bytes:
    """A figure as a file for a paper.

    Args:
        figure: The figure.
        file_format: svg, with text as text; png, on white.
        dpi: Of a png, and of images within an svg.
        description: Written into the file, not into the picture.
    """
    if file_format == "svg":
        return _svg(figure, dpi, description).encode()
    buffer = io.BytesIO()
    metadata = {"Software": None, "Description": description or None}
    with styled(), _missing_letters() as missing:
        figure.savefig(buffer, format="png", dpi=dpi, metadata=metadata)
    if missing:
        logger.warning(
            "a png has boxes in place of letters that the font lacks: save figures as svg, which "
            "keep them as text"
        )
    return buffer.getvalue()


@contextmanager
def _missing_letters() -> Iterator[list[warnings.WarningMessage]]:
    """What matplotlib warns of while it draws letters that its font lacks, kept from the screen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", _MISSING)
        yield caught
    for one in caught:
        if not re.match(_MISSING, str(one.message)):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    caught[:] = [one for one in caught if re.match(_MISSING, str(one.message))]


def _svg(figure: Figure, dpi: float, description: str) -> str:
    buffer = io.BytesIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with styled(), _missing_letters():  # text stays text, for whatever fonts a reader has
        figure.savefig(
            buffer, format="svg", dpi=dpi, metadata=metadata | {"Description": description or None}
        )
    text = buffer.getvalue().decode()
    text = _numbered_clips(text[text.index("<svg") :])
    return text.replace("'DejaVu Sans'", _FONTS)


def _numbered_clips(text: str) -> str:
    """Clip paths named in their order: matplotlib names some by where they lie in memory."""
    for number, name in enumerate(dict.fromkeys(re.findall(r'<clipPath id="(\w+)"', text))):
        text = text.replace(f'"{name}"', f'"clip{number}"').replace(f"#{name})", f"#clip{number})")
    return text

"""What pictures are until a template writes them down: an image, lines over it, words at it.

Nothing here is HTML. Lines are path data in millimetres of the picture, with names that the page's
style sheet knows; templates make elements of them, and escape what is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carotid.artifacts import LABELS
from carotid.report.drawing.lines import number

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Layer:
    """One path.

    Attributes:
        kind: Its classes in the style sheet.
        data: Path data.
    """

    kind: str
    data: str


@dataclass(frozen=True)
class Words:
    """Text in a drawing.

    Attributes:
        text: What it says.
        x, y: Where its anchor is.
        size: Height of the letters; 0 leaves it to the style sheet.
        anchor: start, middle or end.
        over_lines: Whether lines may run there: it has an edge of the ground's color then.
    """

    text: str
    x: float
    y: float
    size: float = 0.0
    anchor: str = "start"
    over_lines: bool = False


@dataclass(frozen=True)
class Picture:
    """An image in true proportion with lines over it.

    Attributes:
        image: A `data:` address.
        alt: For readers who cannot see it.
        kind: Its class in the style sheet.
        extent_mm: Width and height.
        px_per_mm: Scale on a wide page.
        layers: Lines over the image, in millimetres right and down from its upper left corner.
        words: Words over it.
        letters: Directions at its left, right, upper and lower border.
        caption: Below it.
        note: A short remark over it.
        below: Words in a strip below it, 14 pixels high.
    """

    image: str
    alt: str
    kind: str
    extent_mm: tuple[float, float]
    px_per_mm: float
    layers: tuple[Layer, ...] = ()
    words: tuple[Words, ...] = ()
    letters: str = ""
    caption: str = ""
    note: str = ""
    below: tuple[Words, ...] = ()

    @property
    def width_px(self) -> int:
        """Width on a wide page."""
        return max(1, round(self.extent_mm[0] * self.px_per_mm))

    @property
    def height_px(self) -> int:
        """Height on a wide page."""
        return max(1, round(self.extent_mm[1] * self.px_per_mm))

    @property
    def box(self) -> str:
        """The drawing's coordinates."""
        return f"0 0 {number(self.extent_mm[0])} {number(self.extent_mm[1])}"

    @property
    def borders(self) -> list[tuple[str, str]]:
        """Letter and place (l, r, t, b) of each direction."""
        return list(zip(self.letters, "lrtb", strict=False))

    def under(self, *layers: Layer) -> Picture:
        """The same with further lines on top."""
        return replace(self, layers=(*self.layers, *layers))


@dataclass(frozen=True)
class Chart:
    """Curves along a height that goes up the chart.

    Attributes:
        title: Above or below it.
        label: For readers who cannot see it.
        width, height, foot: Of the field in pixels, and of the strip of numbers below it.
        layers: Lines in pixels.
        words: Numbers at the axis and in the field.
    """

    title: str
    label: str
    width: int
    height: int
    foot: int
    layers: tuple[Layer, ...]
    words: tuple[Words, ...] = ()

    def under(self, *layers: Layer) -> Chart:
        """The same with further lines on top."""
        return replace(self, layers=(*self.layers, *layers))


def layer(kind: str, data: str) -> tuple[Layer, ...]:
    """A path, or nothing where there is no data."""
    return (Layer(kind, data),) if data else ()


def channel_layers(kind: str, data: Iterable[str]) -> tuple[Layer, ...]:
    """One path for each artery, of the classes `<kind> internal` and `<kind> external`."""
    both = zip(data, LABELS, strict=True)
    return tuple(Layer(f"{kind} {label}", one) for one, label in both if one)

"""Small charts along the height of the neck, to stand beside the pictures at the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.report.drawing.lines import number, polyline
from carotid.report.drawing.picture import Chart, Layer, Words, channel_layers

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 72
"""Of a chart, in pixels of the page."""

_INSET = 6
_FOOT = 14
_MAX_POINTS = 160


@dataclass(frozen=True)
class Quantity:
    """What a chart shows.

    Attributes:
        title: Below it.
        label: For readers who cannot see it.
        top: The value at its right border; larger ones are drawn there.
        keep: Which value stands for several slices that share a point.
        mark: A value with a line of its own; None for none.
        unit: Behind the numbers.
    """

    title: str
    label: str
    top: float
    keep: Literal["smallest", "largest"]
    mark: float | None = None
    unit: str = ""


def chart(what: Quantity, values: NDArray[np.floating], slice_mm: float, px_per_mm: float) -> Chart:
    """Draw (z, 2) values, both channels, with the top slice at the top.

    Args:
        what: Titles and range.
        values: Per canonical axial slice and channel; the line breaks where one is NaN.
        slice_mm: Height of a slice.
        px_per_mm: Of the pictures beside it.
    """
    count = values.shape[0]
    height = max(1, round(count * slice_mm * px_per_mm))
    inner = WIDTH - 2 * _INSET
    step = -(-count // _MAX_POINTS)
    lines = []
    for channel in (0, 1):
        z, value = _grouped(np.asarray(values[:, channel], np.float64), step, what.keep)
        x = _INSET + np.clip(value / what.top, 0, 1) * inner
        y = (count - 0.5 - z) * slice_mm * px_per_mm
        lines.append(polyline(np.stack([x, y], axis=-1)[::-1]))
    layers = [Layer("axis", f"M{_INSET} 0v{height}")]
    base = height + _FOOT - 3
    words = [Words(f"{what.top:g}{what.unit}", WIDTH - 2, base, anchor="end")]
    if what.mark is not None and 0 < what.mark < what.top:
        x_mark = _INSET + what.mark / what.top * inner
        layers.append(Layer("mark", f"M{number(x_mark)} 0v{height}"))
        words.append(Words(f"{what.mark:g}", x_mark, base, anchor="middle"))
    layers += channel_layers("curve", lines)
    return Chart(what.title, what.label, WIDTH, height, _FOOT, tuple(layers), tuple(words))


def _grouped(
    values: NDArray[np.float64], step: int, keep: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles and extremes of groups of `step` slices; NaN where a whole group is."""
    groups = -(-values.size // step)
    filler = np.inf if keep == "smallest" else -np.inf
    padded = np.full(groups * step, np.nan)
    padded[: values.size] = values
    table = np.where(np.isnan(padded), filler, padded).reshape(groups, step)
    extreme = table.min(axis=1) if keep == "smallest" else table.max(axis=1)
    extreme[np.isinf(extreme)] = np.nan
    first = np.arange(groups) * step
    last = np.minimum(first + step, values.size) - 1
    return (first + last) / 2, extreme

"""Small charts along the height of the neck, to stand beside the pictures at the same scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.report.lines import channel_paths, number, polyline

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 72
"""Of a chart, in pixels of the page."""

_INSET = 6
_FOOT = 14
_MAX_POINTS = 160


@dataclass(frozen=True)
class Chart:
    """What a chart shows.

    Attributes:
        title: Above it.
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


def chart(what: Chart, values: NDArray[np.floating], slice_mm: float, px_per_mm: float) -> str:
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
    marks = ""
    ticks = [(float(WIDTH - 2), "end", f"{what.top:g}{what.unit}")]
    if what.mark is not None and 0 < what.mark < what.top:
        x_mark = _INSET + what.mark / what.top * inner
        marks = f'<path class="mark" d="M{number(x_mark)} 0v{height}"/>'
        ticks.append((x_mark, "middle", f"{what.mark:g}"))
    text = "".join(
        f'<text x="{number(x)}" y="{height + _FOOT - 3}" text-anchor="{anchor}">{words}</text>'
        for x, anchor, words in ticks
    )
    return (
        f'<svg class="chart" role="img" aria-label="{what.label}" width="{WIDTH}" '
        f'height="{height + _FOOT}" viewBox="0 0 {WIDTH} {height + _FOOT}">'
        f'<rect class="field" x="0" y="0" width="{WIDTH}" height="{height}"/>'
        f'<path class="axis" d="M{_INSET} 0v{height}"/>{marks}{channel_paths(lines, "curve")}'
        f"{text}</svg>"
    )


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

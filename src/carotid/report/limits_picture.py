"""Bland and Altman's picture: differences of two measurements over their mean."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from carotid.evaluation.agreement import complete, limits_of_agreement
from carotid.storage.results.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from carotid.evaluation.repeated import Repeated

SEGMENTS = {
    "common_bulb": "common carotid, bulb",
    "internal_bulb": "internal carotid, bulb",
    "common_internal": "common and internal",
}
MEASURES = {
    "la_mean_mm2": "Lumen area",
    "wt_mean_mm": "Mean thickness",
    "wt_max_mm": "Largest thickness",
    "wall_volume_mm3": "Wall volume",
}
"""What is drawn, where at least two arteries have it, and what it is called."""

_UNITS = {"mm2": "mm²", "mm3": "mm³", "percent": "%", "deg": "°"}


def draw_limits(path: Path, repeated: Repeated) -> bool:
    """Draw differences and limits of agreement of the first two repetitions as SVG.

    Args:
        path: The picture.
        repeated: The measurements; of a table with other measures all are drawn, up to eight.

    Returns:
        Whether there was anything to draw.

    Raises:
        OutputError: The picture cannot be written.
    """
    known = [one.name for one in repeated.measures]
    measures = [name for name in MEASURES if name in known] or known[:8]
    panels = [
        (segment, measure, pairs)
        for measure in measures
        for segment in SEGMENTS
        if segment in repeated.segments()
        and len(pairs := complete(repeated.of(segment, measure)[:, :2])) > 1
    ]
    if not panels:
        return False
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    columns = min(len(SEGMENTS), len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.8 * rows), layout="constrained")
    FigureCanvasSVG(figure)
    units = {one.name: one.unit for one in repeated.measures}
    for k, (segment, measure, pairs) in enumerate(panels):
        axes = figure.add_subplot(rows, columns, k + 1)
        _panel(axes, pairs, _UNITS.get(units[measure], units[measure]))
        axes.set_title(f"{MEASURES.get(measure, measure)}: {SEGMENTS[segment]}", fontsize=9)
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "carotid"}):  # the same figure gives the same bytes
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    write_atomically(path, buffer.getvalue())
    return True


def _panel(axes: Axes, pairs: NDArray[np.float64], unit: str) -> None:
    limits = limits_of_agreement(pairs[:, 0], pairs[:, 1])
    axes.plot(pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0], ".", color="C0", markersize=5)
    digits = max(0, 1 - math.floor(math.log10(limits.sd))) if limits.sd > 0 else 2
    for interval, style in ((limits.bias, "-"), (limits.lower, "--"), (limits.upper, "--")):
        axes.axhline(interval.value, color="C1", linestyle=style, linewidth=1)
        axes.axhspan(interval.low, interval.high, color="C1", alpha=0.15, linewidth=0)
        axes.annotate(
            f"{interval.value:+.{digits}f}",
            (1.01, interval.value),
            xycoords=("axes fraction", "data"),
            fontsize=7,
            ha="left",
            va="center",
        )
    axes.set_xlabel(f"mean, {unit}" if unit else "mean", fontsize=8)
    axes.set_ylabel("second less first", fontsize=8)
    axes.tick_params(labelsize=7)

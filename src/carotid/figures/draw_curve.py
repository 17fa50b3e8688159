"""The curve: areas inside lumen and outer outline along the artery, with its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.figures.courses import LOWER_END, drawn_courses
from carotid.figures.cuts import extreme_rows
from carotid.figures.palette import ON_WHITE
from carotid.figures.segments import segments_of
from carotid.figures.style import INK, SOFT, add_title, empty_figure, key_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from carotid.figures.courses import DrawnCourse
    from carotid.measurements import Measurements

_NORMAL_95 = 1.96
_BAND = 0.25


def draw_curve(measurements: Measurements, title: str = "") -> Figure | None:
    """Draw lumen area and total vessel area along the arteries; the wall lies between.

    Args:
        measurements: Those of a participant.
        title: Above the figure.

    Returns:
        None where there is no lumen that can be read.
    """
    courses = [one for one in drawn_courses(measurements) if one.lumen_read.any()]
    internal = [one for one in courses if one.label == "internal"]
    if not internal:
        return None
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.patches import Patch

    with styled():
        figure = empty_figure(1.7 * len(internal) + (0.8 if title else 0.6))
        add_title(figure, title)
        known = any(one.from_bifurcation for one in internal)
        panels = figure.subplots(len(internal), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, course in zip(panels, internal, strict=True):
            external = [one for one in courses if one.side == course.side and one is not course]
            _panel(axes, course, external[0] if external else None)
            if known and not course.from_bifurcation:
                axes.set_title(f"from {LOWER_END}", loc="left", fontsize="small")
        panels[0].set_ylim(bottom=0)
        panels[-1].set_xlabel(
            "mm from the bifurcation, towards the head"
            if all(one.from_bifurcation for one in internal)
            else "mm along the artery, towards the head"
        )
        handles = key_of(panels)
        if any(_has_spread(one) for one in internal):
            handles["95 % of the stated spread"] = tuple(
                Patch(color=color, alpha=_BAND, linewidth=0)
                for color in (ON_WHITE.lumen, ON_WHITE.outer)
            )
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            frameon=False,
            ncols=4,
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        )
    return figure


def _panel(axes: Axes, course: DrawnCourse, external: DrawnCourse | None) -> None:
    lumen = _read(course, "la_mm2", course.lumen_read)
    outer = _read(course, "tva_mm2", course.wall_read)
    _line(axes, course, outer, ON_WHITE.outer, "outer wall")
    _line(axes, course, lumen, ON_WHITE.lumen, "lumen")
    _band(axes, course, outer, "tva_sd_mm2", ON_WHITE.outer)
    _band(axes, course, lumen, "la_sd_mm2", ON_WHITE.lumen)
    axes.fill_between(
        course.s_mm, lumen, outer, color=SOFT, alpha=0.12, linewidth=0, label="wall, between both"
    )
    if external is not None:
        values = _read(external, "la_mm2", external.lumen_read)
        axes.plot(external.s_mm, values, color=ON_WHITE.external, linewidth=0.8,
                  linestyle=(0, (3, 2)), label="lumen of the external")  # fmt: skip
    for extreme, row in extreme_rows(course).items():
        values, mark = (lumen, "^") if extreme == "narrowest" else (outer, "v")
        axes.plot(course.s_mm[row], values[row], mark, color=INK, markersize=4, label=extreme)
    if course.from_bifurcation:
        axes.axvline(0, color=INK, linewidth=0.8)
        for segment in segments_of(course):
            middle = (segment.from_mm + segment.to_mm) / 2
            axes.annotate(
                segment.title,
                (middle, 1.01),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
            )
            if segment.title == "bulb":
                axes.axvspan(segment.from_mm, segment.to_mm, color=SOFT, alpha=0.1, linewidth=0)
    axes.set_ylabel(f"{course.side}\narea, mm²")


def _has_spread(course: DrawnCourse) -> bool:
    return bool(np.isfinite(course.values("la_sd_mm2")[course.lumen_read]).any())


def _read(course: DrawnCourse, name: str, read: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A column where it counts; NaN elsewhere, and after a gap."""
    values = np.where(read, course.values(name), np.nan)
    return np.asarray(values, np.float64)


def _line(
    axes: Axes, course: DrawnCourse, values: NDArray[np.float64], color: str, label: str
) -> None:
    breaks = np.flatnonzero(~course.joined()) + 1
    s, broken = np.insert(course.s_mm, breaks, np.nan), np.insert(values, breaks, np.nan)
    axes.plot(s, broken, color=color, linewidth=1.2, label=label)
    around = np.pad(np.isnan(broken), 1, constant_values=True)
    alone = around[:-2] & around[2:] & ~np.isnan(broken)  # a line would not show these
    axes.plot(s[alone], broken[alone], ".", color=color, markersize=3)


def _band(
    axes: Axes, course: DrawnCourse, values: NDArray[np.float64], spread: str, color: str
) -> None:
    half = _NORMAL_95 * course.values(spread)
    if np.isfinite(half).any():
        axes.fill_between(
            course.s_mm, values - half, values + half, color=color, alpha=_BAND, linewidth=0
        )

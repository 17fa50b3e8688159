"""The unfolded map: thickness of the wall by length along the artery and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.figures.courses import LOWER_END, drawn_courses
from carotid.figures.segments import segments_of
from carotid.figures.style import FIELD, add_title, empty_figure, key_of, styled
from carotid.figures.unfolded import unfold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from carotid.figures.courses import DrawnCourse
    from carotid.measurements import Measurements

TOP_MM = 3.0
"""Thickness at the end of the colors, the same in all figures, so that people compare."""

PLAQUE_MM = 1.5
"""Thickness that a line is drawn at: what counts as plaque on ultrasound."""

COLORS = "magma"
"""The color map of the thickness, everywhere."""

_LIMIT = "#9aa4ae"


def draw_map(measurements: Measurements, title: str = "") -> Figure | None:
    """Draw the walls of all arteries, laid flat, right and left mirrored to each other.

    Args:
        measurements: Those of a participant.
        title: Above the figure.

    Returns:
        None where no wall can be read.
    """
    courses = [one for one in drawn_courses(measurements) if _has_wall(one)]
    if not courses:
        return None
    order = {("right", "external"): 0, ("right", "internal"): 1,
             ("left", "internal"): 2, ("left", "external"): 3}  # fmt: skip
    courses.sort(key=lambda one: order[one.side, one.label])
    low = min(float(one.s_mm.min()) for one in courses)
    high = max(float(one.s_mm.max()) for one in courses)
    with styled():
        figure = empty_figure(min(max(1.6 + 0.045 * (high - low), 3.0), 8.5))
        add_title(figure, title)
        widths = [1.0 if one.label == "internal" else 0.75 for one in courses]
        panels = figure.subplots(1, len(courses), sharey=True, squeeze=False, width_ratios=widths)[
            0
        ]
        known = any(one.from_bifurcation for one in courses)
        for axes, course in zip(panels, courses, strict=True):
            image = _panel(axes, course)
            if known and not course.from_bifurcation:
                axes.set_title(f"{axes.get_title()}\nfrom {LOWER_END}")
            axes.tick_params(axis="y", length=3 if axes is panels[0] else 0)
            axes.spines["left"].set_visible(axes is panels[0])
        panels[0].set_ylim(low, high)
        panels[0].set_ylabel(
            "mm from the bifurcation, towards the head"
            if all(one.from_bifurcation for one in courses)
            else "mm along the artery, towards the head"
        )
        bar = figure.colorbar(image, ax=list(panels), extend="max", shrink=0.7, pad=0.03)
        bar.set_label("thickness of the wall, mm")
        bar.outline.set_visible(False)
        bar.ax.axhline(PLAQUE_MM, color="white", linewidth=0.8)
        if handles := key_of(panels):
            figure.legend(
                handles.values(),
                handles.keys(),
                loc="outside lower center",
                ncols=len(handles),
                frameon=False,
            )
    return figure


def _has_wall(course: DrawnCourse) -> bool:
    return bool(np.isfinite(course.thickness_mm[course.wall_read]).any())


def _panel(axes: Axes, course: DrawnCourse) -> AxesImage:
    found = unfold(course)
    columns = found.thickness_mm.shape[1]
    extent = (-0.5, columns - 0.5, found.from_mm, found.to_mm)
    axes.set_facecolor(FIELD)
    image = axes.imshow(
        found.thickness_mm,
        origin="lower",
        extent=extent,
        aspect="auto",
        cmap=COLORS,
        vmin=0,
        vmax=TOP_MM,
        interpolation="nearest",
    )
    with np.errstate(invalid="ignore"):
        thick = np.nanmax(found.thickness_mm) > PLAQUE_MM
    if thick:
        axes.contour(
            found.thickness_mm,
            [PLAQUE_MM],
            origin="lower",
            extent=extent,
            colors="white",
            linewidths=0.8,
        )
    axes.set_xlim(0, columns - 1)
    quarter = (columns - 1) / 4
    words = [word[:3] for word in found.directions]
    if course.label == "external":  # narrower; the borders are as in the map beside it
        words[0] = words[4] = ""
    axes.set_xticks([quarter * k for k in range(5)], words)
    artery = "common and internal" if course.label == "internal" else "external"
    axes.set_title(f"{course.side}\n{artery}")
    for segment in segments_of(course):
        if segment.title == "bulb":
            for limit in (segment.from_mm, segment.to_mm):
                axes.axhline(
                    limit,
                    color=_LIMIT,
                    linewidth=0.8,
                    linestyle=(0, (2, 2)),
                    label="limits of the bulb",
                )
    if course.from_bifurcation and course.label == "internal":
        axes.axhline(0, color=_LIMIT, linewidth=1.4, label="bifurcation")
    return image

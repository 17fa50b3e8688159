"""Pictures of the narrowest and the thickest cross-section, with outlines and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.figures.courses import drawn_courses
from carotid.figures.cuts import cut_picture, extreme_rows
from carotid.figures.palette import ON_SCAN
from carotid.figures.style import FIELD, add_title, empty_figure, key_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect
    from numpy.typing import NDArray

    from carotid.artifacts import Contours
    from carotid.figures.cuts import CutPicture
    from carotid.geometry.volume import Volume
    from carotid.measurements import Measurements

_KEY = "#3d444d"
"""Ground of the legend: the colors are those of lines on a scan."""


def draw_cuts(
    measurements: Measurements, contours: Contours, scan: Volume | None, title: str = ""
) -> Figure | None:
    """Draw the narrowest and the thickest slice of both common and internal carotids.

    Args:
        measurements: Those of a participant.
        contours: Its outlines.
        scan: Its scan, in any order of axes; None for outlines alone.
        title: Above the figure.

    Returns:
        None where nothing can be read.
    """
    pictures = [
        cut_picture(course, extreme, row, contours, scan)
        for course in drawn_courses(measurements)
        if course.label == "internal"
        for extreme, row in extreme_rows(course).items()
    ]
    if not pictures:
        return None
    with styled():
        figure = empty_figure(2.65 + (0.3 if title else 0))
        figure.set_layout_engine("compressed")  # pictures are square
        add_title(figure, title)
        panels = figure.subplots(1, 4)
        for axes in panels[len(pictures) :]:
            axes.set_axis_off()
        for axes, picture in zip(panels, pictures, strict=False):
            _panel(axes, picture)
        handles = key_of(panels)
        legend = figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=3,
            facecolor=_KEY,
            labelcolor="white",
            framealpha=1,
        )
        legend.get_frame().set_linewidth(0)
    return figure


def _panel(axes: Axes, picture: CutPicture) -> None:
    half = picture.half_width_mm
    axes.set_facecolor(FIELD)
    if picture.grey is not None:
        axes.imshow(picture.grey, cmap="gray", vmin=0, vmax=1, extent=(-half, half, -half, half))
    for outline, color, words in (
        (picture.wall_mm, ON_SCAN.outer, "outer wall"),
        (picture.lumen_mm, ON_SCAN.lumen, "lumen"),
    ):
        if outline is not None:
            closed = np.concatenate([outline, outline[:1]])
            axes.plot(closed[:, 0], closed[:, 1], color=color, linewidth=1.0, label=words)
    if picture.extreme == "thickest" and picture.lumen_mm is not None:
        _mark_thickest(axes, picture, picture.lumen_mm)
    axes.set(xlim=(-half, half), ylim=(-half, half), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.plot([half - 6, half - 1], [1.2 - half] * 2, color="white", linewidth=1.5,
              path_effects=_edged(2.5))  # fmt: skip
    axes.text(half - 3.5, 1.7 - half, "5 mm", color="white", ha="center", va="bottom",
              fontsize=6, path_effects=_edged(1.2))  # fmt: skip
    for letter, (x, y) in (("R", (0.6 - half, 0.0)), ("A", (0.0, half - 1.2))):
        axes.text(x, y, letter, color="white", ha="left" if letter == "R" else "center",
                  va="center", fontsize=6, path_effects=_edged(1.2))  # fmt: skip
    course, row = picture.course, picture.row
    value = (
        f"lumen {course.values('la_mm2')[row]:.1f} mm²"
        if picture.extreme == "narrowest"
        else f"wall up to {course.values('wt_max_mm')[row]:.1f} mm"
    )
    lines = [f"{course.side}: {picture.extreme}", value, f"slice {course.values('z')[row]:.0f}"]
    if course.from_bifurcation:
        s = f"{course.s_mm[row]:+.0f}".replace("-", "\u2212")
        lines.append(f"{s} mm from the bifurcation")
    axes.set_title("\n".join(lines), fontsize=7)


def _mark_thickest(axes: Axes, picture: CutPicture, lumen: NDArray[np.float64]) -> None:
    """An arrow from outside towards the thickest place."""
    angle = np.deg2rad(float(picture.course.values("wt_max_deg")[picture.row]))
    if not np.isfinite(angle):
        return
    # Directions count from anterior (up) towards lateral: on the left of the picture for the right.
    outward = -1.0 if picture.course.side == "right" else 1.0
    toward = np.array([outward * np.sin(angle), np.cos(angle)])
    middle = lumen.mean(axis=0)
    outer = picture.wall_mm if picture.wall_mm is not None else lumen
    reach = float(((outer - middle) @ toward).max())
    axes.annotate(
        "",
        xy=tuple(middle + toward * (reach + 0.5)),
        xytext=tuple(middle + toward * (reach + 4.0)),
        arrowprops={
            "arrowstyle": "-|>",
            "color": "white",
            "linewidth": 0.8,
            "path_effects": _edged(1.8),
        },
    )


def _edged(width: float) -> list[AbstractPathEffect]:
    """White things have a dark edge: fat is white too."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="#000000b0")]

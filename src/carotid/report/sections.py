"""Axial sections of one participant at regular heights, with every member's maxima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.report import anatomy
from carotid.report.drawing import lines, raster
from carotid.report.drawing.picture import Picture, channel_layers, layer
from carotid.report.drawing.views import LETTERS, picture
from carotid.report.heatmap_pictures import GREY_FLOOR, Scene, frame_of, on_screen

if TYPE_CHECKING:
    from carotid.geometry.sides import SideName

SECTION_PX = 112
"""Width of an axial section on a wide page."""

_PX_PER_MM = 3.0
_TRIANGLE_MM = 1.4
_CIRCLE_MM = 1.1


@dataclass(frozen=True)
class Pair:
    """An axial section of the sides that the scan shows.

    Attributes:
        pictures: The right side's first.
        caption: Below them.
    """

    pictures: tuple[Picture, ...]
    caption: str


def sections(scene: Scene) -> list[Pair]:
    """Axial sections at regular heights, the right side beside the left one."""
    exam = scene.exam
    bottom = (np.arange(exam.grid.shape[2]) + 0.5) * exam.grid.spacing_mm[2]
    return [
        Pair(
            tuple(_section(scene, side, t, z) for side in on_screen(exam.sides)),
            f"{t + 1} · {bottom[z]:.0f} mm from the lower end",
        )
        for t, z in enumerate(exam.heights)
    ]


def _section(scene: Scene, side: SideName, t: int, z: int) -> Picture:
    exam, one = scene.exam, scene.exam.sides[side]
    spacing = exam.grid.spacing_mm
    members = one.max_indices[:, :, z, :]
    high = one.course.peak[z] > scene.threshold
    shown = one.mean.peak_index[z][high] if high.any() else one.mean.peak_index[z]
    box = anatomy.section_box(shown.mean(axis=0).tolist(), exam.grid.shape, spacing)
    plane = anatomy.section_plane(box, spacing)
    part = slice(box.start[0], box.stop[0]), slice(box.start[1], box.stop[1])
    levels = [one.mean.slices[t, c][part] for c in (0, 1)]
    over = channel_layers(
        "outline",
        (lines.outlines(picture(v), scene.threshold, spacing[1], spacing[0], 0.4) for v in levels),
    )
    dots, outside = [], 0
    width, height = plane.extent_mm
    marks = ((lines.triangles, _TRIANGLE_MM), (lines.circles, _CIRCLE_MM))
    for channel, (shape, size_mm) in enumerate(marks):
        points = plane.points(members[:, channel, 0], members[:, channel, 1])
        inside = ((points >= 0) & (points <= (width, height))).all(axis=1)
        outside += int((~inside).sum())
        dots.append(shape([(x, y) for x, y in np.unique(points[inside], axis=0)], size_mm))
    over += layer("dot external", dots[1]) + layer("dot internal", dots[0])
    if one.truth is not None:
        centers = one.truth.centers[z]
        known = centers[np.isfinite(centers).all(axis=1)]
        crosses = plane.points(known[:, 0], known[:, 1])
        over += layer("truth", lines.crosses([(x, y) for x, y in crosses], 1.6))
    if scene.scan is None:
        grey = np.full((box.stop[0] - box.start[0], box.stop[1] - box.start[1]), GREY_FLOOR, "f4")
    else:
        values = scene.scan[part[0], part[1], z].astype(np.float32)
        grey = raster.window(values, least=scene.contrast)
    return Picture(
        raster.grey_image(raster.fitted(picture(grey), frame_of(plane, _PX_PER_MM))),
        f"Axial section {t + 1}, {side} side",
        "section",
        plane.extent_mm,
        SECTION_PX / width,
        over,
        letters=LETTERS["axial"],
        note=f"{outside} outside" if outside else "",
    )

"""Axial sections of one participant at regular heights, with every member's maxima, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.report import anatomy, lines, raster
from carotid.report.pictures import GREY_FLOOR, SIDES_ON_SCREEN, Scene, frame_of, framed
from carotid.report.views import LETTERS, picture

if TYPE_CHECKING:
    from carotid.geometry.sides import SideName

SECTION_PX = 112
"""Width of an axial section on a wide page."""

_PX_PER_MM = 3.0
_TRIANGLE_MM = 1.4
_CIRCLE_MM = 1.1


def sections(scene: Scene) -> str:
    """Axial sections at regular heights, the right side beside the left one."""
    exam = scene.exam
    bottom = (np.arange(exam.grid.shape[2]) + 0.5) * exam.grid.spacing_mm[2]
    rows = []
    for t, z in enumerate(exam.heights):
        both = "".join(_section(scene, side, t, z) for side in SIDES_ON_SCREEN)
        caption = f"{t + 1} · {bottom[z]:.0f} mm from the lower end"
        rows.append(
            f'<figure class="pair"><div>{both}</div><figcaption>{caption}</figcaption></figure>'
        )
    return "".join(rows)


def _section(scene: Scene, side: SideName, t: int, z: int) -> str:
    exam, one = scene.exam, scene.exam.sides[side]
    spacing = exam.grid.spacing_mm
    members = one.max_indices[:, :, z, :]
    high = one.course.peak[z] > scene.threshold
    shown = one.mean.peak_index[z][high] if high.any() else one.mean.peak_index[z]
    box = anatomy.section_box(shown.mean(axis=0).tolist(), exam.grid.shape, spacing)
    plane = anatomy.section_plane(box, spacing)
    part = slice(box.start[0], box.stop[0]), slice(box.start[1], box.stop[1])
    levels = [one.mean.slices[t, c][part] for c in (0, 1)]
    over = lines.channel_paths(
        (lines.outlines(picture(v), scene.threshold, spacing[1], spacing[0], 0.4) for v in levels),
        "outline",
    )
    dots, outside = [], 0
    width, height = plane.extent_mm
    marks = ((lines.triangles, _TRIANGLE_MM), (lines.circles, _CIRCLE_MM))
    for channel, (shape, size_mm) in enumerate(marks):
        points = plane.points(members[:, channel, 0], members[:, channel, 1])
        inside = ((points >= 0) & (points <= (width, height))).all(axis=1)
        outside += int((~inside).sum())
        dots.append(shape([(x, y) for x, y in np.unique(points[inside], axis=0)], size_mm))
    over += lines.path(dots[1], "dot external") + lines.path(dots[0], "dot internal")
    if one.truth is not None:
        centers = one.truth.centers[z]
        known = centers[np.isfinite(centers).all(axis=1)]
        crosses = plane.points(known[:, 0], known[:, 1])
        over += lines.path(lines.crosses([(x, y) for x, y in crosses], 1.6), "truth")
    if scene.scan is None:
        grey = np.full((box.stop[0] - box.start[0], box.stop[1] - box.start[1]), GREY_FLOOR, "f4")
    else:
        values = scene.scan[part[0], part[1], z].astype(np.float32)
        grey = raster.window(values, least=scene.contrast)
    image = raster.grey_image(raster.fitted(picture(grey), frame_of(plane, _PX_PER_MM)))
    note = f'<b class="out">{outside} outside</b>' if outside else ""
    scale = SECTION_PX / width
    alt = f"Axial section {t + 1}, {side} side"
    return framed(image, alt, plane, scale, over, "section", LETTERS["axial"]) + note

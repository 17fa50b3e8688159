"""The pictures of one participant that show the whole height: projections and strips.

A projection shows the heatmaps over the scan, a strip the scan straightened along the maxima.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.report import anatomy
from carotid.report.drawing import lines, raster
from carotid.report.drawing.picture import Layer, Picture, Words, channel_layers, layer
from carotid.report.drawing.views import LETTERS, Plane, picture, plane_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.report.examination import Examination, SideExamination

SIDES_ON_SCREEN: tuple[SideName, SideName] = ("right", "left")
"""From left to right: the patient's right side first, as in the pictures."""


def on_screen(sides: Container[SideName]) -> list[SideName]:
    """Those sides that are shown, from left to right."""
    return [one for one in SIDES_ON_SCREEN if one in sides]


HEIGHT_PX = 300
WIDTH_PX = 352
"""Largest size of a coronal picture on a wide page."""

ROW_PX = 830
LEAST_WIDTH_PX = 240
"""All projections together are no wider, so that the charts fit beside them, unless that made a
coronal picture narrower than the second number."""

FULL_PEAK = 402.0
"""Value that is drawn in full color: the height that the networks are trained to give."""

FULL_STD = 200.0
"""Standard deviation that is drawn in full color."""

_IMAGE_PX_PER_MM = 2.0
GREY_FLOOR = 0.25
_LEAST_CONTRAST = 0.3


@dataclass(frozen=True, eq=False)
class Scene:
    """What all pictures of one participant share.

    Attributes:
        exam: The numbers.
        scan: (x, y, z) canonical voxels of the scan, or None.
        threshold: Level of the outlines.
        contrast: Intensities that a section spans at least, so that pure noise stays dark.
        px_per_mm: Scale on a wide page, the same for everything that shows the whole height.
    """

    exam: Examination
    scan: NDArray[np.generic] | None
    threshold: float
    px_per_mm: float
    contrast: float


def make_scene(exam: Examination, scan: NDArray[np.generic] | None, threshold: float) -> Scene:
    """Choose the scale and the contrast."""
    return Scene(exam, scan, threshold, page_scale(exam.grid), least_contrast(scan))


def page_scale(grid: Grid) -> float:
    """Pixels per mm of pictures of a whole grid: so that whole height and whole width fit."""
    width, height = plane_of("coronal", grid.shape, grid.spacing_mm).extent_mm
    depth = plane_of("sagittal", grid.shape, grid.spacing_mm).extent_mm[0]
    row = max(ROW_PX / (2 * width + 2 * depth), LEAST_WIDTH_PX / width)
    return min(HEIGHT_PX / height, WIDTH_PX / width, row, 4.0)


def least_contrast(scan: NDArray[np.generic] | None) -> float:
    """Intensities that a small picture spans at least, so that pure noise stays dark."""
    if scan is None:
        return 0.0
    low, high = np.percentile(np.asarray(scan[::4, ::4, ::4], np.float32), (1.0, 99.0))
    return float(_LEAST_CONTRAST * (high - low))


def coronal(scene: Scene, *, spread: bool = False) -> Picture:
    """Both sides' heatmaps (or their standard deviation) over the scan, seen from the front."""
    exam = scene.exam
    sides = [exam.sides[name] for name in on_screen(exam.sides)]
    maps = np.max([(s.std if spread else s.mean).coronal for s in sides], axis=0)
    background = None
    if scene.scan is not None:
        known = np.concatenate([s.course.peak > scene.threshold for s in sides], axis=1)
        depths = np.concatenate([s.mean.peak_index[..., 1] for s in sides], axis=1)
        background = anatomy.curved_slab(
            scene.scan, 1, _middle(depths, known, exam, axis=1), exam.grid.spacing_mm[1]
        )
    if spread:
        return _projection(scene, "coronal", "Standard deviation", background, maps, spread=True)
    found = _projection(scene, "coronal", "Mean heatmap", background, maps)
    ticks, words = _section_ticks(scene)
    return replace(
        found, layers=(*found.layers, *_truth_lines(sides, "coronal", exam), *ticks), words=words
    )


def sagittal(scene: Scene, side: SideName) -> Picture:
    """One side's heatmaps over the scan, seen from the patient's left."""
    exam, one = scene.exam, scene.exam.sides[side]
    background = None
    if scene.scan is not None:
        known = one.course.peak > scene.threshold
        way = _middle(one.mean.peak_index[..., 0], known, exam, axis=0)
        background = anatomy.curved_slab(scene.scan, 0, way, exam.grid.spacing_mm[0])
    found = _projection(scene, "sagittal", side.capitalize(), background, one.mean.sagittal)
    return found.under(*_truth_lines([one], "sagittal", exam))


def strips(scene: Scene, side: SideName) -> list[Picture]:
    """The scan along both channels' maxima, straightened; empty where there is no scan."""
    if scene.scan is None:
        return []
    exam, one = scene.exam, scene.exam.sides[side]
    spacing = exam.grid.spacing_mm
    found = []
    for channel, label in enumerate(LABELS):
        high = one.course.peak[:, channel] > scene.threshold
        if high.any():
            way = np.stack(
                [_filled(one.mean.peak_index[:, channel, axis], high) for axis in (0, 1)], axis=1
            )
            grey = raster.window(anatomy.straightened(scene.scan, way, spacing))
        else:
            grey = np.zeros((round(anatomy.STRIP_MM / spacing[0]) | 1, exam.grid.shape[2]), "f4")
        plane = Plane((grey.shape[0], grey.shape[1]), (spacing[0], spacing[2]))
        width, height = plane.extent_mm
        middle = f"M{lines.number(width / 2)} 0v4m0 {lines.number(height - 8)}v4"
        found.append(
            Picture(
                raster.grey_image(raster.fitted(picture(grey), frame_of(plane, _IMAGE_PX_PER_MM))),
                f"The scan straightened along the {side} {label} maxima",
                f"strip {label}",
                plane.extent_mm,
                scene.px_per_mm,
                (*_shade(~high, spacing[2], width), Layer("tick", middle)),
                caption=f"{side[0].upper()} {label[:3]}.",
            )
        )
    return found


def _projection(
    scene: Scene,
    kind: str,
    title: str,
    background: NDArray[np.float32] | None,
    maps: NDArray[np.float32],
    *,
    spread: bool = False,
) -> Picture:
    exam = scene.exam
    plane = plane_of(kind, exam.grid.shape, exam.grid.spacing_mm)
    frame = frame_of(plane, _IMAGE_PX_PER_MM)
    full = FULL_STD if spread else FULL_PEAK
    inks = [raster.fitted(picture(one), frame) / full for one in maps]
    if background is None:
        grey = np.full((frame.height_px, frame.width_px), GREY_FLOOR, np.float32)
    else:
        grey = raster.fitted(picture(raster.window(background)), frame) ** 0.8
    layers: tuple[Layer, ...] = ()
    if not spread:
        row_mm, column_mm = plane.spacing_mm[1], plane.spacing_mm[0]
        layers = channel_layers(
            "outline",
            (lines.outlines(picture(one), scene.threshold, row_mm, column_mm, 0.8) for one in maps),
        )
    return Picture(
        raster.color_image(grey, inks[0], inks[1]),
        f"{title}, {kind} projection",
        kind,
        plane.extent_mm,
        scene.px_per_mm,
        layers,
        letters=LETTERS[kind],
        caption=title,
    )


def frame_of(plane: Plane, px_per_mm: float) -> raster.Frame:
    """The pixels of a plane's picture."""
    return raster.Frame.of(
        plane.sizes[1], plane.sizes[0], plane.spacing_mm[1], plane.spacing_mm[0], px_per_mm
    )


def _middle(
    positions: NDArray[np.int64], known: NDArray[np.bool_], exam: Examination, *, axis: int
) -> NDArray[np.float64]:
    """The smooth way through the median of several maxima per slice."""
    masked = np.where(known, positions.astype(np.float64), np.nan)
    some = np.asarray(known.any(axis=1))
    middle = np.zeros(len(masked))
    middle[some] = np.nanmedian(masked[some], axis=1)
    spacing = exam.grid.spacing_mm
    return anatomy.followed(middle, some, exam.grid.shape[axis], spacing[2])


def _filled(values: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    z = np.arange(values.size)
    return np.asarray(np.interp(z, z[known], values[known]), np.float64)


def _shade(low: NDArray[np.bool_], slice_mm: float, width: float) -> tuple[Layer, ...]:
    """Bars over the slices that have no peak."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low[::-1], [False]]).astype(np.int8)))
    data = "".join(
        f"M0 {lines.number(a * slice_mm)}h{lines.number(width)}"
        f"v{lines.number((b - a) * slice_mm)}h-{lines.number(width)}z"
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    )
    return layer("shade", data)


def _section_ticks(scene: Scene) -> tuple[tuple[Layer, ...], tuple[Words, ...]]:
    """Marks at both borders of a coronal picture and the numbers of the axial sections."""
    exam = scene.exam
    plane = plane_of("coronal", exam.grid.shape, exam.grid.spacing_mm)
    right = lines.number(plane.extent_mm[0])
    size = 10 / scene.px_per_mm
    heights = [plane.points(np.zeros(1), np.array([z]))[0, 1] for z in exam.heights]
    data = "".join(f"M0 {lines.number(y)}h3M{right} {lines.number(y)}h-3" for y in heights)
    words = (Words(str(t), 4, y + size * 0.36, size) for t, y in enumerate(heights, start=1))
    return layer("tick", data), tuple(words)


def _truth_lines(
    sides: Iterable[SideExamination], kind: str, exam: Examination
) -> tuple[Layer, ...]:
    """Known centers as lines, both channels' vessels alike."""
    plane = plane_of(kind, exam.grid.shape, exam.grid.spacing_mm)
    axis = 0 if kind == "coronal" else 1
    heights = np.arange(exam.grid.shape[2])
    step = max(1, round(1.5 / exam.grid.spacing_mm[2]))
    data = "".join(
        lines.polyline(plane.points(side.truth.centers[::step, channel, axis], heights[::step]))
        for side in sides
        if side.truth is not None
        for channel in (0, 1)
    )
    return layer("truth", data)

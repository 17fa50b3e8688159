"""Contours over the scan: axial tiles, and arteries straightened with the edges of their walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS
from carotid.geometry.sides import SIDE_NAMES
from carotid.report import anatomy
from carotid.report.contour_figures import contour_courses
from carotid.report.contour_findings import WIDE_MM, findings
from carotid.report.drawing import lines, raster
from carotid.report.drawing.charts import Quantity, chart
from carotid.report.drawing.picture import Layer, Picture, layer
from carotid.report.drawing.views import LETTERS, Plane, picture
from carotid.report.heatmap_pictures import GREY_FLOOR, frame_of, least_contrast
from carotid.report.measured_slices import measured_slices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Contours, CrossSection, Label, Outline
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements
    from carotid.report.contour_figures import ContourCourse
    from carotid.report.contour_findings import Finding
    from carotid.report.drawing.picture import Chart
    from carotid.report.measured_slices import MeasuredSlices

TILES = 4
"""Regular heights of a side that are shown."""

TO_CHECK = 8
"""Tiles of slices that stand out, at most."""

TILE_PX = 142
_TILE_MM = 26.0
_TILE_PX_PER_MM = 6.0
_STRIP_MM = 24.0
_STRIP_PX_PER_MM = 4.0
_STRIP_HEIGHT_PX = 420
_TOP_SPREAD_MM = 1.5
_APART_MM = 4.0
"""Tiles of one side that are worth a look are at least this far apart."""


@dataclass(frozen=True, eq=False)
class ContourScene:
    """What all pictures of one participant's contours share.

    Attributes:
        contours: The outlines.
        courses: By artery, of each side that the scan shows.
        scan: (x, y, z) canonical voxels on the contours' grid, or None.
        contrast: Intensities that a picture spans at least.
        bounds: First and last slice with an outline.
        measured: What is known of each side's slices.
    """

    contours: Contours
    courses: Mapping[SideName, Mapping[Label, ContourCourse]]
    scan: NDArray[np.generic] | None
    contrast: float
    bounds: tuple[int, int]
    measured: Mapping[SideName, MeasuredSlices]

    @property
    def slice_mm(self) -> float:
        """Height of a slice."""
        return self.contours.canonical.spacing_mm[2]

    @property
    def px_per_mm(self) -> float:
        """Scale of what shows the whole height."""
        height = (self.bounds[1] - self.bounds[0] + 1) * self.slice_mm
        return min(_STRIP_PX_PER_MM, _STRIP_HEIGHT_PX / height)


def make_contour_scene(
    contours: Contours,
    scan: NDArray[np.generic] | None,
    measurements: Measurements | None = None,
    shown: Sequence[SideName] = SIDE_NAMES,
) -> ContourScene | None:
    """Look at all outlines once; None where there are none.

    Args:
        contours: The outlines.
        scan: (x, y, z) canonical voxels on their grid, or None.
        measurements: What was measured of them, or None.
        shown: The sides that the scan shows.
    """
    used = [one.z for side in shown for one in contours.side(side)]
    if not used:
        return None
    courses = {side: contour_courses(contours, side, scan) for side in shown}
    bounds, measured = (min(used), max(used)), measured_slices(measurements)
    return ContourScene(contours, courses, scan, least_contrast(scan), bounds, measured)


def straightened(scene: ContourScene, side: SideName, label: Label) -> list[Picture]:
    """The scan along an artery, cut from right to left and from front to back, with both walls.

    Empty where the artery has no outlines.
    """
    course = scene.courses[side][label]
    known = np.isfinite(course.center).all(axis=1)
    if not known.any():
        return []
    z = np.arange(known.size)
    way = np.stack([np.interp(z, z[known], course.center[known, k]) for k in (0, 1)], axis=1)
    sections = [one for one in scene.contours.side(side) if one.label == label]
    return [_strip(scene, side, label, way, sections, across) for across in (0, 1)]


def _strip(
    scene: ContourScene,
    side: SideName,
    label: Label,
    way: NDArray[np.float64],
    sections: Sequence[CrossSection],
    across: int,
) -> Picture:
    first, last = scene.bounds
    spacing = scene.contours.canonical.spacing_mm
    half = round(_STRIP_MM / 2 / spacing[across])
    plane = Plane((2 * half + 1, last - first + 1), (spacing[across], spacing[2]), (-half, first))
    grey = np.full(plane.sizes, GREY_FLOOR, np.float32)
    if scene.scan is not None:
        cut = anatomy.cut_along(scene.scan, way, across, half)[:, first : last + 1]
        grey = raster.window(cut, least=scene.contrast)
    layers: list[Layer] = []
    for boundary in BOUNDARIES:
        edges = np.full((len(way), 2), np.nan)
        for one in sections:
            if (outline := one.outline(boundary)) is not None:
                edges[one.z] = _edges(outline.points, way[one.z], across)
        heights = np.arange(first, last + 1)
        data = "".join(
            lines.polyline(plane.points(edges[first : last + 1, k], heights)) for k in (0, 1)
        )
        layers += layer(f"{boundary} {label}", data)
    directions = ("right to left", "front to back")[across]
    return Picture(
        raster.grey_image(raster.fitted(picture(grey), frame_of(plane, 4.0))),
        f"{side} {label}, straightened, cut {directions}, with lumen and outer wall",
        f"strip {label}",
        plane.extent_mm,
        scene.px_per_mm,
        tuple(layers),
        letters=("RL", "AP")[across],
    )


def _edges(
    points: NDArray[np.float64], at: NDArray[np.float64], across: int
) -> tuple[float, float]:
    """Where an outline crosses the line through a point along axis `across`, relative to it."""
    along = points[:, across] - at[across]
    off = points[:, 1 - across] - at[1 - across]
    after, off_after = np.roll(along, -1), np.roll(off, -1)
    crosses = (off < 0) != (off_after < 0)
    if not crosses.any():
        return np.nan, np.nan
    share = off[crosses] / (off[crosses] - off_after[crosses])
    found = along[crosses] + share * (after[crosses] - along[crosses])
    return float(found.min()), float(found.max())


def spread_chart(scene: ContourScene, side: SideName) -> Chart:
    """The stated spread of both arteries along the height, with marks at what stands out."""
    first, last = scene.bounds
    both = [scene.courses[side][label] for label in LABELS]
    values = np.stack([one.spread_mm for one in both], axis=1)[first : last + 1]
    label = f"Stated spread of the contours along the height, {side} side"
    what = Quantity("Spread, mm", label, _TOP_SPREAD_MM, "largest", WIDE_MM)
    drawn = chart(what, values, scene.slice_mm, scene.px_per_mm)
    marks = "".join(
        f"M{drawn.width - 5} {lines.number((last - z + 0.5) * scene.slice_mm * scene.px_per_mm)}h5"
        for z in sorted({one.z for one in findings(scene) if one.side == side and one.weight >= 1})
    )
    return drawn.under(*layer("alarm", marks))


def tiles_to_check(scene: ContourScene) -> list[Picture]:
    """Tiles of what stands out most, not two of the same place."""
    chosen: list[Finding] = []
    for one in findings(scene):
        near = (
            other.side == one.side and abs(other.z - one.z) * scene.slice_mm < _APART_MM
            for other in chosen
        )
        if not any(near):
            chosen.append(one)
        if len(chosen) == TO_CHECK:
            break
    return [tile(scene, one.side, one.z, f"{one.label[:3]}.: {one.why}") for one in chosen]


def regular_tiles(scene: ContourScene, side: SideName) -> list[Picture]:
    """One side at regular heights, from the top down."""
    there = np.any([one.there for one in scene.courses[side].values()], axis=0)
    known = np.flatnonzero(there)
    heights = anatomy.regular_heights(known.size, TILES) if known.size else []
    return [tile(scene, side, int(known[k]), "") for k in heights]


def tile(scene: ContourScene, side: SideName, z: int, why: str) -> Picture:
    """An axial picture of one side's outlines, each with a band of one standard deviation."""
    grid = scene.contours.canonical
    sections = [one for one in scene.contours.side(side) if one.z == z]
    points = np.concatenate(
        [o.points for one in sections for b in BOUNDARIES if (o := one.outline(b)) is not None]
    )
    box = anatomy.box_around(points, grid.spacing_mm, _TILE_MM)
    plane = anatomy.section_plane(box, grid.spacing_mm)
    grey = np.full(plane.sizes, GREY_FLOOR, np.float32)
    if scene.scan is not None:
        grey = raster.window(anatomy.axial_part(scene.scan, box, z), least=scene.contrast)
    layers: list[Layer] = []
    for one in sections:
        for boundary in BOUNDARIES:
            if (outline := one.outline(boundary)) is not None:
                layers += layer(
                    f"band-{boundary} {one.label}", _band(outline, plane, grid.spacing_mm)
                )
                layers += layer(f"{boundary} {one.label}", _closed(outline.points, plane))
    where = scene.measured[side].where(z, grid.spacing_mm[2])
    return Picture(
        raster.grey_image(raster.fitted(picture(grey), frame_of(plane, _TILE_PX_PER_MM))),
        f"Contours, {side} side, {where}",
        "section tile",
        plane.extent_mm,
        TILE_PX / plane.extent_mm[0],
        tuple(layers),
        letters=LETTERS["axial"],
        caption=f"{side} · {where}" + (f" · {why}" if why else ""),
    )


def _closed(points: NDArray[np.float64], plane: Plane) -> str:
    """Path data of an outline; of 32 to 63 points, which is a hundredth of a millimetre off."""
    points = points[:: max(1, len(points) // 32)]
    return lines.fine_polyline(plane.points(points[:, 0], points[:, 1])) + "z"


def _band(outline: Outline, plane: Plane, spacing_mm: tuple[float, float, float]) -> str:
    """A ring from one standard deviation inside to one outside of an outline."""
    sd = outline.deviation_mm
    if not np.isfinite(sd).all():
        return ""
    spacing = np.array(spacing_mm[:2])
    rays = (outline.points - outline.points.mean(axis=0)) * spacing
    length = np.linalg.norm(rays, axis=1)
    with np.errstate(all="ignore"):
        unit = np.where(length[:, None] > 0, rays / length[:, None], 0.0)
    moved = [outline.points + unit * step[:, None] / spacing for step in (sd, -np.fmin(sd, length))]
    return "".join(_closed(points, plane) for points in moved)

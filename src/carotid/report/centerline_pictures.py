"""Centerlines over the scan, from the front and from the side, with the bifurcation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.report import anatomy
from carotid.report.drawing import lines, raster
from carotid.report.drawing.charts import Quantity, chart
from carotid.report.drawing.picture import Picture, layer
from carotid.report.drawing.views import LETTERS, picture, plane_of
from carotid.report.heatmap_pictures import GREY_FLOOR, SIDES_ON_SCREEN, frame_of, page_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.report.drawing.picture import Chart, Layer

_TOP_UNCERTAINTY_MM = 4.0
_MARK_UNCERTAINTY_MM = 2.0


def coronal(centerlines: Centerlines, grid: Grid, scan: NDArray[np.generic] | None) -> Picture:
    """Both sides, seen from the front; the grid is the scan's canonical one."""
    return _view("coronal", "Centerlines", centerlines, SIDES_ON_SCREEN, grid, scan)


def sagittal(
    centerlines: Centerlines, side: SideName, grid: Grid, scan: NDArray[np.generic] | None
) -> Picture:
    """One side, seen from the patient's left."""
    return _view("sagittal", side.capitalize(), centerlines, (side,), grid, scan)


def uncertainty_chart(centerlines: Centerlines, side: SideName, grid: Grid) -> Chart | None:
    """The expected error along the height; None where it is unknown."""
    values = np.full((grid.shape[2], 2), np.nan)
    for k, label in enumerate(LABELS):
        artery = centerlines.side(side).artery(label)
        rows = artery.points[:, 2].astype(int)
        inside = (rows >= 0) & (rows < grid.shape[2])
        values[rows[inside], k] = artery.uncertainty_mm[inside]
    if not np.isfinite(values).any():
        return None
    what = Quantity(
        f"± {side[0].upper()}, mm",
        f"Expected error of the centerlines along the height, {side} side",
        _TOP_UNCERTAINTY_MM,
        "largest",
        _MARK_UNCERTAINTY_MM,
    )
    return chart(what, values, grid.spacing_mm[2], page_scale(grid))


def _view(
    kind: str,
    title: str,
    centerlines: Centerlines,
    sides: Sequence[SideName],
    grid: Grid,
    scan: NDArray[np.generic] | None,
) -> Picture:
    plane = plane_of(kind, grid.shape, grid.spacing_mm)
    frame = frame_of(plane, 2.0)
    along, through = (0, 1) if kind == "coronal" else (1, 0)
    grey = np.full((frame.height_px, frame.width_px), GREY_FLOOR, np.float32)
    if scan is not None:
        way = _depth(centerlines, sides, through, grid)
        slab = anatomy.curved_slab(scan, through, way, grid.spacing_mm[through])
        grey = raster.fitted(picture(raster.window(slab)), frame) ** 0.8
    layers: list[Layer] = []
    for side in sides:
        one = centerlines.side(side)
        for label in LABELS:
            points = one.artery(label).points
            data = lines.polyline(plane.points(points[:, along], points[:, 2]))
            layers += layer(f"way {label}", data)
        fork = one.bifurcation
        if fork is not None:
            x, y = plane.points(fork.point[along : along + 1], fork.point[2:])[0]
            reach = 0.0 if np.isnan(fork.uncertainty_mm) else fork.uncertainty_mm
            bar = f"M{lines.number(x)} {lines.number(y - reach)}v{lines.number(2 * reach)}"
            layers += layer("fork", lines.crosses([(x, y)], 2.0) + (bar if reach else ""))
    return Picture(
        raster.grey_image(grey),
        f"{title}, {kind} view",
        kind,
        plane.extent_mm,
        page_scale(grid),
        tuple(layers),
        letters=LETTERS[kind],
        caption=title,
    )


def _depth(
    centerlines: Centerlines, sides: Sequence[SideName], axis: int, grid: Grid
) -> NDArray[np.float64]:
    """(z,) smooth depth of the centers of some sides."""
    arteries = [centerlines.side(side).artery(label) for side in sides for label in LABELS]
    points = np.concatenate([one.points for one in arteries])
    depth, known = np.zeros(grid.shape[2]), np.zeros(grid.shape[2], bool)
    for z in np.unique(points[:, 2].astype(int)):
        if 0 <= z < grid.shape[2]:
            depth[z] = np.median(points[points[:, 2] == z, axis])
            known[z] = True
    return anatomy.followed(depth, known, grid.shape[axis], grid.spacing_mm[2])

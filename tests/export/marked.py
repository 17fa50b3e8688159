"""A drawn neck with results of every step, whose two sides differ, stored in any order of axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.evaluation.cohort import fork
from tests.necks import turned
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of

from carotid.artifacts import LABELS, Centerlines, Contours
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.measure import measure
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.results.centerlines import save_centerlines
from carotid.storage.results.contours import save_contours
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout, OutputLayout
from carotid.storage.results.measurements import save_measurements
from carotid.storage.results.segmentations import save_segmentation

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements

SPACING_MM = (1.2, 1.0, 1.5)
TILT = turned(9, -6, 12)
MIDDLE_MM = {"left": -16.0, "right": 15.0}
"""How far to the patient's right each side's bifurcation lies."""

STEPS = ("heatmap", "centerline", "contour", "segmentation", "measurement")


@dataclass(frozen=True, eq=False)
class Neck:
    """What was drawn, in canonical order."""

    vessels: dict[SideName, dict[Any, Vessel]]
    contours: Contours
    centerlines: Centerlines
    measurements: Measurements

    def stored(self, order: str) -> Grid:
        return self.contours.canonical.reoriented(order)


@cache
def neck() -> Neck:
    """The neck; drawn once, for its slices are the same however it is stored."""
    grid = grid_of(SPACING_MM, CANONICAL, TILT)
    vessels: dict[SideName, Any] = {
        "left": _moved(fork(), 1.0, MIDDLE_MM["left"]),
        "right": _moved(fork(plaque_mm=0.5, scale=1.15), -1.0, MIDDLE_MM["right"]),
    }
    contours = Contours(
        contours_of(vessels["left"], grid).left,
        contours_of(vessels["right"], grid, "right").right,
        grid,
        grid,
    )
    centerlines = Centerlines(
        centerlines_of(vessels["left"], grid, (MIDDLE_MM["left"], 0, 0)).left,
        centerlines_of(vessels["right"], grid, (MIDDLE_MM["right"], 0, 0), "right").right,
        grid,
    )
    measurements = measure(contours, centerlines, MeasurementParameters())
    return Neck(vessels, contours, centerlines, measurements)


def _moved(vessels: dict[str, Vessel], mirror: float, right_mm: float) -> dict[str, Vessel]:
    """The same at another place, or the other way round."""
    flip, shift = np.array([mirror, 1, 1]), np.array([right_mm, 0, 0])
    return {
        label: Vessel(
            one.course * flip + shift, one.radius, one.outer * flip + shift, one.outer_radius
        )
        for label, one in vessels.items()
    }


def write_results(
    root: Path,
    order: str | Grid,
    participant_id: str = "sub-01_ses-02",
    steps: tuple[str, ...] = STEPS,
) -> OutputLayout:
    """An output directory with the results of some steps.

    Args:
        root: The directory.
        order: How the scan is stored: an order of axes, or the neck's grid in some order.
        participant_id: Whose.
        steps: Which.
    """
    drawn, layout = neck(), OutputLayout(root)
    stored = drawn.stored(order) if isinstance(order, str) else order
    contours = replace(drawn.contours, stored=stored)
    folders = {step: layout.transform(participant_id, f"{step}_transform") for step in steps}
    for folder in folders.values():
        folder.mkdir(parents=True)
    if "heatmap" in folders:
        for side in SIDE_NAMES:
            mean = heatmap(side, stored.orientation).transpose(3, 2, 1, 0)
            indices = np.zeros((1, 2, contours.canonical.shape[2], 2), np.int64)
            made = SideSlabs([(mean, mean / np.float32(8))], partial(np.asarray, indices))
            write_side(HeatmapLayout(folders["heatmap"]), side, stored, made)
    if "centerline" in folders:
        save_centerlines(replace(drawn.centerlines, grid=stored), folders["centerline"])
    if "contour" in folders:
        save_contours(contours, folders["contour"])
    if "segmentation" in folders:
        masks = fill_contours(contours, SegmentationParameters())
        save_segmentation(masks, folders["segmentation"])
    if "measurement" in folders:
        save_measurements(drawn.measurements, folders["measurement"])
    return layout


def heatmap(side: SideName, order: str) -> NDArray[np.float32]:
    """(2, i, j, k) a hill around each centerline, in a stored order."""
    drawn = neck()
    canonical = drawn.contours.canonical
    found = np.zeros((2, *canonical.shape), np.float32)
    x, y = (np.arange(n) * s for n, s in zip(canonical.shape[:2], SPACING_MM, strict=False))
    for channel, label in enumerate(LABELS):
        line = drawn.centerlines.side(side).artery(label)
        for px, py, pz in line.points:
            square = (x[:, None] - px * SPACING_MM[0]) ** 2 + (y - py * SPACING_MM[1]) ** 2
            found[channel, :, :, int(pz)] = np.exp(-square / 8)
    way = Reordering.between(canonical, order)
    return np.ascontiguousarray(way.view(found, first_axis=1), np.float32)


@cache
def mask_centers() -> dict[str, NDArray[np.float64]]:
    """R-A-S mm: the center of each structure's voxels, counted on the canonical grid."""
    drawn = neck()
    grid = drawn.contours.canonical
    filled = fill_contours(drawn.contours, SegmentationParameters())
    found = {}
    for side in SIDE_NAMES:
        lumen_in, wall_in, lumen_ex, wall_ex = filled.masks(side) != 0
        parts = {
            "internal_lumen": lumen_in,
            "internal_wall": wall_in & ~lumen_in,
            "external_lumen": lumen_ex,
            "external_wall": wall_ex & ~lumen_ex,
        }
        for name, part in parts.items():
            center = np.argwhere(part).mean(axis=0)
            found[f"{side}_{name}"] = grid.world_from_index(center)
    return found

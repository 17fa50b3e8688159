"""Drawn necks with both sides, measured, and scans of them, for what draws figures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.evaluation.cohort import fork
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of

from carotid.artifacts import Contours
from carotid.geometry.grid import CANONICAL
from carotid.geometry.volume import Volume
from carotid.stages.measurement.measure import measure

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines
    from carotid.measurements import Measurements

SPACING = (0.6, 0.5, 1.0)
PLAQUE_MM = 1.2


def moved(vessels: dict[str, Vessel], by_mm: float, *, mirrored: bool) -> dict[str, Vessel]:
    """The same somewhere else to the right; perhaps as in a mirror."""
    sign = np.array([-1 if mirrored else 1, 1, 1])
    shift = np.array([by_mm, 0, 0])
    return {
        label: replace(v, course=v.course * sign + shift, outer=v.outer * sign + shift)
        for label, v in vessels.items()
    }


@cache
def neck(order: str = CANONICAL) -> tuple[Contours, Centerlines]:
    """A neck whose right side is the left one in a mirror, stored in some order of axes."""
    grid = grid_of(SPACING, order)
    left: Any = moved(fork(PLAQUE_MM), -8.0, mirrored=False)
    right: Any = moved(fork(PLAQUE_MM), 8.0, mirrored=True)
    both = contours_of(left, grid), contours_of(right, grid, "right")
    contours = Contours(both[0].left, both[1].right, both[0].canonical, both[0].stored)
    lines = centerlines_of(left, grid, (-8, 0, 0), by_hand=True)
    other = centerlines_of(right, grid, (8, 0, 0), "right", by_hand=True)
    return contours, replace(lines, right=other.right)


@cache
def measured() -> Measurements:
    """Measurements of the neck."""
    return measure(*neck())


def scan(order: str) -> Volume:
    """A scan of the neck, brighter to the patient's right and in the anterior quarter."""
    grid = grid_of(SPACING, order)
    canonical = grid.reoriented(CANONICAL)
    x, y, _ = np.meshgrid(*(np.arange(n) for n in canonical.shape), indexing="ij")
    bright = 10 * x + 100 * (y > 0.75 * canonical.shape[1])
    volume = Volume(bright.astype(np.float32), canonical)
    return volume.reoriented(order)

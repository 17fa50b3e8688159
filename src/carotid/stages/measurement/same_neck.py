"""Whether contours and centerlines belong together: the same scan, and the same arteries."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.outlines import inside
from carotid.geometry.polygons import has_area
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines, Contours, Label
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

_REMEDY = "give the directories of one run"


def check_same_neck(contours: Contours, centerlines: Centerlines) -> None:
    """Refuse centerlines of another scan, and warn of arteries whose centers lie elsewhere.

    Raises:
        InputError: The grids differ, or most centers lie outside of the outlines of their slice.
    """
    grid = centerlines.grid
    if grid is not None and not centerlines.fits(contours.canonical):
        raise InputError(
            "the contours and the centerlines belong to different scans",
            found=f"sizes {contours.canonical.shape} and {grid.shape}",
            expected="the same grid for both",
            remedy=_REMEDY,
        )
    outside = compared = 0
    for side in SIDE_NAMES:
        for label in LABELS:
            out, of = _centers_outside(contours, centerlines, side, label)
            outside, compared = outside + out, compared + of
            if 2 * out > of:
                logger.warning(
                    "%s %s: outside of the outlines of their slice: %d of %s",
                    side,
                    label,
                    out,
                    counted(of, "center"),
                )
    if 2 * outside > compared:
        raise InputError(
            "the centerlines do not run through the contours",
            found=f"{outside} of {compared} centers outside of the outlines of their slice",
            expected="centerlines and contours of one neck",
            remedy=_REMEDY,
        )


def _centers_outside(
    contours: Contours, centerlines: Centerlines, side: SideName, label: Label
) -> tuple[int, int]:
    """How many centers lie outside of their slice's outline, and how many slices have both."""
    outer = {
        one.z: outline.points
        for one in contours.side(side)
        if one.label == label
        and (outline := one.wall or one.lumen) is not None
        and has_area(outline.points)
    }
    points = centerlines.side(side).artery(label).points
    both = [(x, y, outer[int(z)]) for x, y, z in points if int(z) in outer]
    within = [inside(np.array([[[x, y]]]), outline[None])[0, 0] for x, y, outline in both]
    return len(both) - sum(within), len(both)

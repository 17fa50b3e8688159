"""Bifurcations that move because outlines beside the flow divider did, or were taken away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.bifurcations import bifurcations_of

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines, Contours

logger = logging.getLogger(__name__)

TOLD_MM = 1.0
"""Positions and segments that begin so much higher or lower are worth a word."""


def tell_moved_forks(before: Contours, after: Contours, centerlines: Centerlines) -> None:
    """Say on which side positions count from another height than before."""
    old, new = (bifurcations_of(contours, centerlines) for contours in (before, after))
    for side in SIDE_NAMES:
        if side not in old or side not in new or not after.side(side):
            continue
        above_mm = float(new[side][2] - old[side][2]) * after.canonical.spacing_mm[2]
        if abs(above_mm) >= TOLD_MM:
            logger.warning(
                "%s: with these outlines the bifurcation lies %.1f mm %s than before, and so do "
                "all segments that count from it; look at it, or set it by hand",
                side,
                abs(above_mm),
                "higher" if above_mm > 0 else "lower",
            )

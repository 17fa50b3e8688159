"""The bifurcations from which measurements count, for those who show or move them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.artery import fork_of
from carotid.stages.measurement.parameters import MeasurementParameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Contours
    from carotid.geometry.sides import SideName


def bifurcations_of(
    contours: Contours | None, centerlines: Centerlines
) -> dict[SideName, NDArray[np.float64]]:
    """(3,) canonical voxel indices by side; sides on which none is known are not there.

    Args:
        contours: Show the flow divider; None where there are none. Those of another scan show
            nothing.
        centerlines: Say where the courses meet, or what was set by hand.
    """
    found: dict[SideName, NDArray[np.float64]] = {}
    smoothing_mm = MeasurementParameters().smoothing_mm
    if contours is not None and not centerlines.fits(contours.canonical):
        contours = None
    for side in SIDE_NAMES:
        own = centerlines.side(side)
        if own.bifurcation is not None:
            found[side] = own.bifurcation.point
        if contours is None:
            continue
        canonical = contours.canonical
        fork = fork_of(contours.side(side), own, canonical, smoothing_mm, side)
        if fork.source == "divider" and fork.point_mm is not None:
            found[side] = fork.point_mm / np.array(canonical.spacing_mm)
    return found

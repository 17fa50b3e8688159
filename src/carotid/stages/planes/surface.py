"""Radii as surfaces: smoothed along the artery.

The lumen is smoothed first, then the wall's thickness as a logarithm, so the outer boundary stays
outside. Each ray is smoothed by itself, by penalised least squares: weighted squared departures,
plus the squared second derivative along the artery. The lumen is smoothed everywhere alike, and
little: where networks are unsure there may be a short stenosis. The wall is smoothed more where
they are unsure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.images import STEP_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.planes.predict import Radii

LUMEN_CUT_OFF_MM = 3.0
"""Waves of the lumen along the artery that are halved."""

_WALL_CUT_OFF_MM = 5.0
_USUAL_SPREAD_MM = 0.15
"""Spread at which a wave of 1 mm of wall of that length is halved; larger ones smooth more."""

_LEAST_SPREAD_MM = 0.05
_LARGEST_OUTER_SPREAD_MM = 0.3
"""Larger ones of the outer boundary say that there may be plaque; smoothing would flatten it."""

_LEAST_THICKNESS_MM = 0.05


def smoothed(radii: Radii) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lumen and outer boundary as surfaces, from what networks say.

    It is their own spread that tells where to smooth, not the calibrated one: that one is measured
    on the surfaces.
    """
    return smooth_surfaces(radii.lumen_mm, radii.outer_mm, radii.outer_raw_mm)


def smooth_surfaces(
    lumen_mm: NDArray[np.float64],
    outer_mm: NDArray[np.float64],
    outer_spread_mm: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smooth (planes, rays) radii along the planes; returns lumen and outer boundary."""
    lumen = np.maximum(_smooth(lumen_mm, np.ones_like(lumen_mm), LUMEN_CUT_OFF_MM), 0)
    thickness = np.maximum(outer_mm - lumen_mm, _LEAST_THICKNESS_MM)
    # The error of a logarithm is the relative error.
    spread = np.minimum(outer_spread_mm, _LARGEST_OUTER_SPREAD_MM)
    relative = np.minimum(thickness, 2.0) / np.maximum(spread, _LEAST_SPREAD_MM)
    weights = (_USUAL_SPREAD_MM * relative) ** 2
    return lumen, lumen + np.exp(_smooth(np.log(thickness), weights, _WALL_CUT_OFF_MM))


def _smooth(
    values: NDArray[np.float64], weights: NDArray[np.float64], cut_off_mm: float
) -> NDArray[np.float64]:
    """Minimise Σ w (q − v)² + λ Σ (second difference of q)² along the first axis.

    With λ such that waves of the cut-off's length are halved where the weights are 1.
    """
    from scipy.linalg import solveh_banded

    n, rays = values.shape
    if n < 3:
        return values
    wave = 2 * np.pi * STEP_MM / cut_off_mm
    strength = 1 / (2 - 2 * np.cos(wave)) ** 2
    bands = np.zeros((3, n))  # of D'D, the upper form of solveh_banded
    for k in range(n - 2):
        for a, first in enumerate((1.0, -2.0, 1.0)):
            for b, second in enumerate((1.0, -2.0, 1.0)):
                if b >= a:
                    bands[2 - (b - a), k + b] += first * second
    out = np.empty_like(values)
    for ray in range(rays):
        system = strength * bands
        system[2] += weights[:, ray] + 1e-9
        out[:, ray] = solveh_banded(system, weights[:, ray] * values[:, ray])
    return out

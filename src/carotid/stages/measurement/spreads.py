"""How sure each measure is, from the spread of the outlines that it was taken from.

Errors of an outline are not independent from point to point: a network that sees the wall too far
out sees it so over a stretch. Errors of two points of one outline, at angles α apart, are taken to
correlate by exp(−(α / spread_angle_deg)² / 2), those of lumen and outer outline not at all, and
those of two cross-sections by their distance and `spread_along_mm`. Both settings and the overall
factor `spread_scale` are to be calibrated against known truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.tube import ANGLES
from carotid.stages.measurement.shapes import MAP_ANGLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.tube import Cut
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.stages.measurement.shapes import Shapes


@dataclass(frozen=True, eq=False)
class Spreads:
    """Standard deviations of the measures of the same name in `Shapes`; NaN where unknown."""

    la: NDArray[np.float64]
    tva: NDArray[np.float64]
    wa: NDArray[np.float64]
    nwi: NDArray[np.float64]
    wt_mean: NDArray[np.float64]
    wt_max: NDArray[np.float64]
    wt_min: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    lumen_diameter: NDArray[np.float64]
    lumen_caliper: NDArray[np.float64]
    lumen_inscribed: NDArray[np.float64]
    outer_diameter: NDArray[np.float64]


def spreads_of(
    shapes: Shapes, lumen: Cut, outer: Cut, parameters: MeasurementParameters
) -> Spreads:
    """Spreads of cross-sections' measures.

    To first order in the errors: an area changes by the outline's shift along it, the mean
    thickness by the mean shift of both outlines, the largest one by the shifts at its place.
    """
    scale, width = parameters.spread_scale, np.deg2rad(parameters.spread_angle_deg)
    sd_l, sd_o = lumen.spread_mm * scale, outer.spread_mm * scale
    step = 2 * np.pi / ANGLES
    var_la = _variance_of_sum(lumen.radii_mm * sd_l * step, width)
    var_tva = _variance_of_sum(outer.radii_mm * sd_o * step, width)
    length = np.hypot(lumen.radii_mm, _slope(lumen.radii_mm))
    with np.errstate(all="ignore"):
        share = length / length.sum(axis=1, keepdims=True)
        var_mean = _variance_of_sum(share * sd_l, width) + _variance_of_sum(share * sd_o, width)
        sd_max = _at(sd_l, sd_o, np.nan_to_num(shapes.thickness).argmax(axis=1))
        sd_min = _at(sd_l, sd_o, np.nan_to_num(shapes.thickness).argmin(axis=1))
        typical = np.sqrt((sd_l**2).mean(axis=1))
        return Spreads(
            la=np.sqrt(var_la),
            tva=np.sqrt(var_tva),
            wa=np.sqrt(var_la + var_tva),
            nwi=np.sqrt(var_la + (shapes.la / shapes.tva) ** 2 * var_tva) / shapes.tva,
            wt_mean=np.sqrt(var_mean),
            wt_max=sd_max,
            wt_min=sd_min,
            eccentricity=(1 - shapes.eccentricity)
            * np.hypot(sd_min / shapes.wt_min, sd_max / shapes.wt_max),
            lumen_diameter=np.sqrt(var_la / (np.pi * shapes.la)),
            lumen_caliper=np.sqrt(2) * typical,
            lumen_inscribed=np.sqrt(2) * typical,
            outer_diameter=np.sqrt(var_tva / (np.pi * shapes.tva)),
        )


def _variance_of_sum(parts: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """(s,) variance of Σ parts·ε over the angles, where the errors ε correlate by their distance.

    The correlation depends on the difference of angles alone, so that it is diagonal in Fourier
    space.
    """
    apart = np.minimum(np.arange(ANGLES), ANGLES - np.arange(ANGLES)) * (2 * np.pi / ANGLES)
    strength = np.maximum(np.fft.rfft(np.exp(-0.5 * (apart / width) ** 2)).real, 0)
    power = np.abs(np.fft.rfft(parts, axis=1)) ** 2 * strength
    both_ends = np.full(strength.shape, 2.0)
    both_ends[[0, -1]] = 1
    return np.asarray((power * both_ends).sum(axis=1) / ANGLES, np.float64)


def _slope(radii: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.roll(radii, -1, axis=1) - np.roll(radii, 1, axis=1)) * ANGLES / (4 * np.pi)


def _at(
    sd_l: NDArray[np.float64], sd_o: NDArray[np.float64], direction: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Both outlines' spread together, in one direction of each cross-section."""
    rows, rays = np.arange(len(direction)), direction * (ANGLES // MAP_ANGLES)
    return np.asarray(np.hypot(sd_l[rows, rays], sd_o[rows, rays]), np.float64)

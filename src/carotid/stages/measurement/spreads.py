"""How sure each measure is, from the spread of the outlines that it was taken from.

Errors of an outline are not independent from point to point: a network that sees the wall too far
out sees it so over a stretch. Errors of two points of one outline, at angles α apart, are taken to
correlate by exp(−(α / spread_angle_deg)² / 2), those of lumen and outer outline not at all, and
those of two cross-sections by their distance and `spread_along_mm`. Both settings and the overall
factor `spread_scale` are to be calibrated against known truth.

The largest of many uncertain values is overstated. What is stated for an extreme is therefore the
root mean square of its change when the thickness is disturbed within its spread, in fixed draws: it
holds the excess as well as the scatter. For the largest of a whole artery, draws have the tails
that errors have: by the calibration of the package's networks, 95 % of them lie within 2.3 to 3.7
times what holds 68 %, where a normal distribution has 2.0 and Student's t with 4 degrees of freedom
2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.tube import ANGLES
from carotid.stages.measurement.shapes import MAP_ANGLES

_DRAWS = 64
_DEGREES_OF_FREEDOM = 4

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.tube import Cut
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.stages.measurement.shapes import Shapes


@dataclass(frozen=True, eq=False)
class Spreads:
    """Standard deviations of the measures of the same name in `Shapes`; NaN where unknown.

    `thickness` is (s, `MAP_ANGLES`), all others are (s,).
    """

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
    thickness: NDArray[np.float64]


def spreads_of(
    shapes: Shapes, lumen: Cut, outer: Cut, parameters: MeasurementParameters
) -> Spreads:
    """Spreads of cross-sections' measures.

    To first order in the errors, but for extremes: an area changes by the outline's shift along
    it, the mean thickness by the mean shift of both outlines.
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
        thickness = np.hypot(sd_l, sd_o)[:, :: ANGLES // MAP_ANGLES]
        drawn = _errors_by_direction(parameters.spread_angle_deg)
        sd_max, sd_min = _of_extremes(shapes.thickness, thickness, drawn)
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
            thickness=thickness,
        )


def spread_of_largest(
    thickness: NDArray[np.float64],
    spread: NDArray[np.float64],
    s_mm: NDArray[np.float64],
    parameters: MeasurementParameters,
) -> float:
    """What is stated for the largest thickness of a whole stretch, see above.

    Args:
        thickness: (k, `MAP_ANGLES`) of its slices, without NaN.
        spread: (k, `MAP_ANGLES`) standard deviations.
        s_mm: (k,) where the slices are.
        parameters: How errors belong together.

    Returns:
        NaN where a spread is unknown or there is no slice.
    """
    if not len(thickness) or not np.isfinite(spread).all():
        return float("nan")
    highest = int(thickness.max(axis=1).argmax())
    # Neighbours closer than a part of the correlation's length add nothing.
    order = np.argsort(s_mm)
    spacing = max(float(np.median(np.diff(s_mm[order]))), 1e-3) if len(s_mm) > 1 else 1.0
    some = order[:: max(int(parameters.spread_along_mm / 4 / spacing), 1)]
    some = np.union1d(some, [highest])
    apart = (s_mm[some, None] - s_mm[some]) / parameters.spread_along_mm
    along = _root(np.exp(-0.5 * apart**2))
    draws = np.random.default_rng(0).normal(size=(_DRAWS, len(some), MAP_ANGLES))
    errors = _unit(along @ draws @ _root(_correlation(parameters.spread_angle_deg)).T)
    errors *= _tails()[:, None, None]
    disturbed = (thickness[some] + spread[some] * errors).max(axis=(1, 2))
    return float(np.sqrt(((disturbed - thickness.max()) ** 2).mean()))


@cache
def _tails() -> NDArray[np.float64]:
    """(draws,) factors that make normal errors Student's t, of which 68 % lie within 1 as well."""
    from scipy.special import chdtri, stdtrit

    above = (np.random.default_rng(0).permutation(_DRAWS) + 0.5) / _DRAWS
    wider = np.sqrt(_DEGREES_OF_FREEDOM / chdtri(_DEGREES_OF_FREEDOM, above))
    return np.asarray(wider / stdtrit(_DEGREES_OF_FREEDOM, 0.84), np.float64)


@cache
def _errors_by_direction(angle_deg: float) -> NDArray[np.float64]:
    """(draws, `MAP_ANGLES`) unit errors that correlate by their angle; always the same."""
    draws = np.random.default_rng(0).normal(size=(_DRAWS, MAP_ANGLES))
    drawn = _unit(draws @ _root(_correlation(angle_deg)).T)
    drawn.setflags(write=False)
    return drawn


def _unit(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws (first axis) with mean 0 and variance 1 at every place: few draws, less chance."""
    centered = draws - draws.mean(axis=0)
    return np.asarray(centered / centered.std(axis=0), np.float64)


def _correlation(angle_deg: float) -> NDArray[np.float64]:
    step = 360 / MAP_ANGLES * np.arange(MAP_ANGLES)
    apart = np.abs(step[:, None] - step)
    apart = np.minimum(apart, 360 - apart)
    return np.asarray(np.exp(-0.5 * (apart / angle_deg) ** 2), np.float64)


def _root(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)), np.float64)


def _of_extremes(
    thickness: NDArray[np.float64], spread: NDArray[np.float64], drawn: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(s,) root mean square change of the largest and of the smallest thickness."""
    high, low = thickness.max(axis=1), thickness.min(axis=1)
    squares = np.zeros((2, len(thickness)))
    for errors in drawn:
        disturbed = thickness + spread * errors
        squares[0] += (disturbed.max(axis=1) - high) ** 2
        squares[1] += (disturbed.min(axis=1) - low) ** 2
    largest, smallest = np.sqrt(squares / len(drawn))
    return largest, smallest


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

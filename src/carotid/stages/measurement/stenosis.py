"""How narrow the internal carotid is against a reference, and whether a lesion grew outwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.along import over_known, spread_of_mean
from carotid.evaluation.unsure_lumens import MUCH_NARROWER, NARROW_MM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters
    from carotid.stages.measurement.stretches import Stretch

MIN_REFERENCE_SHARE = 0.5
"""So much of the reference must be there to be used."""

_ROUNDING_MM = 1e-6

WIDER_BEYOND = 1.25
"""An artery that is so much wider again beyond its narrowest place does not only taper."""

LEAST_NARROW_MM = 2.0
"""A place where no reference can lie beyond it counts if it is narrow over so much: single outlines
may be too small."""

MIN_SLOPE_SLICES = 3

DOUBTS: Mapping[str, str] = {
    "unsure_lumen": "no stenosis or least lumen is told, as slices with the flag unsure_lumen "
    "may be much narrower than all that were read",
    "thick_reference": "the stenosis may be too small, as the wall of its reference is as thick "
    "as plaque, and the artery may be narrowed there as well",
    "narrow_reference": "the stenosis may be too small, as its reference is narrower than 3 mm: "
    "the artery is slender, or collapsed beyond a near-occlusion",
    "wide_reference": "the stenosis may be too large, as its reference is wider than 7 mm: there "
    "may be an aneurysm",
}
"""Why a stenosis is not to be taken as it stands."""

NARROW_REFERENCE_MM = 3.0
WIDE_REFERENCE_MM = 7.0
"""Beyond the bulb internal carotids are 4.7 mm wide, with a standard deviation of 0.5 mm."""

_THICK_SHARE = 0.5
_NARROWER_BY = 2.0
"""Standard deviations by which an unsure lumen may be narrower than it is drawn."""


@dataclass(frozen=True)
class Stenosis:
    """The narrowest place of the internal carotid; NaN for what is unknown.

    Attributes:
        s_mm: Where it is, from the bifurcation.
        reference_from_mm, reference_to_mm: Where the reference is.
        reference_diameter_mm, reference_area_mm2: Mean over the reference.
        nascet_percent: 100 (1 − least diameter / reference diameter).
        ecst_percent: 100 (1 − least diameter / diameter of the outer outline there).
        area_percent: 100 (1 − least area / reference area); the least area may lie elsewhere.
        nascet_sd, ecst_sd, area_sd: Standard deviations of the three, in percent.
        doubts: Which of `DOUBTS` there are.
    """

    s_mm: float = np.nan
    reference_from_mm: float = np.nan
    reference_to_mm: float = np.nan
    reference_diameter_mm: float = np.nan
    reference_area_mm2: float = np.nan
    nascet_percent: float = np.nan
    ecst_percent: float = np.nan
    area_percent: float = np.nan
    nascet_sd: float = np.nan
    ecst_sd: float = np.nan
    area_sd: float = np.nan
    doubts: tuple[str, ...] = ()


_DIAMETERS = {
    "equivalent": "lumen_diameter",
    "caliper": "lumen_caliper",
    "inscribed": "lumen_inscribed",
}


def diameter_of(one: MeasuredArtery, parameters: MeasurementParameters) -> NDArray[np.float64]:
    """(k,) the diameter that stenoses are told by."""
    found: NDArray[np.float64] = getattr(one.across, _DIAMETERS[parameters.stenosis_diameter])
    return found


def spread_of_diameter(
    one: MeasuredArtery, parameters: MeasurementParameters
) -> NDArray[np.float64]:
    """(k,) its standard deviation; NaN where unknown."""
    found: NDArray[np.float64] = getattr(one.spreads, _DIAMETERS[parameters.stenosis_diameter])
    return found


def stenosis_of(
    one: MeasuredArtery, internal: Stretch, parameters: MeasurementParameters
) -> Stenosis:
    """The stenosis of an internal carotid, near the bifurcation.

    It may be negative, where the artery is wider than the reference, and is not clipped.

    Args:
        one: The artery with the common and the internal carotid.
        internal: Its slices above the bifurcation whose lumen can be read.
        parameters: Where it is looked for, where the reference is, and which diameter is meant.
    """
    diameter = diameter_of(one, parameters)
    there = np.flatnonzero(internal.rows & np.isfinite(diameter))
    near = there[one.s_mm[there] <= parameters.stenosis_to_mm]
    sought = (one.s_mm >= 0) & (one.s_mm <= parameters.stenosis_to_mm)
    if not len(near):
        return Stenosis(doubts=("unsure_lumen",) if (sought & _unsure(one)).any() else ())
    # The narrowest place is looked for where a reference can lie beyond it: an artery that narrows
    # towards its end, or towards the skull, is no stenosis. One that widens again is narrowed.
    low, high = (one.s_mm + sign * internal.along_mm / 2 for sign in (-1, 1))
    last = float(high[there].max())
    needed = parameters.reference_beyond_mm + MIN_REFERENCE_SHARE * parameters.reference_length_mm
    before = near[one.s_mm[near] <= last - needed]
    least = int(near[diameter[near].argmin()])
    narrow_mm = _narrow_mm(diameter[there], internal.along_mm[there], int((there < least).sum()))
    candidates = near if narrow_mm >= LEAST_NARROW_MM or not len(before) else before
    narrowest = int(candidates[diameter[candidates].argmin()])
    if may_be_narrower(one, sought, diameter, float(diameter[narrowest])):
        return Stenosis(doubts=("unsure_lumen",))
    smallest = int(candidates[one.across.la[candidates].argmin()])
    start = max(
        parameters.reference_from_mm, float(one.s_mm[narrowest]) + parameters.reference_beyond_mm
    )
    end = start + parameters.reference_length_mm
    # Its ends cut slices, as those of segments do.
    weights = np.zeros(len(one.s_mm))
    weights[there] = np.clip(np.fmin(high, end) - np.fmax(low, start), 0, None)[there]
    if weights.sum() < MIN_REFERENCE_SHARE * parameters.reference_length_mm - _ROUNDING_MM:
        start = end = np.nan
        weights[:] = 0
    spread = spread_of_diameter(one, parameters)
    along_mm = parameters.spread_along_mm
    nascet = _Narrowing.of(one.s_mm, diameter, spread, narrowest, weights, along_mm)
    by_area = _Narrowing.of(one.s_mm, one.across.la, one.spreads.la, smallest, weights, along_mm)
    outer = float(one.across.outer_diameter[narrowest]) if one.wall_read[narrowest] else np.nan
    open_share = float(diameter[narrowest]) / outer
    both = spread[narrowest], open_share * one.spreads.outer_diameter[narrowest]
    return Stenosis(
        s_mm=float(one.s_mm[narrowest]),
        reference_from_mm=start,
        reference_to_mm=end,
        reference_diameter_mm=nascet.reference,
        reference_area_mm2=by_area.reference,
        nascet_percent=nascet.percent,
        ecst_percent=100 * (1 - open_share),
        area_percent=by_area.percent,
        nascet_sd=nascet.sd,
        ecst_sd=float(100 * np.hypot(*both) / outer),
        area_sd=by_area.sd,
        doubts=_doubts(one, nascet.reference, np.flatnonzero(weights), parameters),
    )


@dataclass(frozen=True)
class _Narrowing:
    """A least value against the mean of a reference; NaN where there is none."""

    reference: float = np.nan
    percent: float = np.nan
    sd: float = np.nan

    @classmethod
    def of(
        cls,
        s_mm: NDArray[np.float64],
        values: NDArray[np.float64],
        spreads: NDArray[np.float64],
        least: int,
        weights: NDArray[np.float64],
        along_mm: float,
    ) -> _Narrowing:
        """Of (k,) values and weights of the reference; its spread is to first order.

        There is none where the least value has none, or no slice of the reference.
        """
        if not weights.any():
            return cls()
        share = weights / weights.sum()
        reference = float(share @ np.where(share > 0, values, 0))
        open_share = float(values[least]) / reference
        changes = open_share * over_known(share, spreads)
        if not changes.any():
            return cls(reference, 100 * (1 - open_share))
        changes[least] -= 1
        sd = spread_of_mean(spreads, 100 / reference * changes, s_mm, along_mm)
        return cls(reference, 100 * (1 - open_share), sd)


def may_be_narrower(
    one: MeasuredArtery,
    rows: NDArray[np.bool_],
    diameter: NDArray[np.float64],
    least: float,
) -> bool:
    """Whether a lumen that is not read, as it is unsure, may be much narrower than the least.

    Where that is a severe stenosis already it is told: the truth can only be worse.

    Args:
        one: The artery.
        rows: (k,) the slices that are looked at.
        diameter: (k,) of all slices, read or not.
        least: The least that is read.
    """
    if least < NARROW_MM:
        return False
    unsure = rows & _unsure(one)
    lowest = diameter - _NARROWER_BY * one.spreads.lumen_diameter
    return bool((lowest < MUCH_NARROWER * least)[unsure].any())


def _unsure(one: MeasuredArtery) -> NDArray[np.bool_]:
    """(k,) slices with an unsure lumen; not those at the scan's edge, which are always unsure."""
    return one.flags["unsure_lumen"] & ~one.flags["edge"]


def _doubts(
    one: MeasuredArtery,
    reference_mm: float,
    rows: NDArray[np.int64],
    parameters: MeasurementParameters,
) -> tuple[str, ...]:
    """What speaks against a reference; nothing does where there is none."""
    if np.isnan(reference_mm):
        return ()
    read = rows[one.wall_read[rows]]
    thick = one.across.wt_max[read] >= parameters.plaque_thickness_mm
    found = {
        "thick_reference": len(read) > 0 and thick.mean() > _THICK_SHARE,
        "narrow_reference": reference_mm < NARROW_REFERENCE_MM,
        "wide_reference": reference_mm > WIDE_REFERENCE_MM,
    }
    return tuple(name for name, holds in found.items() if holds)


def _narrow_mm(diameter: NDArray[np.float64], along_mm: NDArray[np.float64], least: int) -> float:
    """Over which length an artery is narrowed around a slice; 0 where it does not widen again.

    That is the run of slices nearer to its diameter than to the largest one beyond it.

    Args:
        diameter: (k,) of all slices, rising.
        along_mm: (k,) the length of each.
        least: The narrow one.
    """
    widest = float(diameter[least:].max())
    if widest < WIDER_BEYOND * diameter[least]:
        return 0.0
    wide = np.flatnonzero(diameter > (widest + diameter[least]) / 2)
    start = int(wide[wide < least].max(initial=-1)) + 1
    stop = int(wide[wide > least].min())
    return float(along_mm[start:stop].sum())


@dataclass(frozen=True)
class Remodelling:
    """The vessel's size at the thickest place against what it would be without; NaN if unknown.

    Attributes:
        ratio: Above 1.05 the vessel grew outwards, below 0.95 it shrank.
        s_mm: Where the wall is thickest.
        reference_s_mm: Where it is thinnest on average: the reference.
    """

    ratio: float = np.nan
    s_mm: float = np.nan
    reference_s_mm: float = np.nan


def remodelling_of(
    one: MeasuredArtery, part: Stretch, parameters: MeasurementParameters
) -> Remodelling:
    """Remodelling in a part of an artery that does not cross the bifurcation.

    The area of the vessel at the lesion over that at the reference, corrected for the taper: the
    slope of the lumen's area along the part times the distance. Slices with plaque have no say in
    the slope: what a lesion narrows is no taper.

    Args:
        one: The artery.
        part: Its slices whose wall can be read.
        parameters: From which thickness on there is a lesion.
    """
    s, thickest = one.s_mm, one.across.wt_max
    there = np.flatnonzero(part.rows & np.isfinite(thickest) & np.isfinite(s))
    if not len(there):
        return Remodelling()
    lesion = there[thickest[there].argmax()]
    if thickest[lesion] < parameters.plaque_thickness_mm:
        return Remodelling()
    sound = there[thickest[there] < parameters.plaque_thickness_mm]
    if len(sound) < MIN_SLOPE_SLICES:
        return Remodelling()
    reference = there[one.across.wt_mean[there].argmin()]
    slope = np.polyfit(s[sound] - s[sound].mean(), one.across.la[sound], 1)[0]
    expected = one.across.tva[reference] + slope * (s[lesion] - s[reference])
    ratio = float(one.across.tva[lesion] / expected) if expected > 0 else np.nan
    return Remodelling(ratio, float(s[lesion]), float(s[reference]))

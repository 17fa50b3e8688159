"""Two measurements of one side laid over each other: along the artery and in angle.

Along the artery both begin at the bifurcation, whose height is uncertain by a millimetre or so;
the shift that is left is found from the areas of lumen and vessel. In angle both count from
anterior; a head that is turned otherwise in the second scan is turned back by the direction in
which the external carotid lies, seen from the internal one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.common_range import STEP_MM, ArteryCourse, common_positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.evaluation.common_range import Course
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

MAX_SHIFT_MM = 4.0
"""Largest error of the bifurcation that is looked for."""

BIFURCATION_ERROR_MM = 0.5
"""How far off the bifurcation of one scan usually is against that of another, if it is a flow
divider; seldom, or where it is none, it is off by more, as in a Cauchy distribution."""

AREA_ERROR = 0.05
ERROR_ALONG_MM = 5.0
"""Areas of two scans differ by this share, and neighbours within this length differ alike."""

MIN_OVERLAP_MM = 10.0
"""Shorter common stretches say too little about a shift."""

UNLIKE = 0.2
"""From this median difference of the lumen's areas on, as a logarithm, two scans may be of two
people. On simulated necks it was below 0.08 in all repeated scans, and above this in nine of ten
pairs of two people (benchmarks/same_person.py). A plaque does not move a median, unless it fills
half of what both show."""

_LANDMARK_MM = (3.0, 15.0)
"""Where above the bifurcation the direction from internal to external is taken."""

_MIN_APART_MM = 2.0
_COARSE = 5


@dataclass(frozen=True)
class Alignment:
    """How the second measurement lies against the first.

    Attributes:
        shift_mm: What positions of the second are raised by.
        turn_deg: What directions of the second are raised by; NaN where there is no landmark.
        unlikeness: Median absolute difference of the logarithm of the lumen's area along the common
            and the internal carotid; NaN where too little is in both.
    """

    shift_mm: float
    turn_deg: float
    unlikeness: float = np.nan

    def warn(self, name: str, side: SideName) -> None:
        """Say so where the shift may be larger than is looked for, or the arteries are not alike.

        Args:
            name: What the second measurement is called.
            side: Which side it is.
        """
        if abs(self.shift_mm) > MAX_SHIFT_MM - STEP_MM / 2:
            logger.warning(
                "%s, %s: its bifurcation is off by %g mm or more from the first one's, which is as "
                "far as is looked for; look at both, and correct the one that is wrong",
                name,
                side,
                abs(self.shift_mm),
            )
        if self.unlikeness > UNLIKE:
            logger.warning(
                "%s, %s: along half of the artery the lumen's area differs by %.0f %% or more from "
                "the first one's: a hint, but no proof, that the scans are of two people, or that "
                "contours are wrong; look at both. They are compared all the same",
                name,
                side,
                100 * np.expm1(self.unlikeness),
            )


def align(
    first: Mapping[Label, ArteryCourse], second: Mapping[Label, ArteryCourse], side: SideName
) -> Alignment:
    """Lay the second measurement of a side over the first."""
    shift = _shift_mm(first, second)
    moved = {label: course.shifted(shift) for label, course in second.items()}
    before, after = (_landmark_deg(courses, side) for courses in (first, moved))
    unlikeness = _unlikeness(first["internal"].lumen, moved["internal"].lumen)
    return Alignment(shift, (before - after + 180) % 360 - 180, unlikeness)


def _unlikeness(one: Course, other: Course) -> float:
    s = common_positions([one, other])[::_COARSE]
    if len(s) * _COARSE * STEP_MM < MIN_OVERLAP_MM:
        return np.nan
    return float(np.median(np.abs(np.log(one.at("la_mm2", s) / other.at("la_mm2", s)))))


def _shift_mm(first: Mapping[Label, ArteryCourse], second: Mapping[Label, ArteryCourse]) -> float:
    """The likeliest shift: areas agree, and the bifurcation is not too far off."""
    shifts = np.arange(-MAX_SHIFT_MM, MAX_SHIFT_MM + STEP_MM / 2, STEP_MM)
    found = [_misfit(first, second, float(shift)) for shift in shifts]
    length = min(mm for _, mm in found)
    if length < MIN_OVERLAP_MM:
        return 0.0
    # Twice the negative logarithm of the likelihood, of errors that belong together over a length.
    likelihood = np.array([square for square, _ in found]) * length / ERROR_ALONG_MM
    seldom = 2 * np.log1p((shifts / BIFURCATION_ERROR_MM) ** 2)
    cost = likelihood / AREA_ERROR**2 + seldom
    return float(round(shifts[int(cost.argmin())], 3))


def _misfit(
    first: Mapping[Label, ArteryCourse], second: Mapping[Label, ArteryCourse], shift_mm: float
) -> tuple[float, float]:
    """Mean square of the areas' logarithmic difference, and over which length."""
    square, length = 0.0, 0.0
    for label, one in first.items():
        other = second[label].shifted(shift_mm)
        for name, here, there in (
            ("la_mm2", one.lumen, other.lumen),
            ("tva_mm2", one.wall, other.wall),
        ):
            s = common_positions([here, there])[::_COARSE]
            if not len(s):
                continue
            ratio = np.log(here.at(name, s) / there.at(name, s))
            # A change of the whole artery's size is no shift.
            square += float(((ratio - ratio.mean()) ** 2).sum()) * _COARSE * STEP_MM
            length += len(s) * _COARSE * STEP_MM
    return (square / length if length else 0.0), length / 2


def _landmark_deg(courses: Mapping[Label, ArteryCourse], side: SideName) -> float:
    """Direction of the external carotid from the internal one, from anterior towards lateral."""
    internal, external = courses["internal"].lumen, courses["external"].lumen
    s = common_positions([internal, external], _LANDMARK_MM)[::_COARSE]
    if not len(s):
        return np.nan
    gap = [
        float((external.at(name, s) - internal.at(name, s)).mean())
        for name in ("right_mm", "anterior_mm")
    ]
    if np.hypot(gap[0], gap[1]) < _MIN_APART_MM:
        return np.nan
    lateral = gap[0] if side == "right" else -gap[0]
    return float(np.rad2deg(np.arctan2(lateral, gap[1])))


def turned(thickness_mm: NDArray[np.float64], by_deg: float) -> NDArray[np.float64]:
    """(rows, directions) thickness with all directions raised by an angle; NaN leaves it."""
    count = thickness_mm.shape[1]
    if not np.isfinite(by_deg) or by_deg == 0:
        return thickness_mm
    asked = (np.arange(count) - by_deg * count / 360) % count
    low = np.floor(asked).astype(np.int64)
    part = asked - low
    low %= count
    return np.asarray(
        thickness_mm[:, low] * (1 - part) + thickness_mm[:, (low + 1) % count] * part, np.float64
    )

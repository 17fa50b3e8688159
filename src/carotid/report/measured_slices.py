"""What measurements know of axial slices: how far from the bifurcation, and where maxima are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.figures.courses import drawn_courses
from carotid.figures.cuts import extreme_rows
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements

MINUS = "\u2212"


@dataclass(frozen=True)
class Thickest:
    """The thickest wall of a side's common and internal carotid.

    Attributes:
        z: Its slice.
        thickness_mm, sd_mm: As measured, and its spread.
        in_bulb: Whether it is in the bulb.
    """

    z: int
    thickness_mm: float
    sd_mm: float
    in_bulb: bool = False


@dataclass(frozen=True)
class MeasuredSlices:
    """One side's slices.

    Attributes:
        s_mm: Distance from the bifurcation of each slice for which it is known, the internal
            carotid's before the external's.
        thickest: None where no wall was read.
    """

    s_mm: Mapping[int, float] = field(default_factory=dict)
    thickest: Thickest | None = None

    def where(self, z: int, slice_mm: float) -> str:
        """A slice in words, as tables, captions and figures name it."""
        if z in self.s_mm:
            return f"slice {z}, {signed(self.s_mm[z])} mm from the bifurcation"
        return f"slice {z}, {(z + 0.5) * slice_mm:.0f} mm from the lower end"


def measured_slices(measurements: Measurements | None) -> dict[SideName, MeasuredSlices]:
    """Both sides' slices; without measurements nothing is known of them."""
    places: dict[SideName, dict[int, float]] = {side: {} for side in SIDE_NAMES}
    thickest: dict[SideName, Thickest] = {}
    for course in [] if measurements is None else drawn_courses(measurements):
        z = np.rint(course.values("z")).astype(int).tolist()
        if course.from_bifurcation:
            own = dict(zip(z, course.s_mm.tolist(), strict=True))
            places[course.side] = own | places[course.side]
        row = extreme_rows(course).get("thickest")
        if course.label == "internal" and row is not None:
            value, sd = (float(course.values(f"wt_max{k}_mm")[row]) for k in ("", "_sd"))
            segment = course.table.words("segment")[course.rows[row]]
            thickest[course.side] = Thickest(z[row], value, sd, segment.endswith("_bulb"))
    return {side: MeasuredSlices(places[side], thickest.get(side)) for side in SIDE_NAMES}


def signed(value: float) -> str:
    """A whole number with its sign, as people write it."""
    return f"{round(value):+d}".replace("-", MINUS) if round(value) else "0"

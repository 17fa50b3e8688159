"""Slices that are worth a look, and why: outlines that stand out, maxima that may be errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.report.contour_figures import BRIGHT_SHARE, JUMP_MM, NO_EDGE, TOUCH_MM

if TYPE_CHECKING:
    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName
    from carotid.report.contour_figures import ContourCourse
    from carotid.report.contour_pictures import ContourScene
    from carotid.report.measured_slices import Thickest

WIDE_MM = 0.8
"""Mean spread around a slice from which on it is worth a look."""

WIDEST_MM = 1.0
"""Spread in any one direction from which on a slice is worth a look."""

PLAQUE_MM = 1.5
"""Thickness from which on a wall in the bulb is called plaque or slow flow."""

UNSURE_THICKEST_MM = 0.5
"""Spread of a side's largest thickness from which on its slice is worth a look."""


@dataclass(frozen=True)
class Finding:
    """A slice that stands out, and why."""

    side: SideName
    label: Label
    z: int
    why: str
    weight: float


def findings(scene: ContourScene) -> list[Finding]:
    """Slices that stand out, the worst first."""
    found = []
    for side, courses in scene.courses.items():
        for label in LABELS:
            course = courses[label]
            for z in np.flatnonzero(course.there):
                reasons = _reasons(course, int(z))
                if label == "internal":
                    reasons |= _bright(float(course.bright[z]))
                    reasons |= _thickest(scene.measured[side].thickest, int(z))
                told = [words for words, weight in reasons.items() if weight > 0]
                if told:
                    weight = sum(reasons.values())
                    if course.at_edge[z]:
                        told.append("at the edge of the scan")
                    found.append(Finding(side, label, int(z), ", ".join(told), weight))
    return sorted(found, key=lambda one: (-one.weight, one.side, one.label, one.z))


def _bright(share: float) -> dict[str, float]:
    """What is drawn as lumen may be narrower, or hold a web; slow flow is bright as well."""
    if not share > BRIGHT_SHARE:
        return {}
    return {f"{100 * share:.0f} % of the lumen as bright as wall": 3.0}


def _thickest(thickest: Thickest | None, z: int) -> dict[str, float]:
    """The number that the page shows first may be an error: that is looked at before others.

    In the bulb slow flow along a wall looks like plaque; nothing in the scan tells them apart.
    """
    if thickest is None or thickest.z != z:
        return {}
    words = f"thickest wall, {thickest.thickness_mm:.1f} mm"
    plaque = thickest.in_bulb and thickest.thickness_mm >= PLAQUE_MM
    either = "plaque or slow flow" if plaque else ""
    if thickest.sd_mm > UNSURE_THICKEST_MM:
        return {f"{words}: unsure{either and f', {either}'}": 3.0}
    return {f"{words}: {either}": 1.0} if either else {}


def _reasons(course: ContourCourse, z: int) -> dict[str, float]:
    """What speaks for a look at a slice, and how much; 0 where it does not."""
    spread, widest, gap, jump = (
        float(values[z])
        for values in (course.spread_mm, course.widest_mm, course.gap_mm, course.jump_mm)
    )
    wide = spread > WIDE_MM
    return {
        "lumen and wall cross": 3.0 if gap < 0 else 0.0,
        "lumen and wall touch": 2.0 if 0 <= gap < TOUCH_MM else 0.0,
        "lumen not dark": 2.0 if course.edge[z] < NO_EDGE else 0.0,
        f"jump of {jump:.1f} mm": jump / JUMP_MM if jump > JUMP_MM else 0.0,
        f"spread {spread:.1f} mm": spread / WIDE_MM if wide else 0.0,
        f"spread {widest:.1f} mm in one direction": widest / WIDEST_MM
        if widest > WIDEST_MM and not wide
        else 0.0,
    }

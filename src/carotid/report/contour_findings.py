"""Slices that are worth a look, and why: outlines that stand out, maxima that may be errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.report.contour_figures import JUMP_MM, NO_EDGE, TOUCH_MM

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
                    reasons |= _thickest(scene.measured[side].thickest, int(z))
                told = [words for words, weight in reasons.items() if weight > 0]
                if told:
                    weight = sum(reasons.values())
                    if course.at_edge[z]:
                        told.append("at the edge of the scan")
                    found.append(Finding(side, label, int(z), ", ".join(told), weight))
    return sorted(found, key=lambda one: (-one.weight, one.side, one.label, one.z))


def _thickest(thickest: Thickest | None, z: int) -> dict[str, float]:
    """The number that the page shows first may be an error: that is looked at before others."""
    if thickest is None or thickest.z != z or not thickest.sd_mm > UNSURE_THICKEST_MM:
        return {}
    return {f"thickest wall, {thickest.thickness_mm:.1f} mm: unsure": 3.0}


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

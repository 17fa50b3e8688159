"""Lumens that are not read, as contours do not know how wide they are: may one be the narrowest?

Where it may, no least lumen is told, be it of an artery or of what two scans of it have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.measurements import MeasurementTable

NARROW_MM = 2.0
"""A lumen that is drawn narrower is read, however unsure: it can only be narrower still."""

MUCH_NARROWER = 0.8
"""At the ends of a stenosis lumens are unsure; by so much they have to be able to be narrower."""


def may_be_narrower(table: MeasurementTable, rows: NDArray[np.int64], area_mm2: float) -> bool:
    """Whether an unsure lumen may be much smaller than the least area that is read.

    Args:
        table: Of a side's slices.
        rows: The slices that are looked at.
        area_mm2: The least area.
    """
    unsure = (table.flagged("unsure_lumen") & ~table.flagged("edge"))[rows]
    if not unsure.any() or area_mm2 < np.pi / 4 * NARROW_MM**2:
        return False
    # Twice the spread of the diameter, as the tables have it.
    area, spread = (table.numbers(name)[rows] for name in ("la_mm2", "la_sd_mm2"))
    least = area * np.maximum(1 - spread / area, 0) ** 2
    return bool((least < MUCH_NARROWER**2 * area_mm2)[unsure].any())

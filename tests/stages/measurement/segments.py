"""Necks of one artery that are measured, and values of their tables by segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of, straight

from carotid.stages.measurement.measure import measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.measurements import Measurements, MeasurementTable
    from carotid.stages.measurement.parameters import MeasurementParameters

FORK_MM = (0.0, 0.0, -14.0)
SPACING = (0.6, 0.6, 1.0)


def along() -> NDArray[np.float64]:
    """Positions of the course's points from the bifurcation."""
    return np.asarray(straight()[:, 2] - FORK_MM[2], np.float64)


def profile(*points: tuple[float, float]) -> NDArray[np.float64]:
    at, values = zip(*points, strict=True)
    return np.asarray(np.interp(along(), at, values), np.float64)


def measured(
    vessel: Vessel,
    parameters: MeasurementParameters | None = None,
    fork_mm: Any = FORK_MM,
    **more: Vessel,
) -> Measurements:
    grid = grid_of(SPACING)
    vessels: Any = {"internal": vessel, **more}
    return measure(contours_of(vessels, grid), centerlines_of(vessels, grid, fork_mm), parameters)


def value(table: MeasurementTable, name: str, segment: str, side: str = "left") -> float:
    rows = list(zip(table.words("side"), table.words("segment"), strict=True))
    return float(table.numbers(name)[rows.index((side, segment))])


NARROWED = Vessel.around(
    straight(),
    profile((-9, 3.2), (0, 3.2), (3, 2.0), (5, 1.0), (6, 1.0), (8, 2.2), (12, 2.2), (40, 2.2)),
    profile((-9, 4.0), (0, 4.0), (5, 4.0), (8, 3.6), (12, 3.0), (40, 3.0)),
)
"""The narrowest place, 2 mm wide, is 5 to 6 mm above the bifurcation; 4.4 mm wide beyond."""

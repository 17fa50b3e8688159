"""What is drawn of an artery: its slices in their order along it, with what was measured there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.unsure_lumens import may_be_narrower
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements, MeasurementTable, SideMeasurements

MAX_GAP_MM = 2.5
"""Slices further apart along the artery are drawn with a gap, unless they are neighbours."""

LOWER_END = "its lower end"
"""From where positions count along an artery whose bifurcation is unknown."""

LEAST_BETWEEN_MM = 0.5
"""Less than this is not drawn below the flow divider: the other artery opens there, no wall. A wall
is not much thinner than a millimetre anywhere; around the opening outlines leave 0.2 to 0.5 mm."""


@dataclass(frozen=True, eq=False)
class DrawnCourse:
    """One artery's k slices, from the feet to the head.

    Attributes:
        side: Whose.
        label: Which artery; `internal` has the common carotid below it.
        s_mm: (k,) length from the bifurcation; from the lowest slice where that is unknown.
        from_bifurcation: Whether the bifurcation is known.
        table: The table of the side's slices.
        rows: (k,) the slices' rows in it.
        thickness_mm: (k, directions) of the wall, from anterior towards lateral; NaN where unknown,
            and where the other artery opens instead of a wall.
        lumen_read, wall_read: (k,) whether it counts in what is told about the artery.
    """

    side: SideName
    label: Label
    s_mm: NDArray[np.float64]
    from_bifurcation: bool
    table: MeasurementTable
    rows: NDArray[np.int64]
    thickness_mm: NDArray[np.float64]
    lumen_read: NDArray[np.bool_]
    wall_read: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    def values(self, name: str) -> NDArray[np.float64]:
        """(k,) a column of the table."""
        return self.table.numbers(name)[self.rows]

    @property
    def both_lumens(self) -> NDArray[np.bool_]:
        """(k,) whether the outline holds the lumens of both arteries."""
        return self.table.flagged("both_lumens")[self.rows]

    def may_be_narrower(self, area_mm2: float) -> bool:
        """Whether a lumen that is not read, as it is unsure, may be much smaller than an area."""
        return may_be_narrower(self.table, self.rows, area_mm2)

    def joined(self) -> NDArray[np.bool_]:
        """(k - 1,) whether a slice and the next one belong together."""
        apart = np.diff(self.s_mm) > MAX_GAP_MM
        neighbours = np.diff(self.values("z")) == 1
        return np.asarray(~apart | neighbours)


def drawn_courses(measurements: Measurements) -> list[DrawnCourse]:
    """All arteries with a slice: the right side's, then the left side's; internal first."""
    found = []
    for side in reversed(SIDE_NAMES):
        for label in LABELS:
            course = _course(measurements, side, label)
            if len(course):
                found.append(course)
    return found


def _course(measurements: Measurements, side: SideName, label: Label) -> DrawnCourse:
    one = measurements.side(side)
    own = np.array(one.slices.words("label")) == label
    s = one.slices.numbers("s_mm")
    known = bool(np.isfinite(s[own]).any())
    rows = np.flatnonzero(own & np.isfinite(s)) if known else np.flatnonzero(own)
    rows = rows[np.argsort(one.slices.numbers("z")[rows], kind="stable")]
    readable = np.array(one.slices.words("readable"))[rows] if len(rows) else np.empty(0, np.str_)
    return DrawnCourse(
        side,
        label,
        s[rows] if known else _length(one.slices, rows),
        known,
        one.slices,
        rows,
        _thickness(one)[rows],
        np.isin(readable, ["yes", "lumen"]),
        readable == "yes",
    )


def _thickness(one: SideMeasurements) -> NDArray[np.float64]:
    """(slices, directions) as measured, but NaN where the wall ends at the other artery's mouth."""
    gone = one.slices.flagged("both_lumens")[:, None] & (one.thickness_mm < LEAST_BETWEEN_MM)
    return np.where(gone, np.nan, one.thickness_mm)


def _length(table: MeasurementTable, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(k,) length along the centers, from the first."""
    names = ("right_mm", "anterior_mm", "superior_mm")
    centers = np.column_stack([table.numbers(name)[rows] for name in names])
    steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
    return np.concatenate([np.zeros(min(len(rows), 1)), np.cumsum(np.nan_to_num(steps))])

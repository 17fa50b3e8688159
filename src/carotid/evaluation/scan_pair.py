"""One side of a neck in two scans, the second laid over the first: what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.agreement import normal_quantile
from carotid.evaluation.alignment import Alignment, align, turned
from carotid.evaluation.common_range import (
    MEASURES,
    STEP_MM,
    ArteryCourse,
    Course,
    Segments,
    common_positions,
    measures_in_common,
    spreads_in_common,
)
from carotid.measurements import Column, MeasurementTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.evaluation.measured_cohorts import Measured
    from carotid.geometry.sides import SideName

MAP_STEP_MM = 0.5
"""Step along the artery of the maps of change."""

LeastChange = dict[tuple[str, str], float]
"""The least detectable change of a measure in a segment, as repeated scans tell it."""

Source = Literal["repeatability", "stated_spread", ""]
"""What a change is set against: repeated scans, what the contours state, or nothing."""


@dataclass(frozen=True)
class Change:
    """How a measure of one segment changed.

    Attributes:
        figures: The numbers of `follow_up.tsv`, in the order of its columns.
        source: Where `least_change` comes from.
    """

    figures: tuple[float, ...]
    source: Source


@dataclass(frozen=True, eq=False)
class ScanPair:
    """One side in two scans.

    Attributes:
        first, second: The arteries' courses, with the positions of the first scan.
        alignment: How the second lies against the first.
        thickness: Thickness by direction of the rows of both tables, with the first's directions.
    """

    first: Mapping[Label, ArteryCourse]
    second: Mapping[Label, ArteryCourse]
    alignment: Alignment
    thickness: tuple[NDArray[np.float64], NDArray[np.float64]]

    @classmethod
    def of(cls, first: Measured, second: Measured, side: SideName, segments: Segments) -> ScanPair:
        """Read one side of both scans and lay the second over the first."""
        tables = [one.slices(side) for one in (first, second)]
        courses: list[dict[Label, ArteryCourse]] = [
            {label: ArteryCourse.of(table, label, segments.max_gap_mm) for label in LABELS}
            for table in tables
        ]
        alignment = align(courses[0], courses[1], side)
        alignment.warn(second.participant_id, side)
        moved = {label: course.shifted(alignment.shift_mm) for label, course in courses[1].items()}
        maps = [_directions(one.thickness(side)) for one in (first, second)]
        return cls(courses[0], moved, alignment, (maps[0], turned(maps[1], alignment.turn_deg)))

    def changes(self, segments: Segments, known: LeastChange) -> dict[tuple[str, str], Change]:
        """What changed in each segment and measure that both scans have."""
        found = {}
        for segment, limits in segments.limits_mm.items():
            label = segments.labels[segment]
            both = (self.first[label], self.second[label])
            before, after = measures_in_common(both, limits)
            spreads = spreads_in_common(both, limits, segments.spread_along_mm)
            for measure in MEASURES:
                if measure == "covered_mm" or not np.isfinite(before[measure] + after[measure]):
                    continue
                change = after[measure] - before[measure]
                sd = float(np.hypot(spreads[0][measure], spreads[1][measure]))
                source: Source = "repeatability" if (segment, measure) in known else "stated_spread"
                least = known.get((segment, measure), normal_quantile() * sd)
                figures = (
                    before[measure],
                    after[measure],
                    change,
                    100 * change / before[measure] if before[measure] else np.nan,
                    sd,
                    least,
                    before["covered_mm"],
                    self.alignment.shift_mm,
                    self.alignment.turn_deg,
                )
                found[segment, measure] = Change(figures, "" if np.isnan(least) else source)
        return found

    def change_map(self) -> MeasurementTable:
        """Change of thickness along the arteries, a column per direction."""
        labels: list[str] = []
        places: list[NDArray[np.float64]] = []
        changes: list[NDArray[np.float64]] = []
        for label in LABELS:
            both = (self.first[label].wall, self.second[label].wall)
            positions = common_positions(both)[:: round(MAP_STEP_MM / STEP_MM)]
            if not len(positions):
                continue
            grids = [
                _over_positions(one, values, positions)
                for one, values in zip(both, self.thickness, strict=True)
            ]
            labels += [label] * len(positions)
            places.append(positions)
            changes.append(grids[1] - grids[0])
        count = self.thickness[0].shape[1]
        degrees = [360 * k // count for k in range(count)]
        columns = (
            Column("label", "", "Which artery"),
            Column("s_mm", "mm", "Length along the artery from the bifurcation"),
            *(
                Column(
                    f"at_{degree:03d}_mm",
                    "mm",
                    f"Change of thickness {degree} degrees from anterior, towards lateral.",
                )
                for degree in degrees
            ),
        )
        values = np.concatenate([np.empty((0, count)), *changes])
        cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
            "label": tuple(labels),
            "s_mm": np.concatenate([np.empty(0), *places]),
        }
        for k, degree in enumerate(degrees):
            cells[f"at_{degree:03d}_mm"] = values[:, k]
        return MeasurementTable(columns, cells)


def _over_positions(
    course: Course, thickness: NDArray[np.float64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    own = thickness[course.rows]
    known = np.isfinite(own).all(axis=1)
    return np.column_stack(
        [np.interp(positions, course.s_mm[known], own[known, k]) for k in range(own.shape[1])]
    )


def _directions(table: MeasurementTable) -> NDArray[np.float64]:
    return np.column_stack([table.numbers(name) for name in table.cells if name.startswith("at_")])

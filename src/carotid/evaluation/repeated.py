"""Repeated measurements of many subjects as tables: every value, and what the values add up to."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.agreement import limits_of_agreement, repeatability
from carotid.measurements import Column, MeasurementTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEYS = (
    Column("participant_id", "", "Whose measurement it is"),
    Column("side", "", "The patient's side"),
    Column("segment", "", "Part of an artery"),
)

_LEAST_SUBJECTS = 2


@dataclass(frozen=True, eq=False)
class Repeated:
    """Measures of arteries, each taken several times.

    Attributes:
        keys: Participant, side and segment of each row.
        measures: What was measured.
        values: (rows, measures, repetitions); NaN where there is none.
        repetitions: What the repetitions are called.
    """

    keys: tuple[tuple[str, str, str], ...]
    measures: tuple[Column, ...]
    values: NDArray[np.float64]
    repetitions: tuple[str, ...]

    def of(self, segment: str, measure: str) -> NDArray[np.float64]:
        """(subjects, repetitions) of one measure in one segment, of all participants and sides."""
        rows = [k for k, key in enumerate(self.keys) if key[2] == segment]
        column = [one.name for one in self.measures].index(measure)
        return self.values[rows, column]

    def segments(self) -> list[str]:
        """The segments, in the order in which they come."""
        return list(dict.fromkeys(key[2] for key in self.keys))


def values_table(repeated: Repeated) -> MeasurementTable:
    """A row per artery and measure that was taken at least once, a column per repetition."""
    rows = [
        (row, k)
        for row in range(len(repeated.keys))
        for k in range(len(repeated.measures))
        if np.isfinite(repeated.values[row, k]).any()
    ]
    measure = Column("measure", "", "Which column of the measurements")
    unit = Column("unit", "", "Its unit")
    columns = [*KEYS, measure, unit]
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        column.name: tuple(repeated.keys[row][n] for row, _ in rows)
        for n, column in enumerate(KEYS)
    }
    cells["measure"] = tuple(repeated.measures[k].name for _, k in rows)
    cells["unit"] = tuple(repeated.measures[k].spelt_unit for _, k in rows)
    for n, name in enumerate(repeated.repetitions):
        column = Column(f"value_{n + 1}", "", f"In {name}")
        columns.append(column)
        cells[column.name] = np.array([repeated.values[row, k, n] for row, k in rows])
    if len(repeated.repetitions) == 2:
        first, second = (np.asarray(cells[f"value_{n}"], np.float64) for n in (1, 2))
        columns.append(Column("difference", "", "The second less the first"))
        cells["difference"] = second - first
    return MeasurementTable(tuple(columns), cells)


_FIGURES = {
    "subjects": "Arteries with a value in every repetition; both sides count",
    "repetitions": "How often each was measured",
    "mean": "Mean of all values",
    "icc": "ICC(2,1): two-way random effects, absolute agreement, one measurement",
    "icc_low": "Lower end of its 95 % interval, -1 at least",
    "icc_high": "Upper end of its 95 % interval",
    "within_sd": "Within-subject standard deviation; a constant difference between repetitions is "
    "in it",
    "within_sd_low": "Lower end of its 95 % interval",
    "within_sd_high": "Upper end of its 95 % interval",
    "freedom": "Degrees of freedom of within_sd: subjects x (repetitions - 1), so that pairs are "
    "one each",
    "within_cv_percent": "Root mean square of each subject's 100 x SD / mean; empty where a mean "
    "is not above 0",
    "least_change": "Least detectable change of one subject: 1.96 x sqrt(2) x within_sd",
    "least_change_low": "Lower end of its 95 % interval, from that of within_sd",
    "least_change_high": "Upper end of its 95 % interval, from that of within_sd",
    "bias": "Mean difference, the second less the first; for two repetitions",
    "bias_low": "Lower end of its 95 % interval",
    "bias_high": "Upper end of its 95 % interval",
    "difference_sd": "Standard deviation of the differences",
    "lower_limit": "Lower limit of agreement: bias - 1.96 x difference_sd",
    "lower_limit_low": "Lower end of its 95 % interval",
    "lower_limit_high": "Upper end of its 95 % interval",
    "upper_limit": "Upper limit of agreement: bias + 1.96 x difference_sd",
    "upper_limit_low": "Lower end of its 95 % interval",
    "upper_limit_high": "Upper end of its 95 % interval",
    "slope": "Change of the difference per unit of the mean; of three subjects or more",
}
"""What the columns of the summary are."""


def summary_table(repeated: Repeated) -> MeasurementTable:
    """A row per segment and measure that at least two subjects have in every repetition."""
    names: list[tuple[str, Column]] = []
    rows: list[list[float]] = []
    for segment in repeated.segments():
        for measure in repeated.measures:
            values = repeated.of(segment, measure.name)
            if np.isfinite(values).all(axis=1).sum() < _LEAST_SUBJECTS:
                continue
            names.append((segment, measure))
            rows.append(_figures(values))
    columns = (
        KEYS[2],
        Column("measure", "", "Which column of the measurements"),
        Column("unit", "", "Unit of all figures but shares and percentages"),
        *(Column(name, "", definition) for name, definition in _FIGURES.items()),
    )
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        "segment": tuple(segment for segment, _ in names),
        "measure": tuple(measure.name for _, measure in names),
        "unit": tuple(measure.spelt_unit for _, measure in names),
    }
    for n, name in enumerate(_FIGURES):
        cells[name] = np.array([row[n] for row in rows], np.float64)
    return MeasurementTable(columns, cells)


def _figures(values: NDArray[np.float64]) -> list[float]:
    one = repeatability(values)
    found = [
        *(one.subjects, one.repetitions, one.mean),
        *astuple(one.icc),
        *astuple(one.within_sd),
        *(one.freedom, one.within_cv_percent),
        *astuple(one.least_change),
    ]
    if values.shape[1] != 2:
        return [*found, *[np.nan] * 11]
    two = limits_of_agreement(values[:, 0], values[:, 1])
    limits = (*astuple(two.lower), *astuple(two.upper))
    return [*found, *astuple(two.bias), two.sd, *limits, two.slope]

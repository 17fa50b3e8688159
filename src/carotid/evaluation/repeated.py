"""Repeated measurements of many subjects as tables: every value, and what the values add up to."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Figure:
    name: str
    definition: str


_FIGURES = (
    _Figure("subjects", "Arteries with a value in every repetition; both sides count"),
    _Figure("repetitions", "How often each was measured"),
    _Figure("mean", "Mean of all values"),
    _Figure("icc", "ICC(2,1): two-way random effects, absolute agreement, one measurement"),
    _Figure("icc_low", "Lower end of its 95 % interval, -1 at least"),
    _Figure("icc_high", "Upper end of its 95 % interval"),
    _Figure(
        "within_sd",
        "Within-subject standard deviation; a constant difference between repetitions is in it",
    ),
    _Figure("within_sd_low", "Lower end of its 95 % interval"),
    _Figure("within_sd_high", "Upper end of its 95 % interval"),
    _Figure(
        "freedom",
        "Degrees of freedom of within_sd: subjects x (repetitions - 1), so that pairs are one each",
    ),
    _Figure(
        "within_cv_percent",
        "Root mean square of each subject's 100 x SD / mean; empty where a mean is not above 0",
    ),
    _Figure("least_change", "Least detectable change of one subject: 1.96 x sqrt(2) x within_sd"),
    _Figure("least_change_low", "Lower end of its 95 % interval, from that of within_sd"),
    _Figure("least_change_high", "Upper end of its 95 % interval, from that of within_sd"),
    _Figure("bias", "Mean difference, the second less the first; for two repetitions"),
    _Figure("bias_low", "Lower end of its 95 % interval"),
    _Figure("bias_high", "Upper end of its 95 % interval"),
    _Figure("difference_sd", "Standard deviation of the differences"),
    _Figure("lower_limit", "Lower limit of agreement: bias - 1.96 x difference_sd"),
    _Figure("lower_limit_low", "Lower end of its 95 % interval"),
    _Figure("lower_limit_high", "Upper end of its 95 % interval"),
    _Figure("upper_limit", "Upper limit of agreement: bias + 1.96 x difference_sd"),
    _Figure("upper_limit_low", "Lower end of its 95 % interval"),
    _Figure("upper_limit_high", "Upper end of its 95 % interval"),
    _Figure("slope", "Change of the difference per unit of the mean; of three subjects or more"),
)


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
        *(Column(one.name, "", one.definition) for one in _FIGURES),
    )
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        "segment": tuple(segment for segment, _ in names),
        "measure": tuple(measure.name for _, measure in names),
        "unit": tuple(measure.spelt_unit for _, measure in names),
    }
    for n, figure in enumerate(_FIGURES):
        cells[figure.name] = np.array([row[n] for row in rows], np.float64)
    return MeasurementTable(columns, cells)


def _figures(values: NDArray[np.float64]) -> list[float]:
    one = repeatability(values)
    found = [
        one.subjects,
        one.repetitions,
        one.mean,
        one.icc.value,
        one.icc.low,
        one.icc.high,
        one.within_sd.value,
        one.within_sd.low,
        one.within_sd.high,
        one.freedom,
        one.within_cv_percent,
        one.least_change.value,
        one.least_change.low,
        one.least_change.high,
    ]
    if values.shape[1] != 2:
        return [*found, *[np.nan] * 11]
    two = limits_of_agreement(values[:, 0], values[:, 1])
    ends = [end for one in (two.lower, two.upper) for end in (one.value, one.low, one.high)]
    return [*found, two.bias.value, two.bias.low, two.bias.high, two.sd, *ends, two.slope]

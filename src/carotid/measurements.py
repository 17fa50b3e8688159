"""Measurements of a neck: tables with a data dictionary, and maps of the wall's thickness.

They are nouns of the pipeline like those in `carotid.artifacts`, in a file of their own because
tables need more words than volumes do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import CarotidError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName


UNITS = {"mm2": "mm^2", "mm3": "mm^3", "deg": "degree", "percent": "percent"}
"""How units are spelt for readers; others are spelt as here."""


@dataclass(frozen=True)
class Column:
    """A column of a table of measurements, as its data dictionary tells it.

    Attributes:
        name: Its name, which ends in its unit where it has one.
        unit: "mm", "mm2", "mm3", "deg", "percent"; "" for numbers without unit and for words.
        definition: What it is, in one or two sentences.
        source: Who defined it so, where that is not obvious.
        levels: For words: what each of them means.
    """

    name: str
    unit: str
    definition: str
    source: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def spelt_unit(self) -> str:
        """Its unit as tables and dictionaries spell it."""
        return UNITS.get(self.unit, self.unit)


@dataclass(frozen=True, eq=False)
class MeasurementTable:
    """A table that can go into a statistics program as it is.

    Attributes:
        columns: What its columns are.
        cells: The values of each column, by its name: numbers, NaN where there is none, or words.
        where: The file that it was read from, for messages.
    """

    columns: tuple[Column, ...]
    cells: Mapping[str, NDArray[np.float64] | tuple[str, ...]]
    where: str | None = None

    def __post_init__(self) -> None:
        if [column.name for column in self.columns] != list(self.cells):
            raise CarotidError("the columns of a table and their cells differ")
        if len({len(values) for values in self.cells.values()}) > 1:
            raise CarotidError("the columns of a table differ in length")

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()), ()))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of numbers.

        Raises:
            InputError: It is not there, or holds words.
        """
        cells = self._column(name)
        try:
            return np.asarray(cells, np.float64)
        except ValueError as error:
            raise InputError(
                f"column {name} of the table holds words", where=self.where, expected="numbers"
            ) from error

    def words(self, name: str) -> tuple[str, ...]:
        """A column of words.

        Raises:
            InputError: It is not there.
        """
        return tuple(str(cell) for cell in self._column(name))

    def flagged(self, flag: str) -> NDArray[np.bool_]:
        """(rows,) whether each row has a flag; none has where no column tells of them."""
        told = self.words("flags") if "flags" in self.cells else ("",) * len(self)
        return np.array([flag in flags.split(",") for flags in told], np.bool_)

    def _column(self, name: str) -> NDArray[np.float64] | tuple[str, ...]:
        if name not in self.cells:
            raise InputError(
                f"the table has no column {name}",
                where=self.where,
                remedy="make the measurements again, or restore the file",
            )
        return self.cells[name]


@dataclass(frozen=True, eq=False)
class SideMeasurements:
    """What was measured in the cross-sections of one side.

    Attributes:
        slices: A row per artery and slice.
        thickness_mm: (rows, directions) thickness of the wall in equal steps of direction, from
            anterior towards lateral, for the rows of `slices`; NaN where it is unknown.
    """

    slices: MeasurementTable
    thickness_mm: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.thickness_mm.ndim != 2 or len(self.thickness_mm) != len(self.slices):
            raise CarotidError(
                "thickness_mm has the wrong shape",
                found=self.thickness_mm.shape,
                expected=f"a row for each of {len(self.slices)} slices",
            )


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured of both sides of a neck.

    Attributes:
        left, right: Cross-sections of the patient's sides.
        segments: A row per side and segment of an artery.
        plaques: A row per plaque.
    """

    left: SideMeasurements
    right: SideMeasurements
    segments: MeasurementTable
    plaques: MeasurementTable

    def side(self, name: SideName) -> SideMeasurements:
        """One side by its name."""
        return self.left if name == "left" else self.right

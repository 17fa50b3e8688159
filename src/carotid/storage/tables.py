"""Tab-separated tables on disk, read by column name, with each mistake named by row and column."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from carotid.errors import InputError
from carotid.storage.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_TABLE_BYTES = 64 << 20

_SHOWN = 80
"""Characters of a faulty row that a message shows."""


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a table, as text.

    Attributes:
        path: The file.
        what: What it is called in messages, such as "annotation".
        remedy: What the user can do about a mistake.
        cells: The cells of each column by its name, surrounding space removed.
        rows: The number of each row in the file; the header is row 1.
    """

    path: Path
    what: str
    remedy: str
    cells: dict[str, list[str]]
    rows: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def mistake(
        self, k: SupportsIndex, column: str, found: str, expected: str | None = None
    ) -> InputError:
        """The error for a cell of the k-th row, counted from 0."""
        return InputError(
            f"row {self.rows[k]}, column {column} of the {self.what} is wrong",
            where=self.path,
            found=found,
            expected=expected,
            remedy=self.remedy,
        )

    def words(self, column: str, allowed: Sequence[str]) -> list[str]:
        """The cells of a column, each one of some words.

        Raises:
            InputError: Names the first row that has another word.
        """
        found = self.cells[column]
        for k, word in enumerate(found):
            if word not in allowed:
                raise self.mistake(k, column, repr(word[:40]), " or ".join(allowed))
        return found

    def numbers(self, column: str, *, may_be_empty: bool = False) -> NDArray[np.float64]:
        """The cells of a column as finite numbers.

        Args:
            column: Which one.
            may_be_empty: Whether a cell may be empty or nan; it becomes NaN.

        Raises:
            InputError: Names the first row that is no number.
        """
        cells = self.cells[column]
        values = np.empty(len(cells))
        for k, cell in enumerate(cells):
            empty = may_be_empty and cell.lower() in ("", "nan")
            try:
                values[k] = math.nan if empty else float(cell)
            except ValueError as error:
                raise self.mistake(k, column, repr(cell[:40]), "a number") from error
            if not (empty or math.isfinite(values[k])):
                raise self.mistake(k, column, repr(cell[:40]), "a finite number")
        return values

    def optional_numbers(self, column: str) -> NDArray[np.float64]:
        """Like `numbers`, NaN in cells that are empty and in a column that is not there."""
        if column not in self.cells:
            return np.full(len(self), np.nan)
        return self.numbers(column, may_be_empty=True)


def read_table(
    path: Path, required: Sequence[str], what: str, remedy: str, max_bytes: int = MAX_TABLE_BYTES
) -> Table:
    """Read a table whose first row names its columns; they may come in any order.

    Args:
        path: The file: UTF-8, with or without a byte order mark, or UTF-16 with one, as Excel saves
            tab-separated text; any line ends. Empty columns at the end are passed over.
        required: Columns that it must have; it may have others.
        what: What it is called in messages.
        remedy: What the user can do about a mistake.
        max_bytes: Size from which on it is not read.

    Raises:
        InputError: It cannot be read, lacks a column, or a row has too few or too many cells.
    """
    with open_regular(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        limit = f"at most {max_bytes >> 20} MB"
        raise InputError(f"the {what} is too large", where=path, expected=limit)
    try:
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        lines = content.decode("utf-16" if wide else "utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the {what} is not a text in UTF-8",
            where=path,
            remedy="save it as text in UTF-8, separated by tabs",
        ) from error
    names = [name.strip() for name in lines[0].rstrip().split("\t")] if lines else []
    if not set(required) <= set(names) or len(set(names)) < len(names):
        raise InputError(
            f"the {what}'s first row is wrong",
            where=path,
            found=repr(lines[0][:_SHOWN]) if lines else "an empty file",
            expected=f"the columns {', '.join(required)}, each once, separated by tabs",
            remedy=remedy,
        )
    cells: list[list[str]] = []
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = [cell.strip() for cell in line.split("\t")]
        while len(row) > len(names) and not row[-1]:
            row.pop()
        if len(row) != len(names):
            raise InputError(
                f"row {number} of the {what} does not have as many cells as the first row",
                where=path,
                found=f"{len(row)}: {line[:_SHOWN]!r}",
                expected=f"{len(names)}: {', '.join(names)}"[:_SHOWN],
                remedy=remedy,
            )
        cells.append(row)
        rows.append(number)
    columns = zip(*cells, strict=True) if cells else ([] for _ in names)
    return Table(
        path, what, remedy, {n: list(c) for n, c in zip(names, columns, strict=True)}, rows
    )

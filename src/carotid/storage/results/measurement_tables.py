"""Tables of measurements as tab-separated text, each with a data dictionary beside it.

Empty cells are missing values. The dictionary is what BIDS calls a sidecar: an object per column
with `Description`, `Units`, `Levels` for words, and `Source`.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import InputError, OutputError
from carotid.measurements import UNITS, Column, MeasurementTable
from carotid.storage.regular_file import open_regular
from carotid.storage.results.atomic import write_atomically
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.storage.tables import Table

WORDS = ("participant_id", "session_id", "side", "label", "segment")
"""Columns that are words even where all of them look like numbers."""

_REMEDY = "make the measurements again, or restore the file"
_MISSING = ("", "n/a", "NA")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_SHOWN = 40
_MAX_BYTES = 1 << 30
_MAX_JSON_BYTES = 1 << 24


def save_table(path: Path, table: MeasurementTable) -> None:
    """Write a table and its dictionary, and read both back; files that are so already stay.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    for place, text in (
        (path, table_text(table)),
        (path.with_suffix(".json"), dictionary_text(table.columns)),
    ):
        content = text.encode()
        if place.is_file() and place.read_bytes() == content:
            continue
        write_atomically(place, content)
        if place.read_bytes() != content:
            raise OutputError("the file does not read back as it was written", where=place)


def write_rows(path: Path, columns: tuple[Column, ...], rows: Sequence[str]) -> None:
    """Write a table whose rows are text already, and its dictionary.

    Raises:
        OutputError: A file cannot be written.
    """
    head = "\t".join(column.name for column in columns)
    write_atomically(path, ("\n".join([head, *rows]) + "\n").encode())
    write_dictionary(path, columns)


def table_text(table: MeasurementTable) -> str:
    """A table as text: six significant digits, an empty cell where there is no value."""
    columns = [
        [*values] if isinstance(values, tuple) else [_cell(value) for value in values.tolist()]
        for values in table.cells.values()
    ]
    rows = ["\t".join(column.name for column in table.columns)]
    rows += ["\t".join(row) for row in zip(*columns, strict=True)]
    return "\n".join(rows) + "\n"


def table_rows(table: MeasurementTable) -> list[dict[str, str | float | None]]:
    """A table as objects for JSON, one for each row; None where there is no value."""
    columns = [
        [*values]
        if isinstance(values, tuple)
        else [None if math.isnan(value) else value for value in values.tolist()]
        for values in table.cells.values()
    ]
    return [dict(zip(table.cells, row, strict=True)) for row in zip(*columns, strict=True)]


def write_dictionary(table: Path, columns: tuple[Column, ...]) -> None:
    """Write the data dictionary beside a table that is written elsewhere.

    Raises:
        OutputError: It cannot be written.
    """
    place = table.with_suffix(".json")
    if place != table:
        write_atomically(place, dictionary_text(columns).encode())


def dictionary_text(columns: tuple[Column, ...]) -> str:
    """A data dictionary as JSON."""
    found: dict[str, dict[str, Any]] = {}
    for column in columns:
        entry: dict[str, Any] = {"Description": column.definition}
        if column.unit:
            entry["Units"] = column.spelt_unit
        if column.levels:
            entry["Levels"] = dict(column.levels)
        if column.source:
            entry["Source"] = column.source
        found[column.name] = entry
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def load_table(path: Path) -> MeasurementTable:
    """Read a table, ours or another program's; without its dictionary columns have no definition.

    A column is one of numbers if each of its cells is a number or empty. So it has to be where the
    dictionary tells a unit, and where all of its other cells have a comma for the point.

    Raises:
        InputError: A file cannot be read, a row is not as long as the first one, a column is gone
            that the dictionary tells of, or a cell is no number; the message names row and column.
    """
    table = read_table(path, (), "table", _REMEDY, _MAX_BYTES)
    dictionary = _read_dictionary(path.with_suffix(".json"))
    gone = [name for name in dictionary if name not in table.cells]
    if gone:
        raise InputError(
            f"the table has no column {', '.join(gone[:3])}",
            where=path,
            expected=f"the columns of {path.with_suffix('.json').name}, {len(dictionary)} in all",
            remedy=_REMEDY,
        )
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {}
    for name, words in table.cells.items():
        told = dictionary.get(name, {})
        if name in WORDS or "Levels" in told:
            cells[name] = tuple(words)
        elif (numbers := _numbers(words)) is not None:
            cells[name] = numbers
        else:
            _check_words(table, name, has_unit=bool(told.get("Units")))
            cells[name] = tuple(words)
    columns = tuple(_column(name, dictionary.get(name, {})) for name in cells)
    return MeasurementTable(columns, cells, str(path))


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _numbers(words: list[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([float(w) if w not in _MISSING else np.nan for w in words])
    except ValueError:
        return None


def _check_words(table: Table, name: str, *, has_unit: bool) -> None:
    """Refuse a column of words that should be one of numbers, as programs for tables spoil them.

    Raises:
        InputError: Names the first cell that is no number.
    """
    words = table.cells[name]
    wrong = [k for k, word in enumerate(words) if word not in _MISSING and _numbers([word]) is None]
    if has_unit or all(_DECIMAL_COMMA.fullmatch(words[k]) for k in wrong):
        cell = repr(words[wrong[0]][:_SHOWN])
        raise table.mistake(wrong[0], name, cell, "a number, with a point for its decimals")


def _column(name: str, entry: dict[str, Any]) -> Column:
    spelt = str(entry.get("Units", ""))
    unit = next((ours for ours, theirs in UNITS.items() if theirs == spelt), spelt)
    levels = entry.get("Levels", {})
    return Column(
        name,
        unit,
        str(entry.get("Description", "")),
        str(entry.get("Source", "")),
        {str(k): str(v) for k, v in levels.items()} if isinstance(levels, dict) else {},
    )


def _read_dictionary(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():  # a table that was made elsewhere
        return {}
    with open_regular(path) as file:
        content = file.read(_MAX_JSON_BYTES)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", where=path, remedy=_REMEDY) from error
    if not isinstance(found, dict):
        raise InputError("is not an object", where=path, remedy=_REMEDY)
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)}

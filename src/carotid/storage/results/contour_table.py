"""A contour table: the rows of one side's outlines as text, and back.

Tab-separated, a row per point, with the columns `label object x y z` in any order; `deviation`,
`norm_deviation`, `deviation_mm` and `corrected` may be there, others are passed over. All rows of
one label, object and z are one closed outline, in the order of the file. Tables come from this
program, from others and from hands, so every row is looked at, and one that is wrong is named.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS, CrossSection, Outline
from carotid.geometry.polygons import crosses_itself
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Label
    from carotid.storage.tables import Table

NEEDED = ("label", "object", "x", "y", "z")
SPREADS = ("deviation", "norm_deviation", "deviation_mm")
CORRECTED = "corrected"
"""1 in the rows of outlines that were corrected by hand, else 0; a column of tables with any."""

HEADER = "\t".join((*NEEDED, *SPREADS))

MAX_TABLE_BYTES = 1 << 30

FARTHEST = 1e6
"""Voxels; a point farther away than this is no place. Nearer ones may lie outside of the scan."""

_IN_ORDER: list[tuple[Label, Boundary]] = [
    (label, boundary) for label in sorted(LABELS) for boundary in BOUNDARIES
]
"""What an outline can be, in the order of a table."""


def table_text(sections: Sequence[CrossSection]) -> str:
    """One side's table.

    Numbers have nine significant digits, which is all that this program's own contours have
    (`carotid.geometry.decimals`). NaN is an empty cell.
    """
    outlines = [
        (f"{section.label}\t{boundary}", section.z, outline)
        for section in sections
        for boundary in BOUNDARIES
        if (outline := section.outline(boundary)) is not None
    ]
    told = any(outline.corrected for _, _, outline in outlines)
    lines = [f"{HEADER}\t{CORRECTED}" if told else HEADER]
    for start, z, outline in outlines:
        end = f"\t{int(outline.corrected)}" if told else ""
        lines += [row + end for row in _rows(start, z, outline)]
    return "\n".join(lines) + "\n"


def _rows(start: str, z: int, outline: Outline) -> list[str]:
    numbers = (*outline.points.T, *(getattr(outline, name) for name in SPREADS))
    cells = [["" if math.isnan(v) else f"{v:.9g}" for v in column.tolist()] for column in numbers]
    return [
        f"{start}\t{x}\t{y}\t{z}.0\t{deviation}\t{norm_deviation}\t{deviation_mm}"
        for x, y, deviation, norm_deviation, deviation_mm in zip(*cells, strict=True)
    ]


def read_contour_table(path: Path, shape: tuple[int, int, int]) -> tuple[CrossSection, ...]:
    """The cross-sections of one side, sorted by label, then z.

    Args:
        path: The table.
        shape: Canonical size of the scan. Outlines may lie over its border and outside of it.

    Raises:
        InputError: The file is missing or no such table, or a row is not what it should be; the
            message names the row (the header is row 1) and the column.
    """
    table = read_table(
        path, NEEDED, "contour table", "correct the row, or make the table again", MAX_TABLE_BYTES
    )
    labels, boundaries = table.words("label", LABELS), table.words("object", BOUNDARIES)
    points = np.stack([table.numbers("x"), table.numbers("y")], axis=1)
    for row, axis in np.argwhere(np.abs(points) > FARTHEST):
        expected = f"a place in the scan, 0 to {shape[axis] - 1}"
        raise table.mistake(int(row), "xy"[axis], f"{points[row, axis]:g}", expected)
    z = table.numbers("z")
    for row in np.flatnonzero((z != np.floor(z)) | (z < 0) | (z >= shape[2])):
        expected = f"a slice of the scan, a whole number from 0 to {shape[2] - 1}"
        raise table.mistake(row, "z", f"{z[row]:g}", expected)
    spreads = [table.optional_numbers(name) for name in SPREADS]
    corrected = table.optional_numbers(CORRECTED) == 1

    places = {kind: k for k, kind in enumerate(_IN_ORDER)}
    kinds = np.array(
        [places[kind] for kind in zip(labels, boundaries, strict=True)],  # type: ignore[index]
        np.int64,
    )
    order = np.lexsort((kinds, z, kinds // len(BOUNDARIES)))  # rows of an outline stay in order
    changes = (np.diff(kinds[order]) != 0) | (np.diff(z[order]) != 0)
    found: dict[tuple[Label, int], dict[Boundary, Outline]] = {}
    for rows in np.split(order, np.flatnonzero(changes) + 1):
        if len(rows):
            _check_order(table, points, rows)
            label, boundary = _IN_ORDER[kinds[rows[0]]]
            outlines = found.setdefault((label, int(z[rows[0]])), {})
            deviation, norm_deviation, deviation_mm = (values[rows] for values in spreads)
            outlines[boundary] = Outline(
                points[rows],
                deviation,
                norm_deviation,
                deviation_mm,
                corrected=bool(corrected[rows].any()),
            )
    return tuple(
        CrossSection(label, height, outlines.get("lumen"), outlines.get("wall"))
        for (label, height), outlines in found.items()
    )


def _check_order(table: Table, points: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
    """Refuse an outline whose rows are apart and whose points cannot be meant in this order.

    So is a table that was sorted by a program for tables, or into which rows were pasted twice.

    Raises:
        InputError: The outline crosses itself, or has a point twice.
    """
    if rows[-1] - rows[0] == len(rows) - 1:
        return
    own = points[rows]
    _, first = np.unique(own, axis=0, return_index=True)
    again = np.setdiff1d(np.arange(len(own)), first)
    again = again[(own[again] != own[0]).any(axis=1)]  # a closed outline may end where it begins
    if len(again):
        raise table.mistake(rows[again[0]], "x", "a point of this outline again")
    if crosses_itself(own):
        raise table.mistake(
            rows[1],
            "x",
            f"rows of one outline far apart, up to row {table.rows[rows[-1]]}",
            "an outline's points one after the other, as the table may have been sorted",
        )

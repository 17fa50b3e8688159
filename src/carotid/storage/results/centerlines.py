"""One participant's centerlines on disk: a table per side, and where the common carotids divide.

`<side>_centerline.tsv` has the columns `label x y z mean_value std_value max_distances`, and
`uncertainty_mm` where it is known; internal rows come first, each artery rises in z. It is an
annotation, too: whatever reads annotations reads these.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.artifacts import LABELS, Bifurcation, Centerline, Centerlines, Label, SideCenterlines
from carotid.errors import InputError, OutputError
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.annotations import points_of, rows_by_label
from carotid.storage.regular_file import open_regular
from carotid.storage.results.atomic import write_atomically, write_json
from carotid.storage.results.layout import CenterlineLayout
from carotid.storage.results.record import stored_grid
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path


POINT_COLUMNS = ("label", "x", "y", "z")
VALUE_COLUMNS = ("mean_value", "std_value", "max_distances")
UNCERTAINTY_COLUMN = "uncertainty_mm"

_REMEDY = "make the centerlines again, or correct the file"
_MAX_JSON_BYTES = 1 << 20


def save_centerlines(centerlines: Centerlines, root: Path) -> None:
    """Write one participant's centerlines, read them back and compare.

    Args:
        centerlines: What is written.
        root: Their folder; it is there already.

    Raises:
        OutputError: A file cannot be written or does not read back as written.
    """
    folder = CenterlineLayout(root)
    for side in SIDE_NAMES:
        text = centerline_text(centerlines.side(side))
        write_atomically(folder.table(side), text.encode())
    write_json(
        folder.bifurcation,
        {side: _described(centerlines.side(side).bifurcation, centerlines) for side in SIDE_NAMES},
    )
    try:
        there = load_centerlines(root)
    except InputError as error:
        raise OutputError(f"does not read back as written: {error}", where=root) from error
    for side in SIDE_NAMES:
        written, found = centerlines.side(side), there.side(side)
        if centerline_text(written) != centerline_text(found):
            raise OutputError("the file does not read back as written", where=folder.table(side))


def centerline_text(side: SideCenterlines) -> str:
    """A side's table as text."""
    arteries = [(label, side.artery(label)) for label in LABELS]
    known = any(np.isfinite(artery.uncertainty_mm).any() for _, artery in arteries)
    columns = [*POINT_COLUMNS, *VALUE_COLUMNS, *([UNCERTAINTY_COLUMN] if known else [])]
    rows = ["\t".join(columns)]
    for label, artery in arteries:
        values = [artery.mean_value, artery.std_value, artery.max_distances, artery.uncertainty_mm]
        numbers = np.column_stack([artery.points, *values])[:, : len(columns) - 1]
        rows += ["\t".join([label, *map(_cell, row)]) for row in numbers.tolist()]
    return "\n".join(rows) + "\n"


def save_corrected_bifurcations(centerlines: Centerlines, root: Path) -> None:
    """Write the bifurcations that were set by hand beside those that were found.

    Raises:
        OutputError: The file cannot be written.
    """
    path = CenterlineLayout(root).corrected_bifurcation
    path.parent.mkdir(exist_ok=True)
    forks = {side: centerlines.side(side).bifurcation for side in SIDE_NAMES}
    write_json(
        path,
        {
            side: _described(fork if fork is not None and fork.corrected else None, centerlines)
            for side, fork in forks.items()
        },
    )


def load_centerlines(root: Path) -> Centerlines:
    """Read one participant's centerlines from their folder, ours or another program's.

    Columns are found by name. The grid is known where our record lies beside the tables.
    Bifurcations that were set by hand take the place of those that were found.

    Raises:
        InputError: A file is missing or damaged; a faulty row is named.
    """
    folder = CenterlineLayout(root)
    forks = _read_bifurcations(folder.bifurcation)
    by_hand = _read_bifurcations(folder.corrected_bifurcation)
    forks |= {side: fork for side, fork in by_hand.items() if fork is not None}
    grid = stored_grid(root)
    shape = None if grid is None else grid.reoriented(CANONICAL).shape
    sides = {side: read_side(folder.table(side), forks.get(side), shape) for side in SIDE_NAMES}
    return Centerlines(sides["left"], sides["right"], grid)


def read_side(
    path: Path,
    bifurcation: Bifurcation | None = None,
    shape: tuple[int, int, int] | None = None,
) -> SideCenterlines:
    """Read one side's table.

    Args:
        path: The table.
        bifurcation: The side's.
        shape: Number of canonical voxels along each axis, where it is known.

    Raises:
        InputError: The file is missing or damaged; a faulty row is named.
    """
    table = read_table(path, POINT_COLUMNS, "centerline", _REMEDY)
    rows = rows_by_label(table)
    points = points_of(table)
    for k, size in enumerate(shape or ()):
        for row in np.flatnonzero(points[:, k] > size):
            raise table.mistake(row, "xyz"[k], f"{points[row, k]:g}", f"at most {size - 1}")
    for row in np.flatnonzero(points[:, 2] != np.rint(points[:, 2])):
        raise table.mistake(row, "z", f"{points[row, 2]:g}", "a whole slice number")
    values = [table.optional_numbers(column) for column in (*VALUE_COLUMNS, UNCERTAINTY_COLUMN)]

    def artery(label: Label) -> Centerline:
        own = rows[label]
        return Centerline(points[own], *(value[own] for value in values))

    return SideCenterlines(artery("internal"), artery("external"), bifurcation)


def _cell(value: float) -> str:
    """The shortest text that reads back equal; empty where the value is unknown."""
    if np.isnan(value):
        return ""
    return str(int(value)) if value == int(value) else repr(value)


def _described(fork: Bifurcation | None, centerlines: Centerlines) -> dict[str, Any] | None:
    """A bifurcation, ready for JSON."""
    if fork is None:
        return None
    known = not np.isnan(fork.uncertainty_mm)
    described: dict[str, Any] = {
        "voxel": [float(v) for v in fork.point],
        "uncertainty_mm": float(fork.uncertainty_mm) if known else None,
    }
    if centerlines.grid is not None:
        at = centerlines.grid.reoriented(CANONICAL).world_from_index(fork.point)
        described["ras_mm"] = [round(float(v), 3) for v in at]
    if fork.corrected:
        described["corrected"] = True
    return described


def _read_bifurcations(path: Path) -> dict[str, Bifurcation | None]:
    if not path.exists():  # other programs' tables have none beside them
        return {}
    record = _read_json(path)
    found: dict[str, Bifurcation | None] = {}
    for side in SIDE_NAMES:
        try:
            one = record[side]
            if one is None:
                found[side] = None
                continue
            point = np.array(one["voxel"], np.float64).reshape(3)
            uncertainty = one["uncertainty_mm"]
            found[side] = Bifurcation(
                point,
                np.nan if uncertainty is None else float(uncertainty),
                bool(one.get("corrected", False)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"the {side} bifurcation cannot be read", where=path, remedy=_REMEDY
            ) from error
    return found


def _read_json(path: Path) -> dict[str, Any]:
    with open_regular(path) as file:
        content = file.read(_MAX_JSON_BYTES + 1)
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", where=path, remedy=_REMEDY) from error
    if not isinstance(record, dict):
        raise InputError("is not an object", where=path, remedy=_REMEDY)
    return record

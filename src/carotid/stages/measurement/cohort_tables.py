"""Tables of a whole cohort: all arteries below each other, and a row per participant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.fork import FORK_SOURCES, NOT_SEARCHED
from carotid.stages.measurement.segment_table import SEGMENT_COLUMNS
from carotid.stages.measurement.segments import REMODELLED
from carotid.stages.measurement.slice_table import METHOD
from carotid.stages.measurement.stretches import SEGMENTS, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName

PARTICIPANT = Column("participant_id", "", "Whose scan it is")

Fold = Literal["mean", "max", "min", "count"]

COVERED = "covered_mm"
THRESHOLD = "plaque_threshold_mm"

FOLDED: Mapping[str, tuple[Fold, ...]] = {
    COVERED: ("mean", "min"),
    "readable_share": ("min",),
    "la_mean_mm2": ("mean", "max"),
    "tva_mean_mm2": ("mean", "max"),
    "wa_mean_mm2": ("mean", "max"),
    "nwi_mean": ("mean", "max"),
    "wt_mean_mm": ("mean", "max"),
    "wt_max_mm": ("mean", "max"),
    "lumen_volume_mm3": ("mean", "max"),
    "vessel_volume_mm3": ("mean", "max"),
    "wall_volume_mm3": ("mean", "max"),
    "percent_wall_volume": ("mean", "max"),
    "mla_mm2": ("mean", "min"),
    "stenosis_nascet_percent": ("mean", "max", "count"),
    "stenosis_ecst_percent": ("mean", "max"),
    "stenosis_area_percent": ("mean", "max"),
    "remodelling_ratio": ("mean", "max"),
    "plaque_length_mm": ("mean", "max"),
    "plaque_volume_mm3": ("mean", "max"),
}
"""What of a segment is told of a participant, and how both sides become one."""

_OF_SOME: Mapping[str, tuple[str, ...]] = {
    "stenosis_nascet_percent": ("internal",),
    "stenosis_ecst_percent": ("internal",),
    "stenosis_area_percent": ("internal",),
    "remodelling_ratio": REMODELLED,
}
"""Measures that not every segment has."""

_BY_HAND = {
    "corrected_slices": "that were corrected",
    "removed_slices": "whose outlines were taken away",
}

_ALONE = "Where one side alone has a value, it is that side's."


def arteries_table(found: Mapping[str, MeasurementTable]) -> MeasurementTable:
    """The participants' tables of segments below each other, sorted by participant.

    Args:
        found: Each participant's table, by id. Columns that a table lacks, because another version
            made it, are empty.
    """
    columns = (PARTICIPANT, *SEGMENT_COLUMNS)
    ids = sorted(found)
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        PARTICIPANT.name: tuple(name for name in ids for _ in range(len(found[name])))
    }
    for column in SEGMENT_COLUMNS:
        if column.levels:
            cells[column.name] = tuple(
                word for name in ids for word in _words(found[name], column.name)
            )
        else:
            cells[column.name] = np.concatenate(
                [np.empty(0), *(_numbers(found[name], column.name) for name in ids)]
            )
    return MeasurementTable(columns, cells)


def participants_table(found: Mapping[str, MeasurementTable]) -> MeasurementTable:
    """A row per participant, sorted: each measure of each segment, both sides together.

    Where one side alone has a value, it is that side's; so it is with the length that was covered.
    """
    ids = sorted(found)
    by_name = {column.name: column for column in SEGMENT_COLUMNS}
    columns: list[Column] = [PARTICIPANT]
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {PARTICIPANT.name: tuple(ids)}
    for column, told in _how_it_was_made([found[name] for name in ids]):
        columns.append(column)
        cells[column.name] = told
    for segment in SEGMENTS:
        sides = Column(f"{segment}_sides_count", "", f"Sides whose wall could be read: {segment}.")
        columns.append(sides)
        lengths = [_both(found[name], segment, COVERED) for name in ids]
        covered = [np.where(values > 0, values, np.nan) for values in lengths]
        cells[sides.name] = np.array([float(np.isfinite(values).sum()) for values in covered])
        for name, folds in FOLDED.items():
            if segment not in _OF_SOME.get(name, (segment,)):
                continue
            values = (
                covered
                if name == COVERED
                else [_both(found[participant], segment, name) for participant in ids]
            )
            for fold in folds:
                column = _folded_column(by_name[name], segment, fold)
                columns.append(column)
                cells[column.name] = np.array([_folded(pair, fold) for pair in values])
    return MeasurementTable(tuple(columns), cells)


def _how_it_was_made(
    tables: Sequence[MeasurementTable],
) -> Iterator[tuple[Column, NDArray[np.float64] | tuple[str, ...]]]:
    """What one looks at before numbers of several people are compared, a value per participant."""
    for side in SIDE_NAMES:
        told = f"Where the bifurcation on the {side} comes from"
        yield (
            Column(f"bifurcation_{side}", "", told, levels=FORK_SOURCES),
            tuple(_fork_source(table, side) for table in tables),
        )
    for name, what in _BY_HAND.items():
        counts = [
            sum(float(np.nan_to_num(_both(table, segment, name)).sum()) for segment in WHOLE)
            for table in tables
        ]
        yield Column(name, "", f"Slices of both sides {what} by hand"), np.array(counts)
    yield METHOD, tuple(next(iter(_words(table, METHOD.name)), "") for table in tables)
    threshold = next(column for column in SEGMENT_COLUMNS if column.name == THRESHOLD)
    found = [_numbers(table, THRESHOLD)[:1] for table in tables]
    yield threshold, np.array([float(one[0]) if len(one) else np.nan for one in found])


def _fork_source(table: MeasurementTable, side: SideName) -> str:
    """That of the side's arteries; the rows of one that was not seen say nothing."""
    sources = zip(table.words("side"), _words(table, "bifurcation"), strict=True)
    own = {source for one, source in sources if one == side}
    known = own - {"", "unknown", NOT_SEARCHED}
    return next(iter(known), NOT_SEARCHED if NOT_SEARCHED in own else "unknown")


def _folded_column(one: Column, segment: str, fold: Fold) -> Column:
    name = f"{segment}_{one.name}_sides_{fold}"
    if fold == "count":
        told = (
            f"Sides that have a value of {one.name}, {segment}: one that is occluded, or whose "
            "lumen is unsure, has none."
        )
        return Column(name, "", told)
    told = f"{fold.capitalize()} of both sides, {segment}: {one.definition} {_ALONE}"
    return Column(name, one.unit, told, one.source)


def _folded(values: NDArray[np.float64], fold: Fold) -> float:
    known = values[np.isfinite(values)]
    if fold == "count":
        return float(len(known))
    return float(getattr(known, fold)()) if len(known) else np.nan


def _both(table: MeasurementTable, segment: str, name: str) -> NDArray[np.float64]:
    """(2,) a measure on the left and on the right; NaN where there is none."""
    out = np.full(len(SIDE_NAMES), np.nan)
    values = _numbers(table, name)
    for row, key in enumerate(zip(table.words("side"), table.words("segment"), strict=True)):
        for k, side in enumerate(SIDE_NAMES):
            if key == (side, segment):
                out[k] = values[row]
    return out


def _numbers(table: MeasurementTable, name: str) -> NDArray[np.float64]:
    return table.numbers(name) if name in table.cells else np.full(len(table), np.nan)


def _words(table: MeasurementTable, name: str) -> tuple[str, ...]:
    return table.words(name) if name in table.cells else ("",) * len(table)

"""One participant's measurements on disk: tables with data dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.measurements import Column, Measurements, MeasurementTable, SideMeasurements
from carotid.storage.results.layout import MeasurementLayout
from carotid.storage.results.measurement_tables import load_table, save_table

if TYPE_CHECKING:
    from pathlib import Path

PLACE = ("label", "z", "s_mm")
"""Columns by which a row of the thickness table is found in that of the slices."""


def save_measurements(measurements: Measurements, folder: Path) -> None:
    """Write one participant's measurements and read them back.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout = MeasurementLayout(folder)
    save_table(layout.arteries, measurements.segments)
    save_table(layout.plaques, measurements.plaques)
    for name in SIDE_NAMES:
        side = measurements.side(name)
        save_table(layout.slices(name), side.slices)
        save_table(layout.thickness(name), _thickness_table(side))


def load_measurements(folder: Path) -> Measurements:
    """Read one participant's measurements.

    Raises:
        InputError: A file is missing or cannot be used.
    """
    layout = MeasurementLayout(folder)
    left, right = (_load_side(layout, name) for name in SIDE_NAMES)
    return Measurements(left, right, load_table(layout.arteries), load_table(layout.plaques))


def _load_side(layout: MeasurementLayout, name: SideName) -> SideMeasurements:
    slices = load_table(layout.slices(name))
    path = layout.thickness(name)
    found = load_table(path)
    directions = [column for column in found.cells if column.startswith("at_")]
    if len(found) != len(slices) or not directions:
        raise InputError(
            "the table does not belong to that of the slices",
            where=path,
            found=counted(len(found), "row"),
            expected=f"{counted(len(slices), 'row')}, and columns for directions",
            remedy="make the measurements again",
        )
    values = np.column_stack([found.numbers(column) for column in directions])
    return SideMeasurements(slices, values)


def _thickness_table(side: SideMeasurements) -> MeasurementTable:
    """Thickness by direction with the columns that say where each row is."""
    count = side.thickness_mm.shape[1]
    place = tuple(column for column in side.slices.columns if column.name in PLACE)
    degrees = [360 * k // count for k in range(count)]
    directions = tuple(
        Column(
            f"at_{degree:03d}_mm",
            "mm",
            f"Thickness of the wall {degree} degrees from anterior, towards lateral, as seen "
            "from the lumen's center in the plane across the vessel.",
        )
        for degree in degrees
    )
    cells = {column.name: side.slices.cells[column.name] for column in place}
    for k, column in enumerate(directions):
        cells[column.name] = side.thickness_mm[:, k]
    return MeasurementTable((*place, *directions), cells)

"""The table of plaques: what each column means and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.plaques import plaques_of
from carotid.stages.measurement.segment_table import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters

PLAQUE_COLUMNS: tuple[Column, ...] = (
    SIDE,
    Column("label", "", "Which artery", levels={
        "internal": "the common carotid and the internal one above it",
        "external": "the external carotid",
    }),
    Column("from_mm", "mm", "Where it begins along the artery, from the bifurcation"),
    Column("to_mm", "mm", "Where it ends"),
    Column("length_mm", "mm", "Its length along the artery"),
    Column("wall_volume_mm3", "mm3", "Volume of the wall in it: axial areas times slice distance"),
    Column("wt_max_mm", "mm", "Its largest thickness"),
    Column("wt_max_s_mm", "mm", "Where that is along the artery"),
    Column("wt_max_deg", "deg", "Direction: 0 anterior, 90 lateral, 180 posterior, 270 medial"),
    Column("z_from", "", "Number of its lowest axial slice, from 0, counted from the feet"),
    Column("z_to", "", "Number of its highest axial slice"),
    Column("threshold_mm", "mm", "Thickness from which on a slice counts as plaque"),
)  # fmt: skip


def plaque_table(
    arteries: Sequence[MeasuredArtery], parameters: MeasurementParameters, slice_mm: float
) -> MeasurementTable:
    """A row per plaque of both sides, in the order of the arteries."""
    rows: list[tuple[str | float, ...]] = []
    for one in arteries:
        for plaque in plaques_of(one, parameters, slice_mm):
            at = plaque.thickest
            rows.append(
                (
                    one.side,
                    one.artery.label,
                    plaque.from_mm,
                    plaque.to_mm,
                    plaque.length_mm,
                    plaque.wall_volume_mm3,
                    float(one.across.wt_max[at]),
                    float(one.s_mm[at]),
                    float(one.across.wt_max_deg[at]),
                    float(one.artery.z[plaque.rows[0]]),
                    float(one.artery.z[plaque.rows[-1]]),
                    parameters.plaque_thickness_mm,
                )
            )
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {}
    for k, column in enumerate(PLAQUE_COLUMNS):
        values = [row[k] for row in rows]
        words = column.name in ("side", "label")
        cells[column.name] = (
            tuple(str(value) for value in values) if words else np.array(values, np.float64)
        )
    return MeasurementTable(PLAQUE_COLUMNS, cells)

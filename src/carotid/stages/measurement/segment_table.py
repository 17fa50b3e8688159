"""The table of segments: what each column means and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.fork import FORK_SOURCES, NOT_SEARCHED
from carotid.stages.measurement.parameters import DIAMETERS
from carotid.stages.measurement.segment_values import VALUES
from carotid.stages.measurement.slice_table import METHOD
from carotid.stages.measurement.stenosis import DOUBTS
from carotid.stages.measurement.stretches import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from carotid.stages.measurement.segments import Segment

SIDE = Column("side", "", "The patient's side", levels={name: name for name in SIDE_NAMES})

SEGMENT_COLUMNS: tuple[Column, ...] = (
    SIDE,
    Column(
        "segment",
        "",
        "Part of an artery; bulb_from_mm and bulb_to_mm are settings, by default -10 and 10 mm",
        levels={name: what for name, (_, what) in SEGMENTS.items()},
    ),
    Column("bifurcation", "", "Where the bifurcation comes from", levels=FORK_SOURCES),
    METHOD,
    Column(
        "stenosis_diameter",
        "",
        "Which diameter mld_mm and the stenoses are of",
        levels={kind: f"lumen_diameter_{kind}_mm of the slices" for kind in DIAMETERS},
    ),
    Column(
        "stenosis_doubts",
        "",
        "Why stenosis and least lumen are not to be taken as they stand, separated by commas",
        levels=DOUBTS,
    ),
    *(value.column for value in VALUES),
)


def _fork_source(segment: Segment) -> str:
    if segment.one is not None:
        return segment.one.artery.fork_source
    return "unknown" if segment.searched else NOT_SEARCHED


def segment_table(segments: Iterable[Segment]) -> MeasurementTable:
    """A row per side and segment."""
    rows = list(segments)
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        "side": tuple(segment.side for segment in rows),
        "segment": tuple(segment.name for segment in rows),
        "bifurcation": tuple(_fork_source(segment) for segment in rows),
        "wt_method": tuple(segment.parameters.thickness for segment in rows),
        "stenosis_diameter": tuple(segment.parameters.stenosis_diameter for segment in rows),
        "stenosis_doubts": tuple(",".join(segment.doubts) for segment in rows),
    }
    for value in VALUES:
        cells[value.name] = np.array([value.of(segment) for segment in rows], np.float64)
    return MeasurementTable(SEGMENT_COLUMNS, cells)

"""The table of cross-sections: a row per artery and slice, and what each column means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.measured import FLAGS
from carotid.stages.measurement.shapes import MAP_ANGLES
from carotid.stages.measurement.stretches import SEGMENTS, segment_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters

ACROSS = "in the plane across the vessel through the lumen's center in this slice"
AXIAL = "in the axial slice itself, which may cut the vessel obliquely"
INTRACRANIAL = "definition of the SIAT plaque-morphology tool"

EXTREME_ERROR = "Error of {} as stated: its scatter and its excess, being an extreme of many."


@dataclass(frozen=True)
class Measure:
    """A measure of `Shapes`, and of `Spreads` where it has a spread.

    Attributes:
        field: Its name there.
        column: Its column's name without unit.
        unit: Its unit.
        what: Its definition.
        axial: Whether it is told for the axial slice too.
        spread: Whether its spread is told.
        source: Who defined it so.
    """

    field: str
    column: str
    unit: str
    what: str
    axial: bool = True
    spread: bool = True
    source: str = ""


MEASURES = (
    Measure("la", "la", "mm2", "Area of the lumen"),
    Measure("tva", "tva", "mm2", "Total vessel area: all inside the wall's outer outline"),
    Measure(
        "wa",
        "wa",
        "mm2",
        "Area of the wall: total vessel area less the lumen's, empty where that is larger",
    ),
    Measure("nwi", "nwi", "", "Normalised wall index: wall area / total vessel area"),
    Measure("wt_mean", "wt_mean", "mm", "Mean thickness of the wall, over the lumen's outline"),
    Measure("wt_max", "wt_max", "mm", "Largest thickness of the wall"),
    Measure("wt_min", "wt_min", "mm", "Smallest thickness of the wall"),
    Measure(
        "wt_max_deg",
        "wt_max",
        "deg",
        "Where the wall is thickest, seen from the lumen's center: 0 anterior, 90 lateral, 180 "
        "posterior, 270 medial, on both sides",
        spread=False,
    ),
    Measure(
        "eccentricity",
        "ei_1_minus_min_over_max",
        "",
        "Eccentricity index: 1 - smallest / largest thickness",
        axial=False,
        source=INTRACRANIAL,
    ),
    Measure(
        "lumen_diameter",
        "lumen_diameter_equivalent",
        "mm",
        "Diameter of the circle that has the lumen's area",
        axial=False,
    ),
    Measure(
        "lumen_caliper",
        "lumen_diameter_caliper",
        "mm",
        "Smallest distance of two parallel lines around the lumen",
        axial=False,
    ),
    Measure(
        "lumen_inscribed",
        "lumen_diameter_inscribed",
        "mm",
        "Diameter of the largest circle in the lumen",
        axial=False,
    ),
    Measure(
        "outer_diameter",
        "outer_diameter_equivalent",
        "mm",
        "Diameter of the circle that has the total vessel area",
        axial=False,
    ),
)

_PLACE = (
    Column("label", "", "Which artery the outlines are of", levels={
        "internal": "the common carotid and the internal one above it",
        "external": "the external carotid",
    }),
    Column("z", "", "Number of the axial slice, from 0, counted from the feet"),
    Column("segment", "", "Part of the artery; empty where the bifurcation is unknown", levels={
        name: SEGMENTS[name][1]
        for name in ("common_low", "common_bulb", "internal_bulb", "internal_high", "external")
    }),
    Column("s_mm", "mm", "Length along the artery from the bifurcation, positive to the head"),
    Column("right_mm", "mm", "Center of the lumen: x in R-A-S, to the patient's right"),
    Column("anterior_mm", "mm", "Center of the lumen: y in R-A-S, to anterior"),
    Column("superior_mm", "mm", "Center of the lumen: z in R-A-S, to the head"),
    Column("angle_deg", "deg", "Angle between the artery and the normal of the slice"),
)  # fmt: skip

METHOD = Column("wt_method", "", "How thickness is defined", levels={
    "laplace": "length of the field line of the Laplace equation from lumen to outer outline "
    "(Jones et al., Human Brain Mapping 2000)",
    "radial": "along rays from the lumen's center of area",
    "nearest_outer": "from the lumen to the nearest point of the outer outline",
    "nearest_lumen": "from the outer outline to the nearest point of the lumen",
})  # fmt: skip

_STATE = (
    METHOD,
    Column("readable", "", "What of this slice counts in the tables of segments", levels={
        "yes": "lumen and wall", "lumen": "the lumen alone", "no": "nothing",
    }),
    Column("flags", "", "What is special, separated by commas", levels=FLAGS),
)  # fmt: skip


def _name(measure: Measure, before: str = "", after: str = "") -> str:
    return "_".join(part for part in (before, measure.column, after, measure.unit) if part)


SLICE_COLUMNS: tuple[Column, ...] = (
    *_PLACE,
    *(Column(_name(m), m.unit, f"{m.what}, {ACROSS}.", m.source) for m in MEASURES),
    *(
        Column(_name(m, "axial"), m.unit, f"{m.what}, {AXIAL}.", m.source)
        for m in MEASURES
        if m.axial
    ),
    *(
        Column(
            _name(m, after="sd"),
            m.unit,
            EXTREME_ERROR.format(_name(m))
            if m.field in ("wt_max", "wt_min")
            else f"Standard deviation of {_name(m)} as stated.",
        )
        for m in MEASURES
        if m.spread
    ),
    *_STATE,
)


def slice_table(
    arteries: Sequence[MeasuredArtery], canonical: Grid, parameters: MeasurementParameters
) -> tuple[MeasurementTable, NDArray[np.float64]]:
    """The table of one side's slices and their thickness by direction, sorted by label, then z."""
    order = sorted(arteries, key=lambda one: sorted(LABELS).index(one.artery.label))
    parts = [_cells(one, canonical, parameters) for one in order]
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {}
    for column in SLICE_COLUMNS:
        values = [part[column.name] for part in parts]
        if parts and not isinstance(values[0], np.ndarray):
            cells[column.name] = tuple(word for some in values for word in some)
        else:
            cells[column.name] = np.concatenate([np.empty(0), *values])
    maps = [np.empty((0, MAP_ANGLES)), *(one.across.thickness for one in order)]
    return MeasurementTable(SLICE_COLUMNS, cells), np.concatenate(maps)


def _cells(
    one: MeasuredArtery, canonical: Grid, parameters: MeasurementParameters
) -> dict[str, NDArray[np.float64] | tuple[str, ...]]:
    artery = one.artery
    k = len(artery.z)
    place = np.column_stack([artery.centers_mm, artery.heights_mm]) / canonical.spacing_mm
    world = canonical.world_from_index(place)
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        "label": (artery.label,) * k,
        "z": artery.z.astype(np.float64),
        "segment": tuple(segment_names(one, parameters)),
        "s_mm": one.s_mm,
        "right_mm": world[:, 0],
        "anterior_mm": world[:, 1],
        "superior_mm": world[:, 2],
        "angle_deg": one.angle_deg,
        "wt_method": (parameters.thickness,) * k,
        "readable": tuple(
            "yes" if wall else "lumen" if lumen else "no"
            for wall, lumen in zip(one.wall_read, one.lumen_read, strict=True)
        ),
        "flags": tuple(
            ",".join(name for name, raised in one.flags.items() if raised[row]) for row in range(k)
        ),
    }
    for measure in MEASURES:
        values = cells[_name(measure)] = getattr(one.across, measure.field)
        if measure.axial:
            cells[_name(measure, "axial")] = getattr(one.axial, measure.field)
        if measure.spread:
            spread = getattr(one.spreads, measure.field)
            cells[_name(measure, after="sd")] = np.where(np.isfinite(values), spread, np.nan)
    return cells

"""The key numbers of a participant's arteries with their spread, from measurement tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.report.measured_slices import MINUS, signed
from carotid.stages.measurement.stenosis import DOUBTS

if TYPE_CHECKING:
    from carotid.geometry.sides import SideName
    from carotid.measurements import Measurements, MeasurementTable

NAN = float("nan")

WHOLE = "common_internal"
"""The segment that key numbers are about: the common and internal carotid, as far as covered."""


@dataclass(frozen=True)
class Value:
    """A measurement.

    Attributes:
        value: NaN where it is unknown.
        sd: Its spread; NaN where it is unknown.
        s_mm: Where along the artery it was found; NaN where it belongs to the whole.
    """

    value: float
    sd: float = NAN
    s_mm: float = NAN


@dataclass(frozen=True)
class ArteryFigures:
    """The common and internal carotid of one side.

    Attributes:
        stenosis: NASCET, percent.
        narrowest: Least lumen area, mm².
        thickest: Largest wall thickness, mm.
        mean_thickness: mm.
        wall_volume: mm³.
        percent_wall_volume: Percent.
        covered_mm: Length that was measured.
        readable_share: Share of cross-sections from which the wall could be read.
        bifurcation: Where `s` begins: found, corrected, lowest; see the table's dictionary.
        corrected_slices: Cross-sections that were corrected by hand.
        removed_slices: Cross-sections that were taken away by hand.
        unsure_slices: Cross-sections whose wall was left out as unsure.
        doubts: Why the stenosis is not to be taken as it stands, in words.
    """

    stenosis: Value
    narrowest: Value
    thickest: Value
    mean_thickness: Value
    wall_volume: Value
    percent_wall_volume: Value
    covered_mm: float
    readable_share: float
    bifurcation: str
    corrected_slices: float = 0.0
    removed_slices: float = 0.0
    unsure_slices: float = NAN
    doubts: tuple[str, ...] = ()

    @property
    def untold(self) -> bool:
        """Whether no stenosis or no least lumen is told, as an unsure lumen may be narrow."""
        return DOUBTS["unsure_lumen"] in self.doubts


_NONE = Value(NAN)
UNKNOWN = ArteryFigures(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, NAN, NAN, "")
"""Of a side that was not measured."""

KEY_NUMBERS = {
    "stenosis": ("Stenosis, internal carotid only (NASCET)", "%", 0),
    "narrowest": ("Narrowest lumen, area", "mm²", 1),
    "thickest": ("Thickest wall", "mm", 2),
    "mean_thickness": ("Mean wall thickness", "mm", 2),
    "wall_volume": ("Wall volume", "mm³", 0),
    "percent_wall_volume": ("Wall volume, share of the vessel", "%", 1),
}
"""What the page shows of an artery: words, unit, decimals."""


def all_figures(measurements: Measurements) -> dict[SideName, ArteryFigures]:
    """Both sides' key numbers, as far as they are known."""
    found = {side: artery_figures(measurements, side) for side in SIDE_NAMES}
    return {side: figures for side, figures in found.items() if figures is not None}


def artery_figures(measurements: Measurements, side: SideName) -> ArteryFigures | None:
    """One side's key numbers; None where the table does not tell of it."""
    table = measurements.segments
    rows = {
        segment: row
        for row, (one, segment) in enumerate(
            zip(table.words("side"), table.words("segment"), strict=True)
        )
        if one == side
    }
    if WHOLE not in rows:
        return None
    whole = rows[WHOLE]

    def value(name: str, sd: str = "", s: str = "", row: int = whole) -> Value:
        return Value(*(_number(table, column, row) for column in (name, sd, s)))

    doubts: list[str] = []
    for row in {rows.get("internal", whole), whole} if "stenosis_doubts" in table.cells else ():
        doubts += table.words("stenosis_doubts")[row].split(",")
    return ArteryFigures(
        stenosis=value(
            "stenosis_nascet_percent",
            "stenosis_nascet_sd_percent",
            "stenosis_s_mm",
            rows.get("internal", whole),
        ),
        narrowest=value("mla_mm2", "mla_sd_mm2", "mla_s_mm"),
        thickest=value("wt_max_mm", "wt_max_sd_mm", "wt_max_s_mm"),
        mean_thickness=value("wt_mean_mm", "wt_mean_sd_mm"),
        wall_volume=value("wall_volume_mm3", "wall_volume_sd_mm3"),
        percent_wall_volume=value("percent_wall_volume", "percent_wall_volume_sd"),
        covered_mm=_number(table, "covered_mm", whole),
        readable_share=_number(table, "readable_share", whole),
        bifurcation=table.words("bifurcation")[whole] if "bifurcation" in table.cells else "",
        corrected_slices=_number(table, "corrected_slices", whole),
        removed_slices=_number(table, "removed_slices", whole),
        unsure_slices=_number(table, "unsure_slices", whole),
        doubts=tuple(words for name, words in DOUBTS.items() if name in doubts),
    )


def _number(table: MeasurementTable, name: str, row: int) -> float:
    if name not in table.cells or isinstance(table.cells[name], tuple):
        return NAN
    return float(table.numbers(name)[row])


def position(s_mm: float) -> str:
    """A place along the artery in words."""
    return f"{signed(s_mm)} mm"


def told(value: Value, unit: str, digits: int) -> tuple[str, str]:
    """A measurement in words: with its spread; and where it was found, if that is known."""
    if np.isnan(value.value):
        return "\u2013", ""
    words = f"{value.value:.{digits}f}".replace("-", MINUS)
    if not np.isnan(value.sd):
        words += f" ± {value.sd:.{digits}f}"
    place = "" if np.isnan(value.s_mm) else f"at {position(value.s_mm)}"
    return f"{words} {unit}", place

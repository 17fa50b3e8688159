"""Measures of an artery over a part that several measurements of it have in common.

Volumes and means depend on how far an artery was seen. Two scans of one person, or both sides, are
compared over the stretch alone that can be read in all of them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.evaluation.along import spread_of_mean
from carotid.evaluation.unsure_lumens import may_be_narrower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.measurements import MeasurementTable

logger = logging.getLogger(__name__)

STEP_MM = 0.1
"""Step at which courses are compared."""

_COARSE_MM = 0.5

MEASURES = (
    "covered_mm",
    "la_mean_mm2",
    "tva_mean_mm2",
    "wa_mean_mm2",
    "nwi_mean",
    "wt_mean_mm",
    "wt_max_mm",
    "mla_mm2",
    "lumen_volume_mm3",
    "vessel_volume_mm3",
    "wall_volume_mm3",
    "percent_wall_volume",
)
"""What is measured over a common part, as the table of arteries calls it."""

_MEANS = {
    "tva_mean_mm2": "tva",
    "wa_mean_mm2": "wa",
    "nwi_mean": "nwi",
    "wt_mean_mm": "wt_mean",
}
_COLUMNS = {
    "la": ("la_mm2", "la_sd_mm2"),
    "tva": ("tva_mm2", "tva_sd_mm2"),
    "wa": ("wa_mm2", "wa_sd_mm2"),
    "nwi": ("nwi", "nwi_sd"),
    "wt_mean": ("wt_mean_mm", "wt_mean_sd_mm"),
    "wt_max": ("wt_max_mm", "wt_max_sd_mm"),
}


@dataclass(frozen=True)
class Segments:
    """Where the segments of arteries are.

    Attributes:
        limits_mm: From and to, by name, from the bifurcation.
        labels: Whose outlines each is in.
        max_gap_mm: Slices further apart are not joined, unless they are neighbours in the scan.
        spread_along_mm: Length along an artery over which errors belong together.
        settings: What all this was told by, as the configuration calls it.
        defaults: Of all settings of measurements.
    """

    limits_mm: Mapping[str, tuple[float, float]]
    labels: Mapping[str, Label]
    max_gap_mm: float
    spread_along_mm: float
    settings: Mapping[str, float]
    defaults: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Course:
    """Slices of one artery that can be read.

    Attributes:
        table: The table that they are in.
        rows: (k,) their rows, by rising position.
        s_mm: (k,) positions, from the bifurcation; a shift to another measurement's is in it.
        low_mm, high_mm: (k,) the stretch that each slice stands for.
    """

    table: MeasurementTable
    rows: NDArray[np.int64]
    s_mm: NDArray[np.float64]
    low_mm: NDArray[np.float64]
    high_mm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def shifted(self, by_mm: float) -> Course:
        """The same with all positions moved."""
        return Course(
            self.table, self.rows, self.s_mm + by_mm, self.low_mm + by_mm, self.high_mm + by_mm
        )

    def at(self, name: str, s_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column's values at positions, on straight lines between slices that have one."""
        values = self.table.numbers(name)[self.rows]
        known = np.isfinite(values)
        if not known.any():
            return np.full(len(s_mm), np.nan)
        return np.interp(s_mm, self.s_mm[known], values[known])

    def volume_mm3(self, axial_area: str, s_mm: NDArray[np.float64]) -> float:
        """Volume over positions: axial areas times height, of which each length makes a part."""
        height = STEP_MM * np.cos(np.deg2rad(self.at("angle_deg", s_mm)))
        return float((self.at(axial_area, s_mm) * height).sum())

    def holds_one_lumen(self, s_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether no slice beside positions holds the lumens of both arteries."""
        both = self.table.flagged("both_lumens")[self.rows].astype(np.float64)
        return np.asarray(np.interp(s_mm, self.s_mm, both) == 0, np.bool_)

    def covers(self, s_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether positions lie in the stretch of a slice."""
        if not len(self):
            return np.zeros(len(s_mm), np.bool_)
        nearest = np.clip(np.searchsorted(self.low_mm, s_mm, side="right") - 1, 0, len(self) - 1)
        return np.asarray((s_mm >= self.low_mm[nearest]) & (s_mm < self.high_mm[nearest]))


@dataclass(frozen=True, eq=False)
class ArteryCourse:
    """One artery: its slices whose wall can be read, those whose lumen can be, and all.

    Attributes:
        wall: The first.
        lumen: The second, the first among them.
        outlined: All that have an outline of the lumen.
    """

    wall: Course
    lumen: Course
    outlined: Course

    @classmethod
    def of(cls, table: MeasurementTable, label: Label, max_gap_mm: float) -> Self:
        """The readable slices of one artery in a side's table, where their position is known."""
        readable = np.array(table.words("readable"))
        own = np.array(table.words("label")) == label
        wall = own & (readable == "yes") & np.isfinite(table.numbers("wt_mean_mm"))
        outlined = own & np.isfinite(table.numbers("la_mm2"))
        lumen = outlined & np.isin(readable, ["yes", "lumen"])
        return cls(*(_course(table, some, max_gap_mm) for some in (wall, lumen, outlined)))

    def shifted(self, by_mm: float) -> ArteryCourse:
        """The same with all positions moved."""
        parts = (self.wall, self.lumen, self.outlined)
        return ArteryCourse(*(part.shifted(by_mm) for part in parts))

    def may_be_narrower(self, low_mm: float, high_mm: float, area_mm2: float) -> bool:
        """Whether an unsure lumen between two positions may be much smaller than an area."""
        s, rows = self.outlined.s_mm, self.outlined.rows
        return may_be_narrower(self.outlined.table, rows[(s >= low_mm) & (s < high_mm)], area_mm2)


def _course(table: MeasurementTable, good: NDArray[np.bool_], max_gap_mm: float) -> Course:
    s = table.numbers("s_mm")
    rows = np.flatnonzero(good & np.isfinite(s))
    rows = rows[np.argsort(s[rows], kind="stable")]
    gaps = np.diff(s[rows])
    upright = np.cos(np.deg2rad(table.numbers("angle_deg")[rows]))
    apart = gaps * (upright[1:] + upright[:-1]) / 2  # from plane to plane, as when it was measured
    joined = (apart <= max_gap_mm) | (np.diff(table.numbers("z")[rows]) == 1)
    single = float(np.median(gaps[joined])) / 2 if joined.any() else STEP_MM / 2
    half = np.where(joined, gaps / 2, single)
    low = s[rows] - np.concatenate([[single], half])[: len(rows)]
    high = s[rows] + np.concatenate([half, [single]])[: len(rows)]
    return Course(table, rows, s[rows], low, high)


def common_positions(
    courses: Sequence[Course], limits_mm: tuple[float, float] = (-np.inf, np.inf)
) -> NDArray[np.float64]:
    """Positions every `STEP_MM` that all courses cover, between two limits."""
    if not all(len(one) for one in courses):
        return np.empty(0)
    low = max(limits_mm[0], *(float(one.low_mm[0]) for one in courses))
    high = min(limits_mm[1], *(float(one.high_mm[-1]) for one in courses))
    if high - low < STEP_MM:
        return np.empty(0)
    positions = np.arange(low + STEP_MM / 2, high, STEP_MM)
    return np.asarray(positions[np.all([one.covers(positions) for one in courses], axis=0)])


def _of_one_lumen(
    arteries: Sequence[ArteryCourse], s_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The positions at which every repetition shows one lumen alone."""
    here = np.ones(len(s_mm), np.bool_)
    for one in arteries if len(s_mm) else ():
        here &= one.lumen.holds_one_lumen(s_mm)
    return s_mm[here]


def least_lumens(
    arteries: Sequence[ArteryCourse], limits_mm: tuple[float, float]
) -> list[tuple[float, bool]]:
    """The least lumen of each over what all of them show between two limits, and a doubt.

    The doubt is whether, where all have outlines, an unsure lumen may be much smaller. NaN and no
    doubt where nothing is shown.
    """
    alone = _of_one_lumen(arteries, common_positions([one.lumen for one in arteries], limits_mm))
    if not len(alone):
        return [(np.nan, False)] * len(arteries)
    low = max(limits_mm[0], *(float(one.outlined.low_mm[0]) for one in arteries))
    high = min(limits_mm[1], *(float(one.outlined.high_mm[-1]) for one in arteries))
    least = [float(one.lumen.at("la_mm2", alone).min()) for one in arteries]
    return [
        (area, one.may_be_narrower(low, high, area))
        for one, area in zip(arteries, least, strict=True)
    ]


def measures_in_common(
    arteries: Sequence[ArteryCourse], limits_mm: tuple[float, float]
) -> list[dict[str, float]]:
    """`MEASURES` of each over what all of them show between two limits; NaN where unknown.

    As in the table of arteries no least lumen is told where an unsure one may be much smaller.
    """
    wall = common_positions([one.wall for one in arteries], limits_mm)
    lumen = common_positions([one.lumen for one in arteries], limits_mm)
    found = []
    for one, (least, doubted) in zip(arteries, least_lumens(arteries, limits_mm), strict=True):
        values = dict.fromkeys(MEASURES, np.nan)
        values["covered_mm"] = len(wall) * STEP_MM
        if len(lumen):
            values["la_mean_mm2"] = float(one.lumen.at("la_mm2", lumen).mean())
            values["lumen_volume_mm3"] = one.lumen.volume_mm3("axial_la_mm2", lumen)
        values["mla_mm2"] = np.nan if doubted else least
        if len(wall):
            for name, short in _MEANS.items():
                values[name] = float(one.wall.at(_COLUMNS[short][0], wall).mean())
            values["wt_max_mm"] = float(one.wall.at("wt_max_mm", wall).max())
            vessel = one.wall.volume_mm3("axial_tva_mm2", wall)
            values["vessel_volume_mm3"] = vessel
            values["wall_volume_mm3"] = one.wall.volume_mm3("axial_wa_mm2", wall)
            values["percent_wall_volume"] = 100 * values["wall_volume_mm3"] / vessel
        found.append(values)
    return found


def warn_of_unsure_lumens(
    arteries: Mapping[Label, Sequence[ArteryCourse]], segments: Segments, whose: str
) -> None:
    """Name the segments of which no least lumen is compared, and say why.

    Args:
        arteries: A side's, each as often as it was measured.
        segments: Where they are.
        whose: What the side is called.
    """
    names = [
        segment
        for segment, limits in segments.limits_mm.items()
        if any(doubted for _, doubted in least_lumens(arteries[segments.labels[segment]], limits))
    ]
    if names:
        logger.warning(
            "%s: no least lumen area is compared, as slices with the flag unsure_lumen may be much "
            "narrower than all that were read: %s",
            whose,
            ", ".join(names),
        )


def spreads_in_common(
    arteries: Sequence[ArteryCourse], limits_mm: tuple[float, float], along_mm: float
) -> list[dict[str, float]]:
    """Standard deviations of `measures_in_common` as the slices state them; NaN where unknown."""
    wall = common_positions([one.wall for one in arteries], limits_mm)
    lumen = common_positions([one.lumen for one in arteries], limits_mm)
    alone = _of_one_lumen(arteries, lumen)
    found = []
    for one in arteries:
        values = dict.fromkeys(MEASURES, np.nan)
        if len(lumen):
            values["la_mean_mm2"] = _of_mean(one.lumen, "la", lumen, along_mm)
            values["lumen_volume_mm3"] = values["la_mean_mm2"] * len(lumen) * STEP_MM
        if len(alone):
            narrowest = alone[[one.lumen.at("la_mm2", alone).argmin()]]
            values["mla_mm2"] = float(one.lumen.at("la_sd_mm2", narrowest)[0])
        if len(wall):
            for name, short in _MEANS.items():
                values[name] = _of_mean(one.wall, short, wall, along_mm)
            thickest = wall[[one.wall.at("wt_max_mm", wall).argmax()]]
            values["wt_max_mm"] = float(one.wall.at("wt_max_sd_mm", thickest)[0])
            length = len(wall) * STEP_MM
            values["vessel_volume_mm3"] = values["tva_mean_mm2"] * length
            values["wall_volume_mm3"] = values["wa_mean_mm2"] * length
            values["percent_wall_volume"] = 100 * values["nwi_mean"]
        found.append(values)
    return found


def _of_mean(course: Course, short: str, s_mm: NDArray[np.float64], along_mm: float) -> float:
    some = s_mm[:: round(_COARSE_MM / STEP_MM)]
    weights = np.full(len(some), 1 / len(some))
    return spread_of_mean(course.at(_COLUMNS[short][1], some), weights, some, along_mm)

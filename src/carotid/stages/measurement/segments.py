"""What is told about a segment of an artery: means, extremes, volumes and their spreads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.along import over_known, spread_of_mean
from carotid.stages.measurement.plaques import Plaque, plaques_of
from carotid.stages.measurement.spreads import spread_of_largest
from carotid.stages.measurement.stenosis import (
    Remodelling,
    Stenosis,
    diameter_of,
    may_be_narrower,
    remodelling_of,
    spread_of_diameter,
    stenosis_of,
)
from carotid.stages.measurement.stretches import SEGMENTS, Stretch, segment_limits, stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName
    from carotid.stages.measurement.measured import MeasuredArtery
    from carotid.stages.measurement.parameters import MeasurementParameters

REMODELLED = ("common", "internal", "external")
"""Segments of which remodelling is told: whole arteries, none across the bifurcation."""

_NOTHING = Stretch.nothing(0)


@dataclass(frozen=True)
class Mean:
    """A mean along the artery, and its spread; NaN where unknown."""

    value: float
    spread: float


@dataclass(frozen=True)
class Extreme:
    """A largest or smallest value, where it is, its row among the artery's slices, and its spread.

    The spread is that of the one cross-section, where it is known at all.
    """

    value: float = np.nan
    s_mm: float = np.nan
    row: int = -1
    spread: float = np.nan


@dataclass(frozen=True, eq=False)
class Segment:
    """One segment of one artery.

    Attributes:
        name: One of `SEGMENTS`.
        side: Which side's.
        parameters: The stage's settings.
        one: The artery; None where the side has no outlines of it.
        lumen: Its slices whose lumen can be read.
        wall: Its slices whose wall can be read.
        every: Its slices, whether or not they can be read.
        stenosis: Of the internal carotid alone.
        remodelling: Of whole arteries alone.
        plaques: Those of the whole artery that reach into the segment.
        removed_slices: Slices of it whose outlines were taken away by hand.
        searched: Whether anybody looked for the artery; then its counts and lengths are known.
    """

    name: str
    side: SideName
    parameters: MeasurementParameters
    one: MeasuredArtery | None = None
    lumen: Stretch = _NOTHING
    wall: Stretch = _NOTHING
    every: Stretch = _NOTHING
    stenosis: Stenosis = field(default_factory=Stenosis)
    remodelling: Remodelling = field(default_factory=Remodelling)
    plaques: tuple[Plaque, ...] = ()
    removed_slices: int = 0
    searched: bool = True

    @property
    def slices(self) -> int:
        """How many slices it has outlines in."""
        return int(self.every.rows.sum())

    @property
    def corrected_slices(self) -> int:
        """In how many of them an outline was corrected by hand."""
        return 0 if self.one is None else int((self.every.rows & self.one.flags["corrected"]).sum())

    @property
    def unsure_slices(self) -> int:
        """In how many of them the wall is not read as it, or the lumen, is unsure."""
        if self.one is None:
            return 0
        flags = self.one.flags
        unsure = (flags["unsure"] | flags["unsure_lumen"]) & ~flags["edge"]
        return int((self.every.rows & unsure).sum())

    def mean(self, field: str) -> Mean:
        """Mean of a measure along the artery; of the lumen where it is one of the lumen's."""
        if self.one is None:
            return Mean(np.nan, np.nan)
        part = self.lumen if field in ("la", "lumen_diameter") else self.wall
        values: NDArray[np.float64] = getattr(self.one.across, field)
        weights = np.where(np.isfinite(values), part.along_mm, 0)
        if not weights.sum():
            return Mean(np.nan, np.nan)
        weights = weights / weights.sum()
        value = float(weights @ np.nan_to_num(values))
        spreads: NDArray[np.float64] = getattr(self.one.spreads, field)
        return Mean(value, self._spread(spreads, weights))

    def largest(self, field: str) -> Extreme:
        """Largest value of a measure of the wall."""
        return self._extreme(None if self.one is None else -getattr(self.one.across, field), -1)

    def largest_spread(self) -> float:
        """What is stated for the largest thickness."""
        if self.one is None:
            return np.nan
        known = self.wall.rows & np.isfinite(self.one.across.thickness).all(axis=1)
        s = self.one.artery.axis.s_at(self.one.artery.heights_mm)
        return spread_of_largest(
            self.one.across.thickness[known],
            self.one.spreads.thickness[known],
            s[known],
            self.parameters,
        )

    def smallest_area(self) -> Extreme:
        """Smallest area of one lumen; on a tie that with the larger wall.

        Nothing is told, here and in `smallest_diameter`, where an unsure lumen may be smaller.
        """
        found = self._smallest()
        if self.one is None or found.row < 0 or self._hides_a_narrower(found):
            return Extreme()
        row = found.row
        spread = float(self.one.spreads.la[row])
        return Extreme(float(self.one.across.la[row]), found.s_mm, row, spread)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Which of `DOUBTS` there are about its stenosis and its least lumen."""
        found = self.stenosis.doubts
        hidden = "unsure_lumen" not in found and self._hides_a_narrower(self._smallest())
        return ("unsure_lumen", *found) if hidden else found

    def smallest_diameter(self) -> Extreme:
        """Smallest diameter of one lumen, of the kind that stenoses are told by."""
        if self.one is None:
            return Extreme()
        diameter = diameter_of(self.one, self.parameters)
        found = self._extreme(self._alone(diameter), 1, self.lumen)
        if found.row < 0 or self._may_be_narrower(diameter, found):
            return Extreme()
        return replace(
            found, spread=float(spread_of_diameter(self.one, self.parameters)[found.row])
        )

    def volume(self, field: str) -> Mean:
        """Volume in mm3: axial areas times the height that each slice stands for."""
        part = self.lumen if field == "la" else self.wall
        if self.one is None or not part.depth_mm.any():
            return Mean(np.nan, np.nan)
        used = part.depth_mm > 0
        areas: NDArray[np.float64] = getattr(self.one.axial, field)
        value = float(areas[used] @ part.depth_mm[used])
        # The spread is known for the area across; obliquity enlarges both alike.
        with np.errstate(all="ignore"):
            spreads = getattr(self.one.spreads, field) * areas / getattr(self.one.across, field)
        return Mean(value, self._spread(spreads, part.depth_mm))

    def percent_wall_volume(self) -> Mean:
        """100 times wall volume over vessel volume."""
        wall, vessel = self.volume("wa"), self.volume("tva")
        if not vessel.value > 0:
            return Mean(np.nan, np.nan)
        percent = 100 * wall.value / vessel.value
        nwi = self.mean("nwi")
        return Mean(percent, 100 * nwi.spread)

    def plaque_length_mm(self) -> float:
        """Length of plaque within the segment."""
        return float(self._plaque_shares() @ self.wall.along_mm) if self.wall.rows.any() else np.nan

    def plaque_volume_mm3(self) -> float:
        """Volume of the wall in plaque within the segment."""
        if self.one is None or not self.wall.rows.any():
            return np.nan
        return float(
            self._plaque_shares() @ (np.nan_to_num(self.one.axial.wa) * self.wall.depth_mm)
        )

    def _plaque_shares(self) -> NDArray[np.float64]:
        shares = np.zeros(len(self.wall.along_mm))
        for plaque in self.plaques:
            shares[list(plaque.rows)] = 1
        return shares

    def _smallest(self) -> Extreme:
        if self.one is None:
            return Extreme()
        ties = 1e-9 * np.nan_to_num(self.one.across.wa)
        return self._extreme(self._alone(self.one.across.la - ties), 1, self.lumen)

    def _hides_a_narrower(self, found: Extreme) -> bool:
        return self.one is not None and self._may_be_narrower(self.one.across.lumen_diameter, found)

    def _may_be_narrower(self, diameter: NDArray[np.float64], found: Extreme) -> bool:
        if self.one is None or found.row < 0:
            return False
        return may_be_narrower(self.one, self.every.rows, diameter, float(diameter[found.row]))

    def _alone(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Without slices of both lumens: planes in them may reach above the flow divider."""
        if self.one is None:
            return values
        return np.where(self.one.flags["both_lumens"], np.nan, values)

    def _extreme(
        self, values: NDArray[np.float64] | None, sign: int, part: Stretch | None = None
    ) -> Extreme:
        if values is None or self.one is None:
            return Extreme()
        there = np.flatnonzero((self.wall if part is None else part).rows & np.isfinite(values))
        if not len(there):
            return Extreme()
        row = int(there[values[there].argmin()])
        return Extreme(sign * float(values[row]), float(self.one.s_mm[row]), row)

    def _spread(self, spreads: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        """Spread of a weighted sum; slices without one count as those with."""
        if self.one is None:
            return np.nan
        scaled = over_known(weights, spreads)
        s = self.one.artery.axis.s_at(self.one.artery.heights_mm)
        return spread_of_mean(spreads, scaled, s, self.parameters.spread_along_mm)


def segments_of(
    arteries: Sequence[MeasuredArtery],
    side: SideName,
    parameters: MeasurementParameters,
    slice_mm: float,
    *,
    removed: Sequence[tuple[Label, int]] = (),
    searched: bool = True,
) -> Iterator[Segment]:
    """All segments of one side, in the order of `SEGMENTS`, with or without slices.

    Args:
        arteries: Those that have outlines.
        side: Which side.
        parameters: The stage's settings.
        slice_mm: Distance of the scan's slices.
        removed: Artery and canonical slice of outlines that were taken away by hand.
        searched: Whether anybody looked for arteries on this side.
    """
    limits = segment_limits(parameters)
    by_label = {one.artery.label: one for one in arteries}
    plaques = {label: plaques_of(one, parameters, slice_mm) for label, one in by_label.items()}
    for name, (label, _) in SEGMENTS.items():
        one = by_label.get(label)
        gone = slice_mm * np.array([z for whose, z in removed if whose == label], np.float64)
        removed_slices = _among(gone, one, limits[name])
        if one is None:
            yield Segment(name, side, parameters, removed_slices=removed_slices, searched=searched)
            continue
        every, lumen, wall = (
            stretch(one, read, limits[name], parameters.joined_mm(slice_mm), slice_mm)
            for read in (np.ones(len(one.s_mm), np.bool_), one.lumen_read, one.wall_read)
        )
        yield Segment(
            name,
            side,
            parameters,
            one,
            lumen,
            wall,
            every,
            stenosis_of(one, lumen, parameters) if name == "internal" else Stenosis(),
            remodelling_of(one, wall, parameters) if name in REMODELLED else Remodelling(),
            tuple(p for p in plaques[label] if wall.along_mm[list(p.rows)].any()),
            removed_slices,
        )


def _among(
    heights_mm: NDArray[np.float64], one: MeasuredArtery | None, limits_mm: tuple[float, float]
) -> int:
    """How many heights lie between two positions; none where those are unknown, or all."""
    if not np.isfinite(limits_mm).any():
        return len(heights_mm)
    if one is None:
        return 0
    s = one.artery.s_mm(heights_mm)
    return int(((s >= limits_mm[0]) & (s < limits_mm[1])).sum())

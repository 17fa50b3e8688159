"""Set the contours of two directories side by side, slice by slice: overlap, distances, areas."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES
from carotid.errors import CarotidError, InputError
from carotid.evaluation.challenge_score import ChallengeScore, challenge_score
from carotid.evaluation.compared_columns import CONTOURS
from carotid.evaluation.contour_agreement import (
    OutlineAgreement,
    lumen_dice,
    outline_agreement,
    point_distances,
    wall_dice,
)
from carotid.evaluation.two_directories import participants_in_both, sides_in_both
from carotid.storage.results.atomic import cannot_write
from carotid.storage.results.contours import load_side
from carotid.storage.results.grids import read_grids
from carotid.storage.results.layout import CONTOUR_TRANSFORM, ContourLayout, OutputLayout
from carotid.storage.results.measurement_tables import write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, CrossSection
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName


@dataclass
class Coverage:
    """How many outlines the first directory has, the reference, and both."""

    first: int = 0
    reference: int = 0
    both: int = 0

    def add(self, in_first: bool, in_reference: bool) -> None:  # noqa: FBT001 - two of a kind
        """Count one outline."""
        self.first += in_first
        self.reference += in_reference
        self.both += in_first and in_reference


@dataclass(eq=False)
class ContourComparison:
    """What comparing two directories gave.

    Attributes:
        tables: Where each table is.
        participants: How many were compared.
        counts: How many outlines of each object there are.
        dice: Every Dice score of each object.
        agreements: Every pair of outlines of each object.
        scores: What every slice scores in the challenge; empty where that was not asked for.
        warnings: What could not be compared, and why.
        failed: Participants whose files are damaged or do not fit, with the reason.
    """

    tables: Mapping[str, Path]
    participants: int = 0
    counts: dict[Boundary, Coverage] = field(
        default_factory=lambda: {boundary: Coverage() for boundary in BOUNDARIES}
    )
    dice: dict[Boundary, list[float]] = field(
        default_factory=lambda: {boundary: [] for boundary in BOUNDARIES}
    )
    agreements: dict[Boundary, list[OutlineAgreement]] = field(
        default_factory=lambda: {boundary: [] for boundary in BOUNDARIES}
    )
    scores: list[ChallengeScore] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def compare_contours(
    transform_dir: Path, reference_dir: Path, output_dir: Path, *, challenge: bool = False
) -> ContourComparison:
    """Compare all participants that both directories have, and write the tables.

    Args:
        transform_dir: Holds `<id>/contour_transform`.
        reference_dir: Likewise.
        output_dir: Receives the tables; made if it is absent.
        challenge: Whether slices are scored as in the challenge of 2021.

    Raises:
        UsageError: The directories have no participant in common.
        OutputError: A table cannot be written.
    """
    tables = dict(CONTOURS)
    if not challenge:
        del tables["challenge"]
    result = ContourComparison(
        {name: output_dir / f"compare_contour_{name}.tsv" for name in tables}
    )
    common, result.warnings = participants_in_both(
        transform_dir, reference_dir, CONTOUR_TRANSFORM, "contours"
    )
    rows: dict[str, list[str]] = {name: [] for name in tables}
    for participant in common:
        places = [
            OutputLayout(root).transform(participant, CONTOUR_TRANSFORM)
            for root in (transform_dir, reference_dir)
        ]
        try:
            sides = _read_participant(participant, places[0], places[1], result.warnings)
        except CarotidError as error:
            result.failed[participant] = str(error)
            continue
        result.participants += 1
        for side in sides:
            _compare_side(side, rows, result)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(output_dir, error) from error
    for name, path in result.tables.items():
        write_rows(path, tables[name], rows[name])
    return result


@dataclass(frozen=True, eq=False)
class _BothSections:
    """One side's cross-sections in both directories.

    Attributes:
        who: Participant and side.
        first, second: By label, then z.
        spacing_mm: (2,) voxel size in x and y.
    """

    who: tuple[str, SideName]
    first: Sequence[CrossSection]
    second: Sequence[CrossSection]
    spacing_mm: NDArray[np.float64]

    def pairs(self) -> Iterator[tuple[CrossSection | None, CrossSection | None]]:
        """Cross-sections of the same label and slice, by label, then z."""
        one, other = ({(s.label, s.z): s for s in part} for part in (self.first, self.second))
        for key in sorted(one.keys() | other.keys()):
            yield one.get(key), other.get(key)


def _read_participant(
    participant: str, first: Path, second: Path, warnings: list[str]
) -> list[_BothSections]:
    """Both sides of a participant; all is read before any of it counts.

    Raises:
        InputError: A file is damaged, or the grids differ.
    """
    layouts = [ContourLayout(folder) for folder in (first, second)]
    grids = [read_grids(layout.metadata)[0].canonical for layout in layouts]
    if not grids[0].agrees_with(grids[1]):
        raise InputError(
            "the contours lie on different grids",
            where=participant,
            found=f"{_described(grids[0])} and {_described(grids[1])}",
        )
    found = []
    for side in sides_in_both(participant, layouts, warnings):
        one, other = (load_side(folder, side, grids[0]) for folder in (first, second))
        spacing = np.array(grids[0].spacing_mm[:2])
        found.append(_BothSections((participant, side), one, other, spacing))
    return found


def _described(grid: Grid) -> str:
    spacing = " x ".join(f"{one:.4g}" for one in grid.spacing_mm)
    return f"{' x '.join(map(str, grid.shape))} voxels of {spacing} mm"


def _compare_side(
    both: _BothSections, rows: dict[str, list[str]], result: ContourComparison
) -> None:
    """Add one side's rows and figures."""
    spacing = both.spacing_mm
    for first, second in both.pairs():
        section = first or second
        if section is None:
            continue
        place = "\t".join((*both.who, section.label, str(section.z)))
        for boundary in BOUNDARIES:
            one, other = (None if s is None else s.outline(boundary) for s in (first, second))
            result.counts[boundary].add(one is not None, other is not None)
            if one is None or other is None:
                continue
            dice = _dice(boundary, first, second)
            if dice is not None:
                result.dice[boundary].append(dice)
                rows["dice"].append(_row(place, boundary, (dice,)))
            agreement = outline_agreement(one.points * spacing, other.points * spacing)
            result.agreements[boundary].append(agreement)
            rows["slices"].append(_row(place, boundary, astuple(agreement)))
            away = point_distances(one.points, other.points, spacing)
            numbers = (*one.points.T, one.deviation, one.norm_deviation)
            table = np.column_stack((*numbers, away.to_points_voxels, away.mm))
            rows["points"] += [_row(place, boundary, point) for point in table.tolist()]
        if "challenge" in rows and second is not None:
            scored = challenge_score(first, second, spacing)
            if scored is not None:
                result.scores.append(scored)
                numbers = (scored.score, *astuple(scored))
                rows["challenge"].append("\t".join((place, *map(_cell, numbers))))


def _dice(
    boundary: Boundary, first: CrossSection | None, second: CrossSection | None
) -> float | None:
    """A pair's Dice score; None where an outline that it takes is missing."""
    if first is None or second is None or first.lumen is None or second.lumen is None:
        return None
    if boundary == "lumen":
        return lumen_dice(first.lumen.points, second.lumen.points)
    if first.wall is None or second.wall is None:
        return None
    outlines = (first.lumen, first.wall, second.lumen, second.wall)
    return wall_dice(*(outline.points for outline in outlines))


def _row(place: str, boundary: Boundary, numbers: Sequence[float]) -> str:
    return "\t".join((place, boundary, *map(_cell, numbers)))


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.9g}"

"""Set the centerlines of two directories side by side, slice by slice and in summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, Label
from carotid.errors import CarotidError, InputError
from carotid.evaluation.compared_columns import CENTERLINE_SUMMARY, CENTERLINES
from carotid.evaluation.polylines import distances_to_polyline
from carotid.evaluation.two_directories import participants_in_both, sides_in_both
from carotid.geometry.grid import CANONICAL
from carotid.storage.annotations import read_centers
from carotid.storage.results.layout import CENTERLINE_TRANSFORM, CenterlineLayout, OutputLayout
from carotid.storage.results.measurement_tables import write_rows
from carotid.storage.results.record import stored_grid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName
    from carotid.storage.annotations import Annotation

TABLE_NAME = "compare_centerline.tsv"

_ALPHABETICAL: tuple[Label, ...] = tuple(sorted(LABELS))


@dataclass(frozen=True, eq=False)
class ArteryDistances:
    """How far one artery's centers in two tables lie apart.

    Attributes:
        z: (n,) slices that both have, rising.
        voxels: (n,) in-plane distance in voxels.
        mm: (n,) in-plane distance in mm; NaN where no grid is known.
        nearest_mm: (n,) from the first one's center to the line through the second one's.
        hausdorff_mm: The greatest distance from a center of either to the other one's line; NaN
            where one has no centers or no grid is known.
        counts: How many centers the first one has, and the second.
    """

    z: NDArray[np.float64]
    voxels: NDArray[np.float64]
    mm: NDArray[np.float64]
    nearest_mm: NDArray[np.float64]
    hausdorff_mm: float
    counts: tuple[int, int]


@dataclass(eq=False)
class CenterlineComparison:
    """What comparing two directories gave.

    Attributes:
        table: Where the rows are.
        summary: Where the summary is.
        participants: How many were compared.
        distances: Every pair of arteries.
        warnings: What could not be compared, and why.
        failed: Participants whose files are damaged or do not fit, with the reason.
    """

    table: Path
    summary: Path
    participants: int = 0
    distances: list[ArteryDistances] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def compare_centerlines(
    first_dir: Path, second_dir: Path, output_path: Path
) -> CenterlineComparison:
    """Compare all participants that both directories have, and write two tables.

    Args:
        first_dir: Holds `<id>/centerline_transform/<side>_centerline.tsv`.
        second_dir: Likewise.
        output_path: The table, or an existing directory for it; the summary lies beside it.

    Raises:
        UsageError: The directories have no participant in common.
        OutputError: A table cannot be written.
    """
    table = table_path(output_path, TABLE_NAME)
    result = CenterlineComparison(table, table.with_name(f"{table.stem}_summary.tsv"))
    common, result.warnings = participants_in_both(
        first_dir, second_dir, CENTERLINE_TRANSFORM, "centerlines"
    )
    rows: list[str] = []
    summary: list[str] = []
    for participant in common:
        folders = [
            CenterlineLayout(OutputLayout(root).transform(participant, CENTERLINE_TRANSFORM))
            for root in (first_dir, second_dir)
        ]
        try:
            sides = _compare_participant(participant, folders[0], folders[1], result.warnings)
        except CarotidError as error:
            result.failed[participant] = str(error)
            continue
        result.participants += 1
        for side, label, found in sides:
            result.distances.append(found)
            rows += _rows((participant, side, label), found)
            summary.append(_summary((participant, side, label), found))
    write_rows(result.table, CENTERLINES, rows)
    write_rows(result.summary, CENTERLINE_SUMMARY, summary)
    return result


def table_path(output_path: Path, name: str) -> Path:
    """Where a table goes: into a directory that is there, else to the path, with `.tsv`."""
    if output_path.is_dir():
        return output_path / name
    if output_path.suffix == ".tsv":
        return output_path
    return output_path.with_name(output_path.name + ".tsv")


def _compare_participant(
    participant: str, first: CenterlineLayout, second: CenterlineLayout, warnings: list[str]
) -> list[tuple[SideName, Label, ArteryDistances]]:
    """All arteries of a participant, sides and labels in the order of the tables."""
    spacing_mm = _spacing_mm(first, second)
    if spacing_mm is None:
        warnings.append(f"{participant}: no grid is known, so distances are in voxels alone")
    found: list[tuple[SideName, Label, ArteryDistances]] = []
    for side in sides_in_both(participant, (first, second), warnings):
        tables = [read_centers(one.table(side), what="centerline") for one in (first, second)]
        for label in _ALPHABETICAL:
            pair = compare_artery(_of(tables[0], label), _of(tables[1], label), spacing_mm)
            found.append((side, label, pair))
    return found


def compare_artery(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    spacing_mm: tuple[float, float, float] | None,
) -> ArteryDistances:
    """Compare the centers of one artery.

    Args:
        first: (n, 3) canonical voxel indices, rising in z.
        second: (m, 3), likewise.
        spacing_mm: The canonical voxel; None where it is unknown.
    """
    z, of_first, of_second = np.intersect1d(first[:, 2], second[:, 2], return_indices=True)
    offset = first[of_first, :2] - second[of_second, :2]
    unknown = np.full(len(z), np.nan)
    mm, nearest, hausdorff = unknown, unknown, np.nan
    if spacing_mm is not None:
        spacing = np.array(spacing_mm)
        mm = np.hypot(*(offset * spacing[:2]).T)
        if len(first) and len(second):
            forth = distances_to_polyline(first * spacing, second * spacing)
            back = distances_to_polyline(second * spacing, first * spacing)
            nearest, hausdorff = forth[of_first], float(max(forth.max(), back.max()))
    counts = len(first), len(second)
    return ArteryDistances(z, np.hypot(*offset.T), mm, nearest, hausdorff, counts)


def _spacing_mm(
    first: CenterlineLayout, second: CenterlineLayout
) -> tuple[float, float, float] | None:
    """The canonical voxel of both, as their records tell it.

    Raises:
        InputError: The records tell different grids.
    """
    grids = [
        grid for grid in (stored_grid(first.root), stored_grid(second.root)) if grid is not None
    ]
    canonical = [grid.reoriented(CANONICAL) for grid in grids]
    if len(canonical) == 2 and not canonical[0].agrees_with(canonical[1]):
        raise InputError(
            "the centerlines belong to different grids",
            where=first.root,
            found=_in_words(canonical[0].shape, canonical[0].spacing_mm),
            expected=_in_words(canonical[1].shape, canonical[1].spacing_mm) + ", as the other has",
            remedy="compare centerlines of the same scan",
        )
    return canonical[0].spacing_mm if canonical else None


def _in_words(shape: Sequence[int], spacing_mm: Sequence[float]) -> str:
    voxels, size = "x".join(map(str, shape)), "x".join(f"{mm:.3g}" for mm in spacing_mm)
    return f"{voxels} voxels of {size} mm"


def _of(table: Annotation, label: Label) -> NDArray[np.float64]:
    return table.internal if label == "internal" else table.external


def _rows(names: tuple[str, ...], found: ArteryDistances) -> list[str]:
    numbers = zip(found.z, found.voxels, found.mm, found.nearest_mm, strict=True)
    return ["\t".join([*names, f"{z:.12g}", *map(_cell, rest)]) for z, *rest in numbers]


def _summary(names: tuple[str, ...], found: ArteryDistances) -> str:
    known = len(found.mm) > 0
    distances = [
        float(np.median(found.mm)) if known else np.nan,
        float(np.percentile(found.mm, 95)) if known else np.nan,
        float(found.mm.max()) if known else np.nan,
        found.hausdorff_mm,
    ]
    counts = (*found.counts, len(found.z))
    return "\t".join([*names, *map(str, counts), *map(_cell, distances)])


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}"

"""Compare heatmaps with annotated centerlines: a row per participant, side, label and slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import counted
from carotid.errors import CarotidError, InputError, UsageError
from carotid.evaluation.compared_columns import HEATMAPS
from carotid.evaluation.distances import (
    SliceErrors,
    Summary,
    disagreement_mm,
    slice_errors,
    slice_maxima,
    summarize,
)
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SideName, shown_sides
from carotid.storage.annotations import joined_slices, read_annotation
from carotid.storage.metaimage.read import read_multichannel
from carotid.storage.results.heatmaps import load_max_indices
from carotid.storage.results.layout import (
    HEATMAP_TRANSFORM,
    HeatmapLayout,
    OutputLayout,
    centerline_file,
)
from carotid.storage.results.measurement_tables import write_rows
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing a whole output directory gave.

    Attributes:
        summary: All sides pooled.
        sides: How many sides were compared.
        participants: Who was compared.
        skipped: Participants with heatmaps that could not be compared, with the reason.
    """

    summary: Summary
    sides: int
    participants: tuple[str, ...]
    skipped: Mapping[str, str]


def compare_heatmaps(output_dir: Path, annotation_dir: Path, output_path: Path) -> Comparison:
    """Compare every participant that has both heatmaps and annotations, and write the table.

    Args:
        output_dir: Where the heatmap transform wrote.
        annotation_dir: `<id>/centerline_transform/<side>_centerline.tsv`.
        output_path: The table, tab-separated, with the columns `HEATMAPS`.

    Raises:
        UsageError: No participant has both.
        OutputError: The table cannot be written.
    """
    layout = OutputLayout(output_dir)
    rows: list[str] = []
    found: dict[str, list[SliceErrors]] = {}
    skipped: dict[str, str] = {}
    for participant in layout.participants(HEATMAP_TRANSFORM):
        folder = HeatmapLayout(layout.transform(participant, HEATMAP_TRANSFORM))
        lines: list[str] = []
        sides: list[SliceErrors] = []
        try:
            for side in searched_sides(folder):
                path = centerline_file(annotation_dir, participant, side)
                if path.is_file():
                    errors, disagreement = compare_side(folder, side, path)
                    sides.append(errors)
                    lines += _rows(participant, side, errors, disagreement)
        except CarotidError as error:
            skipped[participant] = str(error)
            continue
        if not sides:
            skipped[participant] = "has no annotation"
            continue
        found[participant] = sides
        rows += lines
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise UsageError(
            "nothing can be compared",
            where=output_dir,
            found=reasons or "no heatmaps",
            expected=f"heatmaps there, and annotations in {annotation_dir}",
        )
    write_rows(output_path, HEATMAPS, rows)
    pooled = [errors for sides in found.values() for errors in sides]
    return Comparison(summarize(pooled), len(pooled), tuple(found), skipped)


def searched_sides(folder: HeatmapLayout) -> tuple[SideName, ...]:
    """The sides that networks looked at, as recorded; both where nothing is."""
    record = read_record(folder.root)
    return shown_sides(None if record is None else record.parameters.get("sides"))


def compare_side(
    folder: HeatmapLayout, side: SideName, annotation: Path
) -> tuple[SliceErrors, NDArray[np.float64]]:
    """Compare one side's mean heatmap and its members' maxima with its annotation.

    Args:
        folder: A participant's heatmaps.
        side: Which side.
        annotation: Its annotation file.

    Returns:
        The errors per canonical axial slice, and (slices, 2) the members' disagreement in mm.

    Raises:
        InputError: A file is damaged, or they do not fit each other.
    """
    mean, grid = read_multichannel(folder.mean(side))
    canonical = grid.reoriented(CANONICAL)
    ordered = Reordering.between(grid, CANONICAL).view(mean, first_axis=1)
    slices = canonical.shape[2]
    spacing = canonical.spacing_mm
    each = load_max_indices(folder, side)
    if each.shape[2] != slices:
        raise InputError(
            "the maxima do not fit the heatmap",
            where=folder.max_indices(side),
            found=counted(each.shape[2], "slice"),
            expected=slices,
        )
    truth = read_annotation(annotation, slices)
    heights = np.arange(slices, dtype=np.float64)
    centers = truth.at_slices(heights, max_gap=joined_slices(spacing[2]))
    maxima, peak = slice_maxima(np.moveaxis(np.asarray(ordered, np.float32), 3, 1))
    errors = slice_errors(
        maxima,
        peak,
        centers,
        np.ones(slices, np.bool_),
        (heights - truth.bifurcation_z) * spacing[2],
        spacing[:2],
    )
    return errors, disagreement_mm(each, spacing[:2])


def _rows(
    participant: str,
    side: SideName,
    errors: SliceErrors,
    disagreement: NDArray[np.float64],
) -> list[str]:
    rows = []
    for k, label in enumerate(LABELS):
        for z in range(len(errors.peak)):
            numbers = (
                errors.above_mm[z],
                errors.distance_mm[z, k],
                errors.other_mm[z, k],
                errors.peak[z, k],
                disagreement[z, k],
            )
            cells = ["" if np.isnan(value) else f"{value:.3f}" for value in numbers]
            rows.append("\t".join((participant, side, label, str(z), *cells)))
    return rows

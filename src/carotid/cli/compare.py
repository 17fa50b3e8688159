"""`carotid compare`: results against annotations."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from carotid.evaluation.compare_heatmaps import Comparison
    from carotid.evaluation.distances import Summary

logger = logging.getLogger(__name__)

_folder = click.Path(path_type=Path)


@click.group()
def compare() -> None:
    """Compare results with annotations."""


@compare.command("heatmap", short_help="Distances from heatmap maxima to annotated centers.")
@click.argument("output_dir", type=_folder)
@click.argument("annotation_dir", type=_folder)
@click.argument("output_path", type=_folder)
def compare_heatmap(output_dir: Path, annotation_dir: Path, output_path: Path) -> int:
    """Measure how far the heatmaps' maxima lie from annotated centers, slice by slice.

    OUTPUT_DIR holds heatmaps, ANNOTATION_DIR <id>/centerline_transform/<side>_centerline.tsv.
    OUTPUT_PATH receives a TSV row per participant, side, label and slice; a summary is printed.
    """
    from carotid.evaluation.compare_heatmaps import compare_heatmaps

    comparison = compare_heatmaps(output_dir, annotation_dir, output_path)
    click.echo(f"{comparison.sides} sides of {len(comparison.by_participant)} participants")
    print_summary(comparison.summary)
    click.echo(f"slice by slice: {output_path}")
    for participant_id, reason in comparison.skipped.items():
        logger.warning("%s was not compared: %s", participant_id, reason)
    return 0


def print_summary(summary: Summary) -> None:
    """The figures that matter, one a line, on standard output."""
    rows = (
        ("maximum within 2 mm of the true center", summary.within_2_mm, summary.slices),
        (
            "both labels right, more than 10 mm above the bifurcation",
            summary.both_right,
            summary.above_slices,
        ),
        ("peak above 100 in slices with a vessel", summary.high_peaks, summary.slices),
        ("peak below 50 in slices without", summary.low_peaks, summary.empty_slices),
    )
    click.echo(f"  {'median distance to the true center':58} {summary.median_mm:6.2f} mm")
    for what, share, count in rows:
        value = f"{100 * share:6.1f} %" if count else "     - "
        click.echo(f"  {what:58} {value}   of {count}")


def print_participants(comparison: Comparison) -> None:
    """A row per participant, then the figures of all, on standard output."""
    click.echo(f"  {'':12}  median   within 2 mm   both labels right above the bifurcation")
    for participant_id, found in comparison.by_participant.items():
        right = f"{100 * found.both_right:5.1f} %" if found.above_slices else "    -"
        click.echo(
            f"  {participant_id:12}  {found.median_mm:4.2f} mm  {100 * found.within_2_mm:7.1f} %"
            f"     {right}"
        )
    click.echo("  all:")
    print_summary(comparison.summary)

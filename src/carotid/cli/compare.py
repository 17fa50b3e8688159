"""`carotid compare`: results against annotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from carotid.evaluation.distances import Summary

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
    from carotid.stages.compare import compare_heatmaps

    print_summary(compare_heatmaps(output_dir, annotation_dir, output_path))
    click.echo(f"slice by slice: {output_path}")
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

"""`carotid compare`: results against annotations."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE
from carotid.counted import counted

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.evaluation.compare_centerlines import CenterlineComparison
    from carotid.evaluation.compare_contours import ContourComparison
    from carotid.evaluation.distances import Summary

logger = logging.getLogger(__name__)


@click.group()
def compare() -> None:
    """Compare results with annotations."""


@compare.command("heatmap", short_help="Distances from heatmap maxima to annotated centers.")
@click.argument("output_dir", type=PLACE)
@click.argument("annotation_dir", type=PLACE)
@click.argument("output_path", type=PLACE)
def compare_heatmap(output_dir: Path, annotation_dir: Path, output_path: Path) -> int:
    """Measure how far the heatmaps' maxima lie from annotated centers, slice by slice.

    OUTPUT_DIR holds heatmaps, ANNOTATION_DIR <id>/centerline_transform/<side>_centerline.tsv.
    OUTPUT_PATH receives a TSV row per participant, side, label and slice; a summary is printed.
    """
    from carotid.evaluation.compare_heatmaps import compare_heatmaps

    comparison = compare_heatmaps(output_dir, annotation_dir, output_path)
    sides = counted(comparison.sides, "side")
    click.echo(f"{sides} of {counted(len(comparison.participants), 'participant')}")
    print_summary(comparison.summary)
    click.echo(f"slice by slice: {output_path}")
    for participant_id, reason in comparison.skipped.items():
        logger.warning("%s was not compared: %s", participant_id, reason)
    return 0


@compare.command("centerline", short_help="Distances between the centerlines of two directories.")
@click.argument("transform1_dir", type=PLACE)
@click.argument("transform2_dir", type=PLACE)
@click.argument("output_path", type=PLACE)
def compare_centerline(transform1_dir: Path, transform2_dir: Path, output_path: Path) -> int:
    """Measure how far the centerlines of two directories lie apart, slice by slice.

    Both hold <id>/centerline_transform/<side>_centerline.tsv; annotations will do. OUTPUT_PATH
    receives a TSV row per center that both have; a table beside it, <name>_summary.tsv, tells per
    artery how many slices each has, how many both, and how far apart they are. An OUTPUT_PATH
    that is a directory gets compare_centerline.tsv.
    """
    from carotid.evaluation.compare_centerlines import compare_centerlines

    found = compare_centerlines(transform1_dir, transform2_dir, output_path)
    for warning in found.warnings:
        logger.warning("%s", warning)
    for participant_id, reason in found.failed.items():
        logger.error("%s was not compared: %s", participant_id, reason)
    print_centerlines(found)
    return 1 if found.failed else 0


@compare.command("contour", short_help="Overlap and distances of the contours of two directories.")
@click.argument("transform_dir", type=PLACE)
@click.argument("reference_dir", type=PLACE)
@click.argument("output_dir", type=PLACE)
@click.option(
    "--challenge",
    is_flag=True,
    help="Score slices as the vessel wall segmentation challenge of 2021 does, too.",
)
def compare_contour(
    transform_dir: Path,
    reference_dir: Path,
    output_dir: Path,
    challenge: bool,  # noqa: FBT001 - click gives a flag like this
) -> int:
    """Measure how well contours agree with reference contours, slice by slice.

    Both hold <id>/contour_transform with <side>_contour.tsv and spatial_metadata.json; annotations
    will do. OUTPUT_DIR receives compare_contour_dice.tsv, compare_contour_points.tsv and
    compare_contour_slices.tsv, and with --challenge compare_contour_challenge.tsv.
    """
    from carotid.evaluation.compare_contours import compare_contours

    found = compare_contours(transform_dir, reference_dir, output_dir, challenge=challenge)
    for warning in found.warnings:
        logger.warning("%s", warning)
    for participant_id, reason in found.failed.items():
        logger.error("%s was not compared: %s", participant_id, reason)
    print_contours(found)
    return 1 if found.failed else 0


def print_centerlines(found: CenterlineComparison) -> None:
    """How many centers both directories have and how far apart they are, on standard output."""
    import numpy as np

    first, second = (sum(one.counts[k] for one in found.distances) for k in (0, 1))
    mm = np.concatenate([one.mm for one in found.distances] or [np.empty(0)])
    known = mm[np.isfinite(mm)]
    click.echo(counted(found.participants, "participant"))
    click.echo(f"  centers: {first} in the first, {second} in the second, {len(mm)} in both")
    if known.size:
        click.echo(
            f"  distance in the slice: median {np.median(known):.2f} mm, 95th percentile "
            f"{np.percentile(known, 95):.2f} mm, largest {known.max():.2f} mm"
        )
    click.echo(f"slice by slice: {found.table}")
    click.echo(f"per artery: {found.summary}")


def print_contours(found: ContourComparison) -> None:
    """How many outlines both directories have and how well they agree, on standard output."""
    import numpy as np

    click.echo(counted(found.participants, "participant"))
    for boundary, count in found.counts.items():
        click.echo(
            f"  {boundary}: {count.first} in the first, {count.reference} in the reference, "
            f"{count.both} in both"
        )
        dice = np.array([one for one in found.dice[boundary] if one == one])
        if dice.size:
            click.echo(f"    Dice: median {np.median(dice):.3f}, lowest {dice.min():.3f}")
        if found.agreements[boundary]:
            mean = [one.mean_surface_distance_mm for one in found.agreements[boundary]]
            largest = [one.hausdorff_mm for one in found.agreements[boundary]]
            click.echo(
                f"    mean distance of the outlines: median {np.median(mean):.2f} mm; Hausdorff "
                f"distance: median {np.median(largest):.2f} mm, largest {max(largest):.2f} mm"
            )
    if found.scores:
        score = np.mean([one.score for one in found.scores])
        slices = counted(len(found.scores), "reference slice")
        click.echo(f"  challenge score: {score:.4f}, mean of {slices}")
    for name, path in found.tables.items():
        click.echo(f"{name}: {path}")


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

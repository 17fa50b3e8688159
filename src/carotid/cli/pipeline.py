"""`carotid transform pipeline`: all steps, scan to segmentation, participant by participant."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from carotid.cli.cohort_options import asked_for, cohort_options
from carotid.cli.place import PLACE
from carotid.stages.catalog import PIPELINE, stage_named

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Take scans through all steps, down to masks.")
@click.argument("raw_dir", type=PLACE)
@click.argument("heatmap_model_dir", type=PLACE)
@click.argument("contour_model_dir", type=PLACE)
@click.argument("output_dir", type=PLACE)
@cohort_options
@click.option(
    "-wcent/--no_write_centerline",
    "--write_centerline/ ",
    "write_centerline",
    default=True,
    help="Keep the centerlines.  [default: they are kept]",
)
@click.option(
    "-wcont/--no_write_contours",
    "--write_contours/ ",
    "write_contours",
    default=True,
    help="Keep the contours.  [default: they are kept]",
)
def pipeline(
    raw_dir: Path,
    heatmap_model_dir: Path,
    contour_model_dir: Path,
    output_dir: Path,
    *,
    write_heatmap: bool,
    write_centerline: bool,
    write_polar: bool,
    write_contours: bool,
    **given: Any,
) -> int:
    """Take scans through heatmaps, centerlines, polar images, contours and segmentation.

    RAW_DIR holds the scans, HEATMAP_MODEL_DIR and CONTOUR_MODEL_DIR the weights. OUTPUT_DIR
    receives <id>/segmentation_transform, contour_transform and centerline_transform, as the single
    steps would write them.

    A run that was cut short goes on at its step when the same command is given again.
    """
    from carotid.cli.cohort_progress import run_and_tell
    from carotid.cli.report import name_older_page
    from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline

    kept = {
        "heatmap": write_heatmap,
        "centerline": write_centerline,
        "polar": write_polar,
        "contour": write_contours,
        "segmentation": True,
    }
    stages = [stage_named(name) for name in PIPELINE]
    request = PipelineRequest(
        stages=stages,
        written=frozenset(name for name, keep in kept.items() if keep),
        raw_dir=raw_dir,
        model_dirs={"heatmap": heatmap_model_dir, "contour": contour_model_dir},
        output_dir=output_dir,
        **asked_for(given, stages),
    )
    outcomes = run_and_tell("pipeline", output_dir, partial(run_pipeline, request))
    if request.shard is None:
        name_older_page(output_dir)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0

"""`carotid transform pipeline`: all steps, scan to segmentation, participant by participant."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from carotid.cli.cohort_options import cohort_options
from carotid.cli.place import PLACE
from carotid.cli.sharing_options import part
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
    config_path: Path | None,
    participants: tuple[str, ...],
    bids_image: str | None,
    series: str | None,
    device: str | None,
    threads: int | None,
    force: bool,  # noqa: FBT001 - click gives flags like this
    verify: bool,  # noqa: FBT001
    crop: str | None,
    sides: str | None,
    shard: str | None,
    scheduler: str | None,
    write_heatmap: bool,  # noqa: FBT001
    write_centerline: bool,  # noqa: FBT001
    write_polar: bool,  # noqa: FBT001
    write_contours: bool,  # noqa: FBT001
) -> int:
    """Take scans through heatmaps, centerlines, polar images, contours and segmentation.

    RAW_DIR holds the scans, HEATMAP_MODEL_DIR and CONTOUR_MODEL_DIR the weights. OUTPUT_DIR
    receives <id>/segmentation_transform, contour_transform and centerline_transform, as the single
    steps would write them.

    A run that was cut short goes on at its step when the same command is given again.
    """
    from carotid.cli.cohort_progress import choose_progress, report_outcomes
    from carotid.cli.report import name_older_page
    from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline

    begin = time.monotonic()
    kept = {
        "heatmap": write_heatmap,
        "centerline": write_centerline,
        "polar": write_polar,
        "contour": write_contours,
        "segmentation": True,
    }
    request = PipelineRequest(
        stages=[stage_named(name) for name in PIPELINE],
        written=frozenset(name for name, keep in kept.items() if keep),
        raw_dir=raw_dir,
        model_dirs={"heatmap": heatmap_model_dir, "contour": contour_model_dir},
        output_dir=output_dir,
        bids_image=bids_image,
        series=series,
        config_path=config_path,
        participants=participants,
        device=device,
        threads=threads,
        force=force,
        verify=verify,
        shard=part(shard),
        scheduler=scheduler,
        options={"crop": crop, "sides": sides},
    )
    outcomes = run_pipeline(request, choose_progress)
    with suppress(OSError, ValueError):  # whoever read the output may have gone
        report_outcomes("pipeline", output_dir, outcomes, time.monotonic() - begin)
    if shard is None:
        name_older_page(output_dir)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0

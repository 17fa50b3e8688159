"""`carotid run`: from scans to centerlines, contours, masks, tables and a page, in one command."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from carotid.cli.cohort_options import asked_for, cohort_options
from carotid.cli.place import PLACE
from carotid.errors import CarotidError
from carotid.network.shipped import given_or_shipped
from carotid.stages.catalog import WHOLE, stage_named

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.cohort.outcome import Outcome

logger = logging.getLogger(__name__)

_SHIPPED_HELP = "Folder of weights.  [default: the models that come with the package]"

WARNING = (
    "The models that come with this package were trained on simulated necks only and have not been "
    "validated on patients. Look at every result."
)


@click.command(short_help="From scans to contours, masks, tables and a page, in one go.")
@click.argument("raw_dir", type=PLACE)
@click.argument("output_dir", type=PLACE)
@click.option("--heatmap_model_dir", type=PLACE, help=_SHIPPED_HELP)
@click.option("--contour_model_dir", type=PLACE, help=_SHIPPED_HELP)
@cohort_options
@click.option("--no_page", is_flag=True, help="Make no page at the end.")
def run(
    raw_dir: Path,
    output_dir: Path,
    heatmap_model_dir: Path | None,
    contour_model_dir: Path | None,
    *,
    write_heatmap: bool,
    write_polar: bool,
    no_page: bool,
    **given: Any,
) -> int:
    """Find the carotids in scans: centerlines, contours, masks, measurements, and a page.

    RAW_DIR is a folder of scans, one file for each or one folder of DICOM slices for each; a BIDS
    data set; one file; or one folder of DICOM slices. OUTPUT_DIR receives, for each participant,
    centerline_transform, contour_transform, segmentation_transform and measurement_transform; for
    all together the tables arteries.tsv and participants.tsv, and report.html to look at.

    A run that was cut short goes on where it stopped when the same command is given again.
    """
    from carotid.cli.cohort_progress import run_and_tell
    from carotid.cohort.run_pipeline import PipelineRequest, run_pipeline

    left_out = {"heatmap": not write_heatmap, "polar": not write_polar}
    stages = [stage_named(name) for name in WHOLE]
    request = PipelineRequest(
        stages=stages,
        written=frozenset(name for name in WHOLE if not left_out.get(name)),
        raw_dir=raw_dir,
        model_dirs={
            "heatmap": given_or_shipped("heatmap", heatmap_model_dir),
            "contour": given_or_shipped("contour", contour_model_dir),
        },
        output_dir=output_dir,
        **asked_for(given, stages),
    )
    outcomes = run_and_tell("pipeline", output_dir, partial(run_pipeline, request))
    whole = request.shard is None
    if not no_page and whole:
        _make_page(output_dir, outcomes)
    if any(outcome.status == "done" for outcome in outcomes):
        tables = f"tables: {output_dir / 'arteries.tsv'}, {output_dir / 'participants.tsv'}"
        with suppress(OSError, ValueError):
            click.echo(tables if whole else f"when all parts are done: carotid merge {output_dir}")
            if heatmap_model_dir is None or contour_model_dir is None:
                click.echo(WARNING)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def _make_page(output_dir: Path, outcomes: list[Outcome]) -> None:
    """Write the page, if it is not there or older than the results, and say where it is."""
    from carotid.cli.report import page_progress, print_page
    from carotid.report.again import write_again
    from carotid.storage.results.layout import REPORT_FILE
    from carotid.storage.results.made_of import is_older

    unchanged = all(outcome.status == "skipped" for outcome in outcomes)
    if unchanged and not is_older(output_dir, output_dir / REPORT_FILE):
        return
    try:
        with page_progress() as tell:
            made = write_again(output_dir, whole=False, on_participant=tell)
    except CarotidError as error:  # the results are there all the same
        logger.warning("no page was made: %s", error)
        return
    with suppress(OSError, ValueError):
        print_page(made, {outcome.participant_id for outcome in outcomes})

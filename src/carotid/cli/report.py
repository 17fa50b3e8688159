"""`carotid report`: one page to look at after a run."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE, FiniteRange

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from carotid.report.write import Report

logger = logging.getLogger(__name__)


@click.command(short_help="Make one page of pictures and figures, worst cases first.")
@click.argument("output_dir", type=PLACE)
@click.option(
    "--raw_dir",
    type=PLACE,
    help="Where the scans are.  [default: the folder that the results were made from]",
)
@click.option(
    "--output_path",
    type=PLACE,
    help="The page; the table beside NAME.html is NAME_quality.tsv.  [default: "
    "OUTPUT_DIR/report.html, with quality.tsv]",
)
@click.option(
    "--threshold",
    type=FiniteRange(min=0, min_open=True),
    default=100.0,
    show_default=True,
    help="Height that a peak has to exceed.",
)
@click.option(
    "--pictures",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Show pictures of so many participants, the worst ones; the table has everyone.",
)
@click.option(
    "--annotation_dir",
    type=PLACE,
    help="Known centerlines, <id>/centerline_transform/<side>_centerline.tsv: the distance to "
    "them is shown too.",
)
def report(
    output_dir: Path,
    raw_dir: Path | None,
    output_path: Path | None,
    threshold: float,
    pictures: int,
    annotation_dir: Path | None,
) -> int:
    """Make one page to look at: pictures and figures of every participant, worst first.

    OUTPUT_DIR is what `carotid transform` wrote; the page shows what it finds there of heatmaps,
    centerlines, contours and measurements. It stands alone and can be opened
    in any browser; quality.tsv beside it has the same figures. It is made from files on disk, so
    it can be made at any time, and again.
    """
    from carotid.cohort.beside_scans import check_beside_scans
    from carotid.report.write import write_report
    from carotid.storage.results.layout import OutputLayout

    target = output_dir if output_path is None else output_path.parent
    inputs = [path for path in (raw_dir, annotation_dir) if path is not None]
    check_beside_scans(target, OutputLayout(output_dir), inputs)
    with page_progress() as tell:
        made = write_report(
            output_dir,
            raw_dir=raw_dir,
            output_path=output_path,
            annotation_dir=annotation_dir,
            threshold=threshold,
            pictures=pictures,
            on_participant=tell,
        )
    print_page(made)
    return 1 if any(row.result == "unreadable" for row in made.rows) else 0


@contextmanager
def page_progress() -> Iterator[Callable[[str, int, int], None]]:
    """What `write_report` is to call with each participant."""
    from carotid.cli.progress import choose_teller

    with choose_teller(1, "participants") as teller:

        def tell(_participant_id: str, done: int, total: int) -> None:
            if done == 0:
                teller.begin("pictures", total, "participant")
            teller.step(done)

        yield tell


def name_older_page(output_dir: Path) -> None:
    """Say so where the page of a directory does not show the results that are there now."""
    from carotid.storage.results.layout import REPORT_FILE
    from carotid.storage.results.made_of import is_older

    page = output_dir / REPORT_FILE
    if page.is_file() and is_older(output_dir, page):
        logger.warning(
            "%s is older than the results; `carotid report %s` makes it again", page, output_dir
        )


MOST_TOLD = 10
"""Of so many participants it is told what stands out."""


def print_page(made: Report, asked: Collection[str] | None = None) -> None:
    """How many participants need a look, why, and where, on standard output.

    Args:
        made: The page.
        asked: Who counts, after a run, whose closing table has said why the heatmaps need a look;
            None for everyone on the page, and all reasons.
    """
    from carotid.report.page import GROUPS

    rows = [row for row in made.rows if asked is None or row.participant_id in asked]
    for group, words in GROUPS.items():
        count = sum(row.group == group for row in rows)
        if count:
            click.echo(f"{count:5d} {words}")
    told = [
        row
        for row in rows
        if row.why and (asked is None or row.doubted or not row.score <= row.heatmap_score)
    ]
    for row in told[:MOST_TOLD]:
        click.echo(f"      {row.participant_id}: {'; '.join(row.why)}")
    if len(told) > MOST_TOLD:
        click.echo(f"      and {len(told) - MOST_TOLD} more: see the page")
    click.echo(f"open {made.page}")
    click.echo(f"figures: {made.table}")

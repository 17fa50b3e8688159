"""`carotid correct`: what was changed by hand in 3D Slicer, taken in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE
from carotid.counted import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.export.corrections import Corrected, Place
    from carotid.export.made_anew import Settings

logger = logging.getLogger(__name__)


@click.command("correct", short_help="Take in what was corrected by hand in 3D Slicer.")
@click.argument("output_dir", type=PLACE)
@click.option("-p", "--participant", required=True, metavar="ID", help="Whose results.")
@click.option("--contours", type=PLACE, help="A markups file with closed curves, or a folder.")
@click.option(
    "--remove",
    multiple=True,
    metavar="TEXT",
    help='Outlines to take away: "left external 40-60", by slice, or "left external".',
)
@click.option("--bifurcation", type=PLACE, help="A markups file with points left and right.")
@click.option("--undo", is_flag=True, help="Take all corrections of this participant back.")
@click.option(
    "-c", "--config_path", type=PLACE, help="TOML file with the settings of what is made anew."
)
def correct(
    *,
    output_dir: Path,
    participant: str,
    contours: Path | None,
    remove: tuple[str, ...],
    bifurcation: Path | None,
    undo: bool,
    config_path: Path | None,
) -> int:
    """Take corrections by hand in, and make everything below them anew.

    OUTPUT_DIR holds the participant's results. Contours and bifurcations come from `carotid export
    slicer`, changed and saved in 3D Slicer. What was found stays beside what was corrected;
    segmentation, measurements and page that are there are made again, and say that they were
    corrected by hand.
    """
    from carotid.cohort.participants import select_participants
    from carotid.errors import UsageError
    from carotid.export import begun
    from carotid.export import corrections as correcting
    from carotid.export.made_anew import Settings
    from carotid.export.removals import read_removal
    from carotid.storage.results.layout import (
        CENTERLINE_TRANSFORM,
        CONTOUR_TRANSFORM,
        OutputLayout,
    )

    if undo == bool(contours or bifurcation or remove):
        raise UsageError("give --contours, --bifurcation or --remove, or --undo alone")
    removals = [read_removal(one) for one in remove]
    layout = OutputLayout(output_dir)
    known = sorted({one for name in correcting.BELOW for one in layout.participants(name)})
    if not known:
        raise UsageError(
            "there are no centerlines or contours that could be corrected",
            where=output_dir,
            expected="an output directory with results of those steps",
        )
    asked = select_participants(known, [participant], having="centerlines or contours")
    place = correcting.Place(layout, asked[0])
    settings = Settings.of(place, config_path)
    if undo:
        earlier = begun.read_begun(layout, place.participant_id)
        taken_back = correcting.undo(place)
        click.echo(f"corrections taken back: {', '.join(taken_back) or 'there were none'}")
        changed = [*taken_back, *earlier]
    else:
        found = correcting.correct(place, bifurcation, contours, removals)
        _say(found)
        changed = [CENTERLINE_TRANSFORM] if found.bifurcations else []
        changed += [CONTOUR_TRANSFORM] if found.drawn or found.removed else []
        changed += found.outdated
    code = _make_anew(place, changed, settings)
    if changed:
        _name_older(place)
    _remake_page(output_dir)
    if code == 0:
        begun.remove_begun(layout, place.participant_id)
    return code


def _say(found: Corrected) -> None:
    if found.drawn:
        click.echo(
            f"{counted(found.drawn, 'outline')} corrected by hand, {found.between} between followed"
        )
    if found.removed:
        click.echo(f"outlines removed by hand in {counted(found.removed, 'cross-section')}")
    for what in found.left:
        logger.warning(
            "could not follow, and stays as it was found: %s; to correct it too, export with a "
            "small --every_mm",
            what,
        )
    if found.outdated and not (found.drawn or found.removed or found.bifurcations):
        click.echo("nothing differs from what is there; what is older than it is made anew")
    if found.bifurcations:
        click.echo(f"bifurcations set by hand: {', '.join(found.bifurcations)}")


def _make_anew(place: Place, changed: Sequence[str], settings: Settings) -> int:
    from carotid.cli.cohort_progress import choose_progress
    from carotid.export.made_anew import make_anew

    failed = False
    for name, outcome in make_anew(place, changed, settings, choose_progress):
        click.echo(f"{name}: {outcome.status}{f', {outcome.reason}' if outcome.reason else ''}")
        failed |= outcome.status == "failed"
    return 1 if failed else 0


def _name_older(place: Place) -> None:
    """Say which pictures of this participant show what was there before."""
    from carotid.figures.files import figures_there
    from carotid.storage.results.made_of import view_beside

    root = place.layout.root
    view = view_beside(root, place.participant_id)
    older = {
        "carotid view": [view] if view.is_file() else [],
        "carotid figure": figures_there(root, place.participant_id),
    }
    for command, paths in older.items():
        if paths:
            names = ", ".join(path.relative_to(root).as_posix() for path in paths)
            logger.warning(
                "shows what was there before: %s; made anew by `%s %s -p %s`",
                names,
                command,
                root,
                place.participant_id,
            )


def _remake_page(output_dir: Path) -> None:
    """Make the page again, where there is one, or say that it is older than the results."""
    from carotid.cli.report import page_progress, print_page
    from carotid.errors import CarotidError
    from carotid.report.again import write_again
    from carotid.storage.results.layout import QUALITY_FILE, REPORT_FILE
    from carotid.storage.results.made_of import is_older

    page = output_dir / REPORT_FILE
    if not page.is_file() or not is_older(output_dir, page):
        return
    try:
        with page_progress() as tell:
            made = write_again(output_dir, whole=True, on_participant=tell)
    except CarotidError as error:  # the results are there all the same
        logger.warning(
            "%s and %s beside it are older than the results and were not made again: %s",
            page,
            QUALITY_FILE,
            error,
        )
    else:
        print_page(made)

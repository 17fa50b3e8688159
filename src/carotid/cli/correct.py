"""`carotid correct`: what was changed by hand in 3D Slicer, taken in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from carotid.cli.counted import counted
from carotid.cli.place import PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.export.corrections import Corrected, Place

logger = logging.getLogger(__name__)


@click.command("correct", short_help="Take in what was corrected by hand in 3D Slicer.")
@click.argument("output_dir", type=PLACE)
@click.option("-p", "--participant", required=True, metavar="ID", help="Whose results.")
@click.option("--contours", type=PLACE, help="A markups file with closed curves, or a folder.")
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
    bifurcation: Path | None,
    undo: bool,
    config_path: Path | None,
) -> int:
    """Take corrections by hand in, and make everything below them anew.

    OUTPUT_DIR holds the participant's results. Contours and bifurcations come from `carotid export
    slicer`, changed and saved in 3D Slicer. What was found stays beside what was corrected;
    segmentation and measurements that are there are made again, and marked as corrected by hand.
    """
    from carotid.cohort.participants import select_participants
    from carotid.errors import UsageError
    from carotid.export import corrections as correcting
    from carotid.storage.results.layout import (
        CENTERLINE_TRANSFORM,
        CONTOUR_TRANSFORM,
        OutputLayout,
    )

    if undo == bool(contours or bifurcation):
        raise UsageError("give --contours or --bifurcation, or --undo alone")
    layout = OutputLayout(output_dir)
    known = [one for name in correcting.BELOW for one in layout.participants(name)]
    if not known:
        raise UsageError(
            "there are no centerlines or contours that could be corrected",
            where=output_dir,
            expected="an output directory with results of those steps",
        )
    asked = select_participants(known, [participant], having="centerlines or contours")
    place = correcting.Place(layout, asked[0])
    if undo:
        changed = correcting.undo(place)
        click.echo(f"corrections taken back: {', '.join(changed) or 'there were none'}")
    else:
        found = correcting.correct(place, bifurcation, contours)
        _say(found)
        changed = [CENTERLINE_TRANSFORM] if found.bifurcations else []
        changed += [CONTOUR_TRANSFORM] if found.drawn else []
    return _make_anew(place, changed, config_path)


def _say(found: Corrected) -> None:
    if found.drawn:
        click.echo(
            f"{counted(found.drawn, 'outline')} corrected by hand, {found.between} between followed"
        )
    for what in found.left:
        logger.warning("could not follow, and stays as it was found: %s", what)
    if found.bifurcations:
        click.echo(f"bifurcations set by hand: {', '.join(found.bifurcations)}")


def _make_anew(place: Place, changed: Sequence[str], config_path: Path | None) -> int:
    from carotid.cli.cohort_progress import choose_progress
    from carotid.export.corrections import make_anew

    failed = False
    for name, outcome in make_anew(place, changed, config_path, choose_progress):
        click.echo(f"{name}: {outcome.status}{f', {outcome.reason}' if outcome.reason else ''}")
        failed |= outcome.status == "failed"
    return 1 if failed else 0

"""`carotid export slicer` and `carotid correct`: out to 3D Slicer, and back."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.export.corrections import Corrected, Place

logger = logging.getLogger(__name__)

_folder = click.Path(path_type=Path)


@click.group("export")
def export() -> None:
    """Results for other people's tools."""


@export.command("slicer", short_help="Centerlines, contours and bifurcations as Slicer markups.")
@click.argument("output_dir", type=_folder)
@click.argument("export_dir", type=_folder)
@click.option(
    "-p",
    "--participant",
    "participants",
    multiple=True,
    metavar="ID",
    help="Only this participant; may be given several times.  [default: all there are]",
)
@click.option(
    "--every_mm",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Distance of the slices whose contours are exported.",
)
@click.option(
    "--slices",
    type=(click.IntRange(min=0), click.IntRange(min=0)),
    metavar="FROM TO",
    help="Only contours of these canonical slices.  [default: all]",
)
def export_slicer(
    output_dir: Path,
    export_dir: Path,
    participants: tuple[str, ...],
    every_mm: float,
    slices: tuple[int, int] | None,
) -> int:
    """Write centerlines, contours and bifurcations as markups of 3D Slicer.

    EXPORT_DIR receives <id>/contours/*.mrk.json, one file per outline, <id>/centerlines/*.mrk.json
    and <id>/bifurcation.mrk.json. What is changed in Slicer and saved there is read by
    `carotid correct`.
    """
    from carotid.export.slicer import write_markups
    from carotid.storage.results.layout import OutputLayout

    first, last = slices or (0, 1 << 30)
    written = write_markups(
        OutputLayout(output_dir), export_dir, participants, every_mm, range(first, last + 1)
    )
    for participant_id, count in written.items():
        click.echo(f"{participant_id}: {count} files in {export_dir / participant_id}")
    return 0


@click.command("correct", short_help="Take in what was corrected by hand in 3D Slicer.")
@click.argument("output_dir", type=_folder)
@click.option("-p", "--participant", required=True, metavar="ID", help="Whose results.")
@click.option("--contours", type=_folder, help="A markups file with closed curves, or a folder.")
@click.option("--bifurcation", type=_folder, help="A markups file with points left and right.")
@click.option("--undo", is_flag=True, help="Take all corrections of this participant back.")
@click.option(
    "-c", "--config_path", type=_folder, help="TOML file with the settings of what is made anew."
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
    from carotid.errors import UsageError
    from carotid.export import corrections as correcting
    from carotid.storage.results.layout import (
        CENTERLINE_TRANSFORM,
        CONTOUR_TRANSFORM,
        OutputLayout,
    )

    if undo == bool(contours or bifurcation):
        raise UsageError("give --contours or --bifurcation, or --undo alone")
    place = correcting.Place(OutputLayout(output_dir), participant)
    if undo:
        changed = correcting.undo(place)
        click.echo(f"corrections taken back: {', '.join(changed) or 'there were none'}")
    else:
        found = correcting.correct(place, bifurcation, contours)
        _say(found)
        changed = [CENTERLINE_TRANSFORM] if bifurcation else []
        changed += [CONTOUR_TRANSFORM] if contours else []
    return _make_anew(place, changed, config_path)


def _say(found: Corrected) -> None:
    if found.drawn:
        click.echo(
            f"{found.drawn} outlines were corrected by hand, {found.between} between them followed"
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

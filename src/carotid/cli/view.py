"""`carotid view`: pages to look at single participants in 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE, participants_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Make a page with a participant's arteries in 3D.")
@click.argument("output_dir", type=PLACE)
@participants_option("all that are measured")
@click.option("--view_dir", type=PLACE, help="Where pages go.  [default: OUTPUT_DIR/views]")
@click.option("--contour_dir", type=PLACE, help="Where the outlines are.  [default: OUTPUT_DIR]")
@click.option(
    "--centerline_dir", type=PLACE, help="Where the centerlines are.  [default: OUTPUT_DIR]"
)
@click.option(
    "--raw_dir",
    type=PLACE,
    help="Where the scans are.  [default: the folder on record in OUTPUT_DIR]",
)
def view(
    *,
    output_dir: Path,
    participants: tuple[str, ...],
    view_dir: Path | None,
    contour_dir: Path | None,
    centerline_dir: Path | None,
    raw_dir: Path | None,
) -> int:
    """Make a page for each participant: arteries in 3D, thickness on the wall, slice by slice.

    OUTPUT_DIR is what `carotid transform measurement` wrote. Each page, <participant_id>.html,
    stands alone, needs no network and opens in any browser. The command needs
    plotly: pip install 'carotid[viewer]'.
    """
    from carotid.cohort.beside_scans import check_beside_scans
    from carotid.cohort.participants import select_participants
    from carotid.cohort.places import scans_for_pictures
    from carotid.errors import CarotidError
    from carotid.evaluation.measured_cohorts import measured_participants
    from carotid.storage.results.layout import VIEWS_FOLDER, OutputLayout
    from carotid.viewer.view import Sources, view_of

    views = output_dir / VIEWS_FOLDER
    target = view_dir or views
    linked = target.resolve() == views.resolve()
    measured = measured_participants(output_dir)
    wanted = select_participants(measured, participants, having="measurements")
    check_beside_scans(target, OutputLayout(output_dir), [] if raw_dir is None else [raw_dir])
    scans = scans_for_pictures(output_dir, raw_dir)
    sources = Sources(output_dir, contour_dir or output_dir, centerline_dir or output_dir)
    code = 0
    for participant_id in wanted:
        path = target / f"{participant_id}.html"
        try:
            made = view_of(sources, participant_id, scans.get(participant_id), linked=linked)
            made.save(path)
        except CarotidError as error:
            click.echo(f"{participant_id}: failed: {error}", err=True)
            code = max(code, error.exit_code)
        else:
            click.echo(f"open {path}")
    return code

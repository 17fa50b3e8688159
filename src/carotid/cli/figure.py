"""`carotid figure`: pictures of measured arteries for papers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE, FiniteRange, participants_option
from carotid.counted import counted

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_KINDS = ("map", "curve", "sections")


@click.command(short_help="Draw measured arteries for a paper: maps, curves, cross-sections.")
@click.argument("output_dir", type=PLACE)
@participants_option("all that are measured")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(_KINDS),
    help="What is drawn; may be given several times.  [default: all three]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["svg", "png"]),
    default="svg",
    show_default=True,
    help="As what it is saved.",
)
@click.option(
    "--dpi",
    type=FiniteRange(min=30, max=2400),
    default=300,
    show_default=True,
    help="Pixels per inch of PNG, and of images within SVG.",
)
@click.option("--figure_dir", type=PLACE, help="Where figures go.  [default: OUTPUT_DIR/figures]")
@click.option(
    "--contour_dir",
    type=PLACE,
    help="Where the outlines are, for sections.  [default: OUTPUT_DIR]",
)
@click.option(
    "--raw_dir",
    type=PLACE,
    help="Where the scans are, for sections.  [default: the folder on record in OUTPUT_DIR]",
)
def figure(
    *,
    output_dir: Path,
    participants: tuple[str, ...],
    kinds: tuple[str, ...],
    file_format: str,
    dpi: float,
    figure_dir: Path | None,
    contour_dir: Path | None,
    raw_dir: Path | None,
) -> int:
    """Draw the measured arteries of participants.

    OUTPUT_DIR is what `carotid transform measurement` wrote. `map` is the thickness of the wall by
    length along the artery and direction, `curve` the areas inside lumen and outer outline along
    it, `sections` the narrowest and the thickest cross-section. Files are named
    <participant_id>_<kind>.svg or .png.
    """
    from carotid.cli.progress import choose_teller
    from carotid.cohort.beside_scans import check_beside_scans
    from carotid.cohort.participants import select_participants
    from carotid.cohort.places import scans_for_pictures
    from carotid.evaluation.measured_cohorts import measured_participants
    from carotid.figures.files import (
        FIGURES_FOLDER,
        KINDS,
        FigureRequest,
        models_behind,
        write_figures,
    )
    from carotid.storage.results.layout import OutputLayout

    measured = measured_participants(output_dir)
    wanted = select_participants(measured, participants, having="measurements")
    target = figure_dir or output_dir / FIGURES_FOLDER
    check_beside_scans(target, OutputLayout(output_dir), [] if raw_dir is None else [raw_dir])
    chosen = tuple(kind for kind in KINDS if kind in kinds or not kinds)
    scans = scans_for_pictures(output_dir, raw_dir) if "sections" in chosen else {}
    request = FigureRequest(
        output_dir=output_dir,
        contour_dir=contour_dir or output_dir,
        figure_dir=target,
        kinds=chosen,
        file_format="png" if file_format == "png" else "svg",
        dpi=dpi,
        scans=scans,
    )
    with choose_teller(1, "participants") as teller:
        teller.begin("figures", len(wanted), "participant")
        written, failed = write_figures(request, wanted, teller.step)
    drawn = counted(len(written), "figure")
    click.echo(f"{drawn} of {counted(len(wanted) - len(failed), 'participant')} in {target}")
    for words in models_behind(output_dir, wanted) if written else ():
        click.echo(words)
    if not written and not failed:
        logger.error("no figure was drawn; the warnings above say why")
    return 0 if written and not failed else 1

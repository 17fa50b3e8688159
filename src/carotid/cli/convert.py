"""`carotid convert`: the files of public challenges as scans and contours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.conversion.run import ChallengeName


@click.group()
def convert() -> None:
    """Convert public challenge data to scans and contours."""


def _options(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option(
            "-f", "--force", is_flag=True, help="Do participants again that are there already."
        ),
        click.argument("annotation_dir", type=PLACE),
        click.argument("raw_dir", type=PLACE),
        click.argument("original_dir", type=PLACE),
    ):
        command = option(command)
    return command


@convert.command(short_help="Carotid vessel wall segmentation, 2020.")
@_options
def miccai2020(original_dir: Path, raw_dir: Path, annotation_dir: Path, force: bool) -> int:  # noqa: FBT001
    """Convert the carotid vessel wall segmentation challenge of 2020.

    ORIGINAL_DIR holds a folder <n>_<case>_<U> per participant, with DICOM slices and QVS files.
    RAW_DIR receives the slices in sub-MICCAI2020<case>, ANNOTATION_DIR the outlines in
    sub-MICCAI2020<case>/contour_transform.
    """
    return _run("miccai2020", original_dir, raw_dir, annotation_dir, force=force)


@convert.command(short_help="Vessel wall segmentation and atherosclerosis diagnosis, 2022.")
@_options
def miccai2022(original_dir: Path, raw_dir: Path, annotation_dir: Path, force: bool) -> int:  # noqa: FBT001
    """Convert the carotid vessel wall segmentation and atherosclerosis challenge of 2022.

    ORIGINAL_DIR holds a folder <number> per participant, with DICOM slices, QVJ and QVS files.
    RAW_DIR receives sub-MICCAI2022P<number>.mha without the padding of zeros, ANNOTATION_DIR the
    outlines and what a reader said of slices in sub-MICCAI2022P<number>/contour_transform.
    """
    return _run("miccai2022", original_dir, raw_dir, annotation_dir, force=force)


def _run(
    name: ChallengeName, original_dir: Path, raw_dir: Path, annotation_dir: Path, *, force: bool
) -> int:
    from carotid.cohort.outputs import check_output_dir
    from carotid.conversion.run import convert_challenge

    check_output_dir(raw_dir, [original_dir, annotation_dir])
    check_output_dir(annotation_dir, [original_dir, raw_dir])
    failed = convert_challenge(
        name,
        original_dir,
        raw_dir,
        annotation_dir,
        force=force,
        on_participant=lambda one, made: click.echo(f"{one}: {made}"),
    )
    return 1 if failed else 0

"""`carotid export`: results as files of other people's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from carotid.cli.place import PLACE, FiniteRange, participants_option
from carotid.counted import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carotid.export.studies import Exported, Study


@click.group("export")
def export() -> None:
    """Results for other people's tools.

    What is there is exported; what a participant lacks is said.
    """


def _places(command: Callable[..., int]) -> Callable[..., int]:
    """The arguments that every format has."""
    command = participants_option("all there are")(command)
    command = click.argument("export_dir", type=PLACE)(command)
    return click.argument("output_dir", type=PLACE)(command)


@export.command("nifti", short_help="Masks, label map and heatmaps as NIfTI.")
@_places
def export_nifti(**places: Any) -> int:
    """Write masks, label map and heatmaps as NIfTI.

    EXPORT_DIR receives a folder for each participant: labels.nii.gz with the names of its values in
    labels.tsv, a mask of each lumen and wall, and each heatmap as 16-bit numbers with a slope.
    """
    from carotid.export.nifti import WANTED, write_nifti_files

    return _export(WANTED, write_nifti_files, **places)


@export.command("slicer", short_help="Markups and a segmentation for 3D Slicer.")
@_places
@click.option(
    "--every_mm",
    type=FiniteRange(min=0, min_open=True),
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
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Overwrite what was changed by hand since it was exported.",
)
def export_slicer(
    *,
    every_mm: float,
    slices: tuple[int, int] | None,
    force: bool,
    **places: Any,
) -> int:
    """Write centerlines, contours, bifurcations and masks for 3D Slicer.

    EXPORT_DIR receives <id>/contours/*.mrk.json, one file per outline, <id>/centerlines/*.mrk.json,
    <id>/bifurcation.mrk.json and <id>/segmentation.seg.nrrd. Markups that are changed in Slicer and
    saved there are read by `carotid correct`. What an earlier export has left there is replaced,
    unless it was changed by hand.
    """
    from functools import partial

    from carotid.errors import UsageError
    from carotid.export.slicer_scene import WANTED, Slices, is_outline, write_scene

    if slices is not None and slices[0] > slices[1]:
        raise UsageError(
            "the first slice lies above the last one",
            where="--slices",
            found=f"{slices[0]} {slices[1]}",
            expected="FROM TO",
        )
    wanted = Slices(every_mm) if slices is None else Slices(every_mm, *slices)

    def outlines(one: Exported) -> str:
        return f", {counted(sum(map(is_outline, one.files)), 'outline')} among them"

    write = partial(write_scene, slices=wanted, force=force)
    return _export(WANTED, write, of_them=outlines, **places)


@export.command("vtk", short_help="Centerlines and surfaces as VTK files.")
@_places
def export_vtk(**places: Any) -> int:
    """Write centerlines and surfaces as VTK's .vtp, for ParaView, 3D Slicer and VMTK.

    EXPORT_DIR receives a folder for each participant: left_centerlines.vtp with radii, and
    surfaces of each lumen and of each wall's outer boundary, with the wall's thickness where
    measurements are there.
    """
    from carotid.export.vtk import WANTED, write_vtk_files

    return _export(WANTED, write_vtk_files, **places)


@export.command("dicom", short_help="A DICOM segmentation and a structured report.")
@_places
@click.option(
    "--raw_dir",
    type=PLACE,
    help="Where the DICOM series are.  [default: the folder on record]",
)
def export_dicom(raw_dir: Path | None, **places: Any) -> int:
    """Write masks as DICOM SEG and measurements as DICOM SR, for the study of the scan.

    EXPORT_DIR receives <id>/segmentation.dcm and <id>/measurements.dcm. Patient and study are those
    of the series. This needs highdicom: pip install 'carotid[dicom]'.
    """
    from functools import partial

    from carotid.cohort.places import scans_on_record
    from carotid.export.dicom import WANTED, write_dicom_files
    from carotid.export.dicom_source import load_highdicom
    from carotid.storage.results.layout import OutputLayout

    load_highdicom()
    scans = scans_on_record(OutputLayout(places["output_dir"]), raw_dir).find().scans
    return _export(WANTED, partial(write_dicom_files, scans=scans), **places)


@export.command("bids", short_help="A BIDS derivative data set.")
@_places
@click.option(
    "--raw_dir",
    type=PLACE,
    help="The BIDS data set of the scans, if it is one.  [default: the folder on record]",
)
def export_bids(
    output_dir: Path, export_dir: Path, participants: tuple[str, ...], raw_dir: Path | None
) -> int:
    """Write label maps and tables of measurements as a BIDS derivative data set.

    EXPORT_DIR becomes the data set, or gets further participants if an earlier export has made it.
    Ids such as sub-01_ses-02 are BIDS names already; of others letters and digits are kept. Where
    the scans are a BIDS data set too, each label map names the image that it was made from.
    """
    from carotid.export.bids import (
        WANTED,
        check_data_set,
        names_in,
        write_data_set,
        write_session,
    )
    from carotid.export.bids_sources import find_raw_data_set
    from carotid.export.studies import export_each, studies
    from carotid.storage.results.layout import OutputLayout

    layout = OutputLayout(output_dir)
    found = studies(layout, export_dir, participants, WANTED)
    links = check_data_set(export_dir)
    names = names_in(layout, export_dir)
    raw = find_raw_data_set(layout, raw_dir)
    linked = raw.linked_from(export_dir, links) if raw else None

    def write(study: Study) -> Sequence[Path]:
        uri = linked.uri(study.participant_id) if linked else None
        return write_session(study, export_dir, names[study.participant_id], uri)

    failed, done = False, {}
    for one in export_each(found, write):
        name = names[one.study.participant_id]
        failed |= _say(one, name.folder(export_dir))
        if one.error is None:
            done[one.study.participant_id] = name
            if name.stem != one.study.participant_id:
                click.echo(f"{one.study.participant_id}: is called {name.stem} there")
    if done:
        write_data_set(export_dir, done, linked)
    return 1 if failed else 0


def _export(
    wanted: tuple[str, ...],
    write: Callable[[Study, Path], Sequence[Path]],
    output_dir: Path,
    export_dir: Path,
    participants: tuple[str, ...],
    of_them: Callable[[Exported], str] = lambda _: "",
) -> int:
    from carotid.export.studies import export_each, studies
    from carotid.storage.results.layout import OutputLayout

    found = studies(OutputLayout(output_dir), export_dir, participants, wanted)
    failed = False
    for one in export_each(found, lambda study: write(study, export_dir / study.participant_id)):
        failed |= _say(one, export_dir / one.study.participant_id, of_them(one))
    return 1 if failed else 0


def _say(one: Exported, folder: Path, of_them: str = "") -> bool:
    """Tell what became of a participant; returns whether it failed.

    Args:
        one: What became of it.
        folder: Where its files are.
        of_them: What is to be said of them.
    """
    from carotid.export.studies import WORDS

    if one.error is not None:
        click.echo(f"{one.study.participant_id}: failed: {one.error}", err=True)
        return True
    lacks = ", ".join(WORDS[transform] for transform in one.study.missing)
    rest = f"; there are no {lacks} to export" if lacks else ""
    files = counted(len(one.files), "file")
    click.echo(f"{one.study.participant_id}: {files} in {folder}{of_them}{rest}")
    return False

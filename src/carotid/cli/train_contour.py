"""`carotid train contour`: contour networks of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from carotid.cli.cohort_options import choice_options
from carotid.cli.place import PLACE
from carotid.cli.train import TrainingProgress, check_sources, set_threads
from carotid.cohort.outputs import check_output_dir
from carotid.counted import counted

if TYPE_CHECKING:
    from pathlib import Path


@click.command("contour", short_help="Train contour networks on annotated or simulated necks.")
@click.argument("output_dir", type=PLACE)
@click.argument("raw_dir", type=PLACE, required=False)
@click.argument("annotation_dir", type=PLACE, required=False)
@click.option(
    "--from_simulator",
    is_flag=True,
    help="Train on simulated necks that are made on the way, without RAW_DIR and ANNOTATION_DIR.",
)
@click.option(
    "--contour_tsv",
    "-ctsv",
    type=PLACE,
    help="Only these contours: a TSV file with the columns participant_id, side, label and z.  "
    "[default: all that are annotated]",
)
@choice_options
@click.option(
    "--start_from",
    type=PLACE,
    help="Models whose weights the members begin with, such as what `carotid models path contour` "
    "prints: for fine-tuning on a few annotated scans.  [default: random weights]",
)
@click.option(
    "--train_config_path",
    "-tc",
    type=PLACE,
    help="TOML file with the section [contour_training], or [contour_transform] as the known tool "
    "calls it; keys that it does not name keep the package's defaults.",
)
@click.option(
    "--config_path",
    "-c",
    type=PLACE,
    help="TOML file with the section [polar_transform]: how polar images are drawn, for polar "
    "networks.",
)
@click.option(
    "--device",
    "-d",
    type=click.Choice(["cuda", "cpu"]),
    help="Where to train.  [default: cuda where there is one, else cpu]",
)
@click.option(
    "--force", "-f", is_flag=True, help="Begin anew where training was finished or differs."
)
def train_contour_command(
    output_dir: Path,
    raw_dir: Path | None,
    annotation_dir: Path | None,
    from_simulator: bool,  # noqa: FBT001 - click gives a flag like this
    contour_tsv: Path | None,
    bids_image: str | None,
    series: str | None,
    start_from: Path | None,
    train_config_path: Path | None,
    config_path: Path | None,
    device: str | None,
    force: bool,  # noqa: FBT001
) -> int:
    """Train an ensemble of contour networks.

    RAW_DIR holds scans, ANNOTATION_DIR holds <id>/contour_transform/<side>_contour.tsv and
    spatial_metadata.json, as `carotid transform contour` writes them. OUTPUT_DIR receives a folder
    split-<k> for each member, and can then be given as CONTOUR_MODEL_DIR. Training that was cut
    short goes on when the same command is given again.
    """
    choice = {"bids_image": bids_image, "series": series}
    sources = check_sources(raw_dir, annotation_dir, choice, from_simulator=from_simulator)
    check_output_dir(output_dir, sources)
    set_threads()

    from carotid.stages.catalog import read_sections
    from carotid.stages.polar.parameters import PolarParameters
    from carotid.storage.scan_source import ScanSource
    from carotid.training.contour.parameters import read_contour_training, tell_of_idle
    from carotid.training.contour.train import train_contour, train_from_simulator
    from carotid.training.engine.run import TrainingRequest

    from_models = start_from is not None
    parameters = read_contour_training(train_config_path, from_models=from_models)
    polar = read_sections(config_path, {"polar_transform": PolarParameters})["polar_transform"]
    tell_of_idle(
        parameters,
        polar.model_fields_set,
        from_simulator=from_simulator,
        from_models=from_models,
    )
    with TrainingProgress() as progress:
        request = TrainingRequest(output_dir, start_from, device, force, progress)
        if from_simulator:
            models = train_from_simulator(request, parameters, polar)
        else:
            raw, annotations = sources
            scans = ScanSource(raw, bids_image, series)
            models = train_contour(request, scans, annotations, parameters, polar, contour_tsv)
    click.echo(
        f"{counted(len(models), 'model')} in {output_dir}, which can be given as CONTOUR_MODEL_DIR"
    )
    return 0

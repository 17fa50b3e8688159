"""`carotid train`: models of one's own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

import click

from carotid.cli.cohort_options import choice_options
from carotid.cli.place import PLACE
from carotid.cli.progress import choose_teller
from carotid.cohort.interrupts import stop_if_asked
from carotid.cohort.outputs import check_output_dir
from carotid.counted import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from carotid.config import Parameters
    from carotid.simulation.recipe import NeckRecipe
    from carotid.training.engine.run import Progress


@click.group()
def train() -> None:
    """Train networks."""


@train.command("heatmap", short_help="Train heatmap networks on annotated or simulated necks.")
@click.argument("output_dir", type=PLACE)
@click.argument("raw_dir", type=PLACE, required=False)
@click.argument("annotation_dir", type=PLACE, required=False)
@click.option(
    "--from_simulator",
    is_flag=True,
    help="Train on simulated necks that are made on the way, without RAW_DIR and ANNOTATION_DIR.",
)
@click.option(
    "--centerline_tsv",
    "-ctsv",
    type=PLACE,
    help="Only these sides: a TSV file with the columns participant_id and side.  [default: all "
    "that are annotated]",
)
@choice_options
@click.option(
    "--start_from",
    type=PLACE,
    help="Models whose weights the members begin with, such as what `carotid models path heatmap` "
    "prints: for fine-tuning on a few annotated scans.  [default: random weights]",
)
@click.option(
    "--train_config_path",
    "-tc",
    type=PLACE,
    help="TOML file with the section [heatmap_training]; keys that it does not name keep the "
    "package's defaults.",
)
@click.option(
    "--config_path",
    "-c",
    type=PLACE,
    help="TOML file with the sections [heatmap_transform] (spacing: whether scans are resampled, "
    "as it will be when the models are used) and, with --from_simulator, [neck].",
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
def train_heatmap_command(
    output_dir: Path,
    raw_dir: Path | None,
    annotation_dir: Path | None,
    from_simulator: bool,  # noqa: FBT001 - click gives a flag like this
    centerline_tsv: Path | None,
    bids_image: str | None,
    series: str | None,
    start_from: Path | None,
    train_config_path: Path | None,
    config_path: Path | None,
    device: str | None,
    force: bool,  # noqa: FBT001
) -> int:
    """Train an ensemble of heatmap networks.

    RAW_DIR holds scans as for `carotid transform heatmap`, ANNOTATION_DIR holds
    <id>/centerline_transform/<side>_centerline.tsv. OUTPUT_DIR receives a folder split-<k> for
    each member, and can then be given as HEATMAP_MODEL_DIR. Training that was cut short goes on
    when the same command is given again.
    """
    choice = {"bids_image": bids_image, "series": series}
    sources = check_sources(raw_dir, annotation_dir, choice, from_simulator=from_simulator)
    check_output_dir(output_dir, sources)
    set_threads()

    from carotid.simulation.sample import SIDE_SHAPE, simulate_side
    from carotid.storage.scan_source import ScanSource
    from carotid.training.engine.run import TrainingRequest
    from carotid.training.heatmap.parameters import read_training_parameters
    from carotid.training.heatmap.train import train_from_simulator, train_heatmap

    parameters = read_training_parameters(train_config_path, from_models=start_from is not None)
    resample, recipe = _settings(config_path)
    with TrainingProgress() as progress:
        request = TrainingRequest(output_dir, start_from, device, force, progress)
        if from_simulator:
            models = train_from_simulator(
                request,
                parameters,
                partial(simulate_side, recipe=recipe, max_shape=SIDE_SHAPE),
                simulate_slab=partial(simulate_side, recipe=recipe.slabs(), max_shape=SIDE_SHAPE),
            )
        else:
            models = train_heatmap(
                request,
                ScanSource(sources[0], bids_image, series),
                sources[1],
                parameters,
                centerline_tsv=centerline_tsv,
                resample=resample,
            )
    click.echo(
        f"{counted(len(models), 'model')} in {output_dir}, which can be given as HEATMAP_MODEL_DIR"
    )
    return 0


def check_sources(
    raw_dir: Path | None,
    annotation_dir: Path | None,
    choice: Mapping[str, str | None],
    *,
    from_simulator: bool,
) -> list[Path]:
    """The folders that training reads: both, or none with the simulator.

    Raises:
        UsageError: One is missing, or they are not needed.
    """
    from carotid.errors import UsageError

    sources = [folder for folder in (raw_dir, annotation_dir) if folder is not None]
    if from_simulator and sources:
        raise UsageError("--from_simulator needs no RAW_DIR and no ANNOTATION_DIR")
    idle = [f"--{name}" for name, one in choice.items() if one is not None]
    if from_simulator and idle:
        raise UsageError(f"{' and '.join(idle)} chooses among scans, --from_simulator needs none")
    if not from_simulator and len(sources) < 2:
        raise UsageError(
            "RAW_DIR and ANNOTATION_DIR are missing",
            remedy="give both, or --from_simulator to train on simulated necks",
        )
    return sources


def set_threads() -> None:
    """Let training have the cores that this process was given, and its workers one each."""
    from carotid.cohort.cores import given_cores, one_thread_in_workers, wait_without_spinning

    wait_without_spinning()
    one_thread_in_workers()

    import torch  # it reads what was set just now

    torch.set_num_threads(given_cores())


def _settings(config_path: Path | None) -> tuple[bool, NeckRecipe]:
    """Whether scans are resampled, and what simulated necks are drawn from."""
    from carotid.simulation.recipe import NeckRecipe
    from carotid.simulation.recipes import TRAINING_RECIPE
    from carotid.stages.catalog import read_sections
    from carotid.stages.heatmap.parameters import HeatmapParameters

    if config_path is None:
        return True, TRAINING_RECIPE
    known: dict[str, type[Parameters]] = {
        "heatmap_transform": HeatmapParameters,
        "neck": NeckRecipe,
    }
    parsed = read_sections(config_path, known)
    transform = HeatmapParameters.model_validate(parsed["heatmap_transform"])
    given = parsed["neck"].model_dump(exclude_unset=True)
    return transform.spacing, TRAINING_RECIPE.model_copy(update=given)


class TrainingProgress:
    """Hands on to a teller how far training is; a good place to stop when asked to."""

    def __init__(self) -> None:
        self._teller = choose_teller(1)
        self._part = ""

    def __enter__(self) -> Self:
        self._teller.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._teller.__exit__(*details)

    def __call__(self, progress: Progress) -> None:
        """Tell where training is; raise where it was asked to stop."""
        stop_if_asked()
        if progress.part != self._part:
            self._part = progress.part
            name = f"{progress.part} ({progress.parts} in all)"
            self._teller.begin(name, progress.steps, "step", done=progress.step)
        note = ""
        row = progress.epoch
        if row is not None and row.epoch == 0:
            note = f"begins with a validation loss of {row.validation_loss:.4f}"
        elif row is not None:
            note = f"epoch {row.epoch} done, loss {progress.loss:.4f}"
        self._teller.step(progress.step, note)

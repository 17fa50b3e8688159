"""`carotid train`: models of one's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carotid.cli.progress import duration
from carotid.cohort.outputs import check_output_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.training.engine.run import Progress
    from carotid.training.heatmap.crops import Side

_folder = click.Path(path_type=Path)
_LINE_EVERY_S = 30.0


@click.group()
def train() -> None:
    """Train networks."""


@train.command("heatmap", short_help="Train heatmap networks on annotated or simulated necks.")
@click.argument("output_dir", type=_folder)
@click.argument("raw_dir", type=_folder, required=False)
@click.argument("annotation_dir", type=_folder, required=False)
@click.option(
    "--from_simulator",
    is_flag=True,
    help="Train on simulated necks that are made on the way, without RAW_DIR and ANNOTATION_DIR.",
)
@click.option(
    "--centerline_tsv",
    type=_folder,
    help="Only these sides: a TSV file with the columns participant_id and side.  [default: all "
    "that are annotated]",
)
@click.option(
    "--train_config_path",
    type=_folder,
    help="TOML file with the section [heatmap_training]; keys that it does not name keep the "
    "package's defaults.",
)
@click.option(
    "--config_path",
    type=_folder,
    help="TOML file with the sections [heatmap_transform] (spacing: whether scans are resampled, "
    "as it will be when the models are used) and, with --from_simulator, [neck].",
)
@click.option(
    "--device",
    type=click.Choice(["cuda", "cpu"]),
    help="Where to train.  [default: cuda where there is one, else cpu]",
)
@click.option("--force", is_flag=True, help="Begin anew where training was finished or differs.")
def train_heatmap_command(
    output_dir: Path,
    raw_dir: Path | None,
    annotation_dir: Path | None,
    from_simulator: bool,  # noqa: FBT001 - click gives a flag like this
    centerline_tsv: Path | None,
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
    from carotid.cohort.cores import given_cores, wait_without_spinning
    from carotid.errors import UsageError

    sources = [folder for folder in (raw_dir, annotation_dir) if folder is not None]
    if from_simulator and sources:
        raise UsageError("--from_simulator needs no RAW_DIR and no ANNOTATION_DIR")
    if not from_simulator and len(sources) < 2:
        raise UsageError(
            "RAW_DIR and ANNOTATION_DIR are missing",
            remedy="give both, or --from_simulator to train on simulated necks",
        )
    check_output_dir(output_dir, sources)
    wait_without_spinning()

    import torch

    from carotid.training.engine.parameters import read_training_parameters
    from carotid.training.heatmap.train import train_from_simulator, train_heatmap

    torch.set_num_threads(given_cores())
    parameters = read_training_parameters(train_config_path)
    resample, simulate = _settings(config_path)
    told = _Teller()
    if from_simulator:
        models = train_from_simulator(
            output_dir, parameters, simulate, device=device, force=force, on_progress=told
        )
    else:
        models = train_heatmap(
            output_dir,
            sources[0],
            sources[1],
            parameters,
            centerline_tsv=centerline_tsv,
            resample=resample,
            device=device,
            force=force,
            on_progress=told,
        )
    click.echo(f"{len(models)} models in {output_dir}, which can be given as HEATMAP_MODEL_DIR")
    return 0


def _settings(config_path: Path | None) -> tuple[bool, Callable[[int], Side]]:
    """Whether scans are resampled, and what makes a simulated side from a seed."""
    from functools import partial

    from carotid.config import HeatmapParameters, Parameters, parse_sections, read_toml
    from carotid.simulation.recipe import TRAINING_RECIPE, NeckRecipe
    from carotid.simulation.sample import SIDE_SHAPE, simulate_side

    if config_path is None:
        return True, partial(simulate_side, recipe=TRAINING_RECIPE, max_shape=SIDE_SHAPE)
    known: dict[str, type[Parameters]] = {
        "heatmap_transform": HeatmapParameters,
        "neck": NeckRecipe,
    }
    parsed = parse_sections(read_toml(config_path), known, config_path)
    transform = HeatmapParameters.model_validate(parsed["heatmap_transform"])
    recipe = NeckRecipe.model_validate(parsed["neck"])
    return transform.spacing, partial(simulate_side, recipe=recipe, max_shape=SIDE_SHAPE)


class _Teller:
    """Says on standard error how far training is, with the time left."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._last_line = self._begin
        self._part = ""
        self._part_begin = self._begin
        self._first_step = 0

    def __call__(self, progress: Progress) -> None:
        from carotid.cli import logs

        now = time.monotonic()
        if progress.part != self._part:
            self._part, self._part_begin = progress.part, now
            self._first_step = progress.step
        if progress.epoch is None and now - self._last_line < _LINE_EVERY_S:
            return
        self._last_line = now
        done = progress.step - self._first_step
        rest = ""
        if done > 0 and progress.step < progress.steps:
            left = (now - self._part_begin) / done * (progress.steps - progress.step)
            rest = f", about {duration(left)} left for {progress.part}"
        text = (
            f"{progress.part} ({progress.parts} in all): step {progress.step} of {progress.steps}"
        )
        if progress.epoch is not None:
            text += f", epoch {progress.epoch.epoch} done"
        logs.say(f"[{duration(now - self._begin)}] {text}, loss {progress.loss:.4f}{rest}")

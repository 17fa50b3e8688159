"""`carotid transform`: one command for each stage of the catalog."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from carotid.cli.cohort_options import (
    BIDS_IMAGE_HELP,
    SERIES_HELP,
    asked_for,
    settings_options,
)
from carotid.cli.pipeline import pipeline
from carotid.cli.place import PLACE, THREADS
from carotid.cli.sharing_options import sharing_options
from carotid.stages.catalog import STAGES, made_on_the_way
from carotid.stages.stage import SCAN

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.stages.stage import Stage


@click.group()
def transform() -> None:
    """Take participants through a step of the pipeline."""


class StageCommand(click.Command):
    """The command of one stage; its help ends with the settings that a configuration may have."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        super().__init__(
            stage.name,
            params=[*_arguments(stage), *_directories(stage), *_options(stage)],
            callback=partial(_run, stage),
            help=stage.about,
            short_help=stage.summary,
        )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the keys of the stage's section with their defaults."""
        rows = [
            (name, f"{field.description or ''}  [default: {_as_toml(field.default)}]")
            for name, field in self._stage.parameters_class().model_fields.items()
        ]
        if rows:
            with formatter.section(
                f"Settings, in the section [{self._stage.transform}] of a TOML file"
            ):
                formatter.write_dl(rows)
        super().format_epilog(ctx, formatter)


def _as_toml(value: object) -> str:
    """A default as one would write it in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_as_toml(one) for one in value)}]"
    if value is None:
        return "none"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _arguments(stage: Stage) -> list[click.Parameter]:
    return [click.Argument([name.lower()], type=PLACE) for name in stage.arguments]


def _directories(stage: Stage) -> list[click.Parameter]:
    """Where earlier results are, and the scans where no argument says it.

    A short option stands for one directory alone: where two needs begin alike there is none.
    """
    letters = [need[0] for need in stage.earlier]
    options: list[click.Parameter] = [
        click.Option(
            [*([f"-{need[0]}dir"] if letters.count(need[0]) == 1 else []), f"--{need}_dir"],
            type=PLACE,
            help=f"Where `carotid transform {need}` wrote.  [default: OUTPUT_DIR]",
        )
        for need in stage.earlier
    ]
    if _may_read_scans(stage) and "RAW_DIR" not in stage.arguments:
        options.append(
            click.Option(
                ["--raw_dir"],
                type=PLACE,
                help="Where the scans are.  [default: the RAW_DIR that heatmaps were made from]",
            )
        )
    return options


def _may_read_scans(stage: Stage) -> bool:
    """Whether a stage reads scans, for itself or for what it may make on the way."""
    return any(SCAN in one.needs for one in (stage, *made_on_the_way(stage)))


def _options(stage: Stage) -> list[click.Parameter]:
    options: list[click.Parameter] = [
        click.Option(
            ["-c", "--config_path"],
            type=PLACE,
            help=f"TOML file with the section [{stage.transform}]; see below.",
        ),
        click.Option(
            ["-p", "--participant", "participants"],
            multiple=True,
            metavar="ID",
            help="Only this participant; may be given several times.  [default: all there are]",
        ),
    ]
    if stage.models is not None:
        options += [
            click.Option(
                ["-d", "--device"],
                type=click.Choice(["cuda", "cpu"]),
                help="Where the networks compute.  [default: cuda where there is one, else cpu]",
            ),
            click.Option(
                ["--threads"],
                type=THREADS,
                help="Threads to compute with.  [default: the cores this process was given]",
            ),
        ]
    if _may_read_scans(stage):
        options += [
            click.Option(["--bids_image"], metavar="NAME", help=BIDS_IMAGE_HELP),
            click.Option(["--series"], metavar="SERIES", help=SERIES_HELP),
        ]
    options += settings_options(stage)
    options.append(
        click.Option(
            ["-f", "--force"], is_flag=True, help="Do participants again that are complete already."
        )
    )
    if _may_read_scans(stage):
        options.append(
            click.Option(
                ["--verify"],
                is_flag=True,
                help="Compare the scans of complete participants by checksum, not only by size.",
            )
        )
    return [*options, *sharing_options()]


def _run(stage: Stage, output_dir: Path, **given: Any) -> int:
    """Take participants through a stage, and say what became of them."""
    from carotid.cli.cohort_progress import run_and_tell
    from carotid.cli.report import name_older_page
    from carotid.cohort.run import Request, run_stage

    directories = {need: given.get(f"{need}_dir") for need in stage.earlier}
    request = Request(
        stage=stage,
        output_dir=output_dir,
        raw_dir=given.get("raw_dir"),
        input_dirs={need: path for need, path in directories.items() if path is not None},
        model_dir=given.get(f"{stage.name}_model_dir"),
        **asked_for(given, [stage]),
    )
    outcomes = run_and_tell(stage.name, output_dir, partial(run_stage, request))
    if request.shard is None:
        name_older_page(output_dir)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


for one in STAGES:
    transform.add_command(StageCommand(one))
transform.add_command(pipeline)

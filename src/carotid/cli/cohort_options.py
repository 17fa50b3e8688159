"""Options that the commands through several steps share, from scans on."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from carotid.cli.place import PLACE, THREADS, participants_option
from carotid.cli.sharing_options import part, sharing_options
from carotid.cohort.request import CohortRequest
from carotid.stages.catalog import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from carotid.stages.stage import Stage


BIDS_IMAGE_HELP = (
    "Which image of a BIDS session is the scan: its suffix or entities, as acq-bb_T1w.  "
    "[default: the only one]"
)
SERIES_HELP = (
    "Which series of a DICOM folder is the scan: its number, the end of its UID, or its "
    "description.  [default: the only one]"
)


def settings_options(stage: Stage) -> list[click.Option]:
    """Parameters of a stage that one may give as options; they win over a configuration."""
    return [
        click.Option(
            [f"--{one.name}"],
            type=click.Choice(one.choices, case_sensitive=False) if one.choices else str,
            metavar=one.metavar,
            help=one.help,
        )
        for one in stage.options
    ]


_CHOICES = (
    click.option("--bids_image", metavar="NAME", help=BIDS_IMAGE_HELP),
    click.option("--series", metavar="SERIES", help=SERIES_HELP),
)

_OPTIONS = (
    click.option(
        "-c", "--config_path", type=PLACE, help="TOML file with the sections of all steps."
    ),
    participants_option("all there are"),
    *_CHOICES,
    click.option(
        "-d",
        "--device",
        type=click.Choice(["cuda", "cpu"]),
        help="Where the networks compute.  [default: cuda where there is one, else cpu]",
    ),
    click.option(
        "--threads",
        type=THREADS,
        help="Threads to compute with.  [default: the cores this process was given]",
    ),
    click.option("-f", "--force", is_flag=True, help="Do participants again that are complete."),
    click.option(
        "--verify", is_flag=True, help="Compare the scans of complete participants by checksum."
    ),
    *(
        click.option(*o.opts, type=o.type, metavar=o.metavar, help=o.help)
        for stage in STAGES
        for o in settings_options(stage)
    ),
    *(click.option(*o.opts, metavar=o.metavar, help=o.help) for o in sharing_options()),
    click.option("-wheat", "--write_heatmap", is_flag=True, help="Keep the heatmaps."),
    click.option("-wpol", "--write_polar", is_flag=True, help="Keep polar images: 0.65 GB a scan."),
)


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command those that choose among several images of a participant."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


def asked_for(given: Mapping[str, Any], stages: Iterable[Stage]) -> dict[str, Any]:
    """What a command's options say of a `CohortRequest`.

    Args:
        given: The options, by name.
        stages: Whose settings there are options for.

    Raises:
        UsageError: `--shard` names no part.
    """
    known = {one.name for one in fields(CohortRequest)}
    asked = {name: value for name, value in given.items() if name in known}
    settings = {one.name: given[one.name] for stage in stages for one in stage.options}
    return asked | {"shard": part(given["shard"]), "options": settings}


def cohort_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of them, in their order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command

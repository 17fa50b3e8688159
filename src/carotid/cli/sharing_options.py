"""Options of commands that share a cohort between processes: parts of it, and clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from carotid.cohort.shard import Shard


def sharing_options() -> list[click.Option]:
    """`--shard` and `--scheduler`."""
    return [
        click.Option(
            ["--shard"],
            metavar="I/N",
            help="Only part I of N of the participants, for job arrays; then `carotid merge`.",
        ),
        click.Option(
            ["--scheduler"],
            metavar="ADDRESS|FILE",
            help="Compute on the workers of this Dask scheduler; --threads is each worker's.",
        ),
    ]


def part(text: str | None) -> Shard | None:
    """The part of a cohort that `--shard` names.

    Raises:
        UsageError: It names none.
    """
    from carotid.cohort.shard import Shard

    return None if text is None else Shard.parse(text)

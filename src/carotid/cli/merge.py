"""`carotid merge`: the tables of a cohort whose parts were computed apart."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from carotid.cli.place import PLACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.cohort.merge import Merged

_MOST_ROWS = 30


@click.command(short_help="Close a cohort that was computed in parts.")
@click.argument("output_dir", type=PLACE)
def merge(output_dir: Path) -> int:
    """Write the tables of a cohort that was computed with --shard, and say who is missing.

    To be run once all parts have ended; it may be run again at any time. It changes no
    participant's results. The exit code is 1 where a participant has failed or is missing, or where
    it cannot be told who is.
    """
    from carotid.cli.report import name_older_page
    from carotid.cohort.merge import merge as merge_parts

    merged = merge_parts(output_dir)
    with suppress(OSError, ValueError):  # whoever read the output may have gone
        for one in merged:
            _print(one)
    name_older_page(output_dir)
    return 1 if any(_failed(one) or one.missing != [] for one in merged) else 0


def _failed(merged: Merged) -> list[str]:
    return [f"{o.participant_id}: {o.reason}" for o in merged.outcomes if o.status == "failed"]


def _print(merged: Merged) -> None:
    """One step: how many, and the names of those who need a look."""
    count = {s: sum(o.status == s for o in merged.outcomes) for s in ("done", "skipped", "failed")}
    click.echo(
        f"{merged.name}: {count['done']} done, {count['skipped']} skipped, "
        f"{count['failed']} failed, "
        + ("missing unknown" if merged.missing is None else f"{len(merged.missing)} missing")
    )
    _print_some("failed ", _failed(merged))
    _print_some("missing", merged.missing or [])


def _print_some(what: str, lines: Sequence[str]) -> None:
    for line in lines[:_MOST_ROWS]:
        click.echo(f"  {what}  {line}")
    if len(lines) > _MOST_ROWS:
        click.echo(f"  {what}  {len(lines) - _MOST_ROWS} more; see summary.json")

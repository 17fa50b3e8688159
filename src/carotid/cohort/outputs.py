"""Checks of the directory that results go to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.stages.stage import Stage
    from carotid.storage.results.layout import OutputLayout

_OUR_COLUMN = b"wt_method"
_MAX_HEAD_BYTES = 1 << 16


def check_output_dir(output_dir: Path, inputs: Sequence[Path], *, make: bool = False) -> None:
    """Refuse an output directory that cannot be written, or that lies among the input.

    Args:
        output_dir: Where results shall go.
        inputs: Directories that are only read.
        make: Whether the directory is made where it is absent.

    Raises:
        UsageError: Nothing was touched.
    """
    for path in (output_dir, *output_dir.parents):
        if path.is_symlink() and not path.exists():
            raise UsageError(
                "the output directory lies behind a link that leads nowhere",
                where=path,
                found=f"a link to {path.readlink()}",
                remedy="mount what it leads to, or choose another output directory",
            )
    try:
        place = output_dir.resolve()
        for source in inputs:
            if place == source.resolve() or source.resolve() in place.parents:
                raise UsageError(
                    "the output directory is, or lies inside, an input directory",
                    where=output_dir,
                    found=source,
                    remedy="choose an output directory of its own",
                )
        if place.exists() and not place.is_dir():
            raise UsageError("the output directory is a file", where=output_dir)
        if make:
            place.mkdir(parents=True, exist_ok=True)
        nearest = next(p for p in (place, *place.parents) if p.is_dir())
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the output directory cannot be used: {error}", where=output_dir
        ) from error
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(
            "the output directory cannot be written",
            where=output_dir,
            found=f"no permission to write in {nearest}",
            remedy="choose another directory, or ask for the permission",
        )


def check_nothing_of_others(
    layout: OutputLayout,
    participants: Sequence[str],
    inputs: Sequence[Path],
    stages: Sequence[Stage],
) -> None:
    """Refuse an output directory in which results would mix with scans, or overwrite tables.

    Where it holds the folder of scans, a participant may be called as that folder. Where it is a
    BIDS data set, it has a `participants.tsv` of its own.

    Args:
        layout: The output directory.
        participants: Who is asked for.
        inputs: Directories that are only read.
        stages: What is done; some write tables of all participants.

    Raises:
        UsageError: Nothing was touched.
    """
    places = {source.resolve(): source for source in inputs}
    for one in participants:
        taken = places.get((layout.root / one).resolve())
        if taken is not None:
            raise UsageError(
                "a participant's results would lie in an input directory",
                where=layout.root / one,
                found=taken,
                remedy="choose an output directory of its own",
            )
    if not any(stage.closing for stage in stages):
        return
    for path in (layout.arteries, layout.participants_table):
        if path.is_file() and not _is_ours(path):
            raise UsageError(
                "a table that this program did not write would be overwritten",
                where=path,
                remedy="choose an output directory of its own, or move the table away",
            )


def _is_ours(table: Path) -> bool:
    """Whether a table of all participants has a column that ours have."""
    try:
        with table.open("rb") as file:
            head = file.readline(_MAX_HEAD_BYTES)
    except OSError as error:
        raise UsageError(
            f"a table of the output directory cannot be read: {error.strerror}",
            where=table,
            remedy="ask for the permission, or choose another output directory",
        ) from error
    return _OUR_COLUMN in head.rstrip().split(b"\t")

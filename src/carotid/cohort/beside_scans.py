"""Whether files about results would come to lie among the scans, as which they would count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.cohort.outputs import check_output_dir
from carotid.counted import shortened
from carotid.errors import UsageError
from carotid.storage.entries import scan_of
from carotid.storage.results.parameters import read_parameters
from carotid.storage.scan_source import recorded_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout


def check_beside_scans(target: Path, layout: OutputLayout, given: Sequence[Path] = ()) -> None:
    """Refuse to write to a folder among scans: those given, and those on record.

    A BIDS data set's `derivatives` are for it. A folder on record that holds the results themselves
    was given as a relative path, from elsewhere, and is not meant.

    Args:
        target: Where files shall go.
        layout: The results that they are about.
        given: Folders that are only read.

    Raises:
        UsageError: It is, lies inside, or holds such a place, or cannot be written.
    """
    place, root = target.resolve(), layout.root.resolve()
    if root in (place, *place.parents):
        check_output_dir(target, given)
        return
    entries = read_parameters(layout.parameters).values()
    sources = [recorded_source(entry) for entry in entries if isinstance(entry, dict)]
    recorded = [source.path for source in sources if source is not None]
    inputs = [
        one
        for one in recorded
        if (one / "derivatives").resolve() not in place.parents
        and (one.resolve() not in root.parents or (one / "derivatives").resolve() in root.parents)
    ]
    check_output_dir(target, [*given, *inputs])
    scans = [path.name for path in target.glob("*") if path.is_file() and scan_of(path)]
    if scans:
        raise UsageError(
            "files about results would lie among scans",
            where=target,
            found=shortened(sorted(scans)),
            remedy="give a folder of its own",
        )

"""The scan behind results, read to be shown with them: it has to lie where they lie.

Whatever draws outlines over a scan takes it from here. Scans are found by name, and a folder may
hold another scan of that name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL
from carotid.storage.raw import open_scan
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.provenance import Input
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

CHANGED = "the scan has changed since its results were made"


@dataclass(frozen=True, eq=False)
class ScanBehind:
    """A scan on the grid of its results.

    Attributes:
        volume: In canonical order.
        changed: Whether it is not the one that the results were made from, as far as is on record.
    """

    volume: Volume
    changed: bool


def load_scan_behind(scan: RawScan, grid: Grid, made_from: Input | None) -> ScanBehind:
    """Read the scan behind results.

    Args:
        scan: Where it is thought to be.
        grid: The results' grid, in canonical order.
        made_from: What the results were made from, where that is on record.

    Raises:
        InputError: It cannot be read, or lies on another grid.
        ResourceError: It does not fit into memory.
    """
    opened = open_scan(scan)
    canonical = opened.grid.reoriented(CANONICAL)
    if not canonical.agrees_with(grid):
        found, expected = (" x ".join(map(str, one.shape)) for one in (canonical, grid))
        raise InputError(
            "the scan lies on another grid than its results",
            where=scan.path,
            found=f"{found} voxels" if found != expected else "another position or voxel size",
            expected=f"{expected} voxels" if found != expected else None,
            remedy="give the folder of the scans that the results were made from with --raw_dir",
        )
    content = opened.read()
    known = None if made_from is None else made_from.sha256
    return ScanBehind(content.volume.reoriented(CANONICAL), known not in (None, content.sha256))


def load_for_pictures(scan: RawScan | None, grid: Grid, results: Sequence[Path]) -> Volume | None:
    """Like `load_scan_behind`; a scan that has changed is told in a warning.

    Args:
        scan: Where it is thought to be; None where it is unknown.
        grid: The results' grid, in canonical order.
        results: Folders of results; the first counts whose record tells the scan.

    Returns:
        The scan in canonical order, None where it is unknown.

    Raises:
        InputError: It cannot be read, or lies on another grid.
        ResourceError: It does not fit into memory.
    """
    if scan is None:
        return None
    records = (read_record(folder) for folder in results)
    told = (record.scan() for record in records if record is not None)
    made_from = next((one for one in told if one is not None), None)
    behind = load_scan_behind(scan, grid, made_from)
    if behind.changed:
        logger.warning("%s: %s", scan.participant_id, CHANGED)
    return behind.volume

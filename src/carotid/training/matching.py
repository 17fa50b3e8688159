"""Whether annotations and scans belong together: who lacks which, and whether left is left."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from carotid.counted import listed
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

BOTH_SIDES_MM = 100.0
"""Scans wider than this show both sides of a neck, so that their halves tell left from right."""

BESIDE_MIDDLE_MM = 10.0
"""So far beyond the middle a side may lie on average: the scan may be centered on the artery."""

_HOW_TO_GO_ON = (
    "if it is right and the scan centered beside the neck, annotate both sides, or crop it to "
    f"{BOTH_SIDES_MM:.0f} mm around the artery"
)

TOLD = 8


def warn_of_unmatched(annotation_dir: Path, transform: str, scans: Collection[str]) -> None:
    """Name annotated participants that have no scan, and count the scans without annotation.

    Args:
        annotation_dir: Where `<participant_id>/<transform>` are.
        transform: The folder of a participant that holds the annotations.
        scans: The ids of the participants that have a scan.
    """
    annotated = {path.parent.name for path in annotation_dir.glob(f"*/{transform}")}
    without_scan = sorted(annotated - set(scans))
    if without_scan:
        logger.warning(
            "%s: annotated, but without a scan of this name, so left out: %s",
            annotation_dir,
            listed(without_scan, TOLD),
        )
    bare = sorted(set(scans) - annotated)
    if bare:
        logger.warning(
            "%d of %d scans have no annotation: %s", len(bare), len(scans), listed(bare, TOLD)
        )


def names_and_sizes_sha256(scans: Iterable[RawScan]) -> str:
    """What tells that training goes on with other scans, without reading them.

    Raises:
        InputError: A scan cannot be looked at.
    """
    known = {scan.participant_id: scan for scan in scans}
    told = [
        (name, scan.path.name, scan_state(scan).size_bytes) for name, scan in sorted(known.items())
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def exchanged(centers: Mapping[SideName, NDArray[np.float64]], canonical: Grid) -> str | None:
    """Say how the centers of a participant's two sides show that left and right are exchanged.

    Args:
        centers: (n, 2 or more) canonical voxel indices of each side; index 0 grows to the right.
        canonical: The scan's grid in canonical order.

    Returns:
        What is wrong; None where nothing is, and where one side alone is near the middle: a scan
        may be centered beside the neck's middle.
    """
    x = {side: points[:, 0] for side, points in centers.items() if len(points)}
    if "left" in x and "right" in x:
        if x["left"].mean() <= x["right"].mean():
            return None  # the neck may lie beside the middle
        return "the left side lies to the right of the right side (are they exchanged?)"
    if canonical.shape[0] * canonical.spacing_mm[0] <= BOTH_SIDES_MM:
        return None
    middle = (canonical.shape[0] - 1) / 2
    for side, own in x.items():
        other, sign = ("right", 1) if side == "left" else ("left", -1)
        beyond = sign * (own - middle) * canonical.spacing_mm[0]
        if (beyond > 0).all() and beyond.mean() > BESIDE_MIDDLE_MM:
            far = f"on average {beyond.mean():.0f} mm beyond the middle"
            what = f"all of the {side} side lies in the {other} half of the scan, {far}"
            return f"{what} ({_HOW_TO_GO_ON})"
    return None

"""Known centers of the carotids, where there are any, and how far the maxima lie from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import CHANNELS
from carotid.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HEADER = ["label", "x", "y", "z"]
_MAX_BYTES = 16 << 20


def read_centers(path: Path, slices: int) -> NDArray[np.float64] | None:
    """Read one side's annotation file.

    Args:
        path: Tab-separated `label x y z`, canonical voxel indices.
        slices: Number of axial slices of the scan.

    Returns:
        (z, 2, 2) slice, channel, canonical x and y; NaN where there is none. Below the lowest
        external center the internal one, which is the common carotid, counts for both. None where
        the file is absent.

    Raises:
        InputError: A row is not what it should be; the message names it.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = file.read(_MAX_BYTES).splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"the annotation cannot be read: {error}", where=path) from error
    if not lines or lines[0].split("\t") != HEADER:
        raise InputError(
            "the annotation's first row is wrong",
            where=path,
            found=repr(lines[0][:80]) if lines else "nothing",
            expected="label, x, y and z, separated by tabs",
        )
    centers = np.full((slices, len(CHANNELS), 2), np.nan)
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        label, x, y, z = _row(path, number, line)
        if not 0 <= z < slices:
            raise InputError(
                "the annotation has a center outside of the scan",
                where=path,
                found=f"z = {z} in row {number}",
                expected=f"0 to {slices - 1}",
                remedy="check that the annotation belongs to this scan",
            )
        centers[z, label] = x, y
    external = np.flatnonzero(np.isfinite(centers[:, 1, 0]))
    fork = external[0] if external.size else slices
    centers[:fork, 1] = centers[:fork, 0]
    return centers


def distance_mm(
    peak_index: NDArray[np.integer],
    centers: NDArray[np.floating],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float64]:
    """(z, 2) from each channel's maximum to its own vessel, within the slice; NaN where unknown."""
    offset = (peak_index - centers) * np.array(spacing_mm[:2])
    return np.asarray(np.linalg.norm(offset, axis=2), np.float64)


def _row(path: Path, number: int, line: str) -> tuple[int, float, float, int]:
    fields = line.split("\t")
    try:
        values = [float(field) for field in fields[1:]]
        usable = fields[0] in CHANNELS and len(values) == 3 and bool(np.isfinite(values).all())
    except ValueError:
        usable = False
    if not usable:
        raise InputError(
            f"row {number} of the annotation is wrong",
            where=path,
            found=repr(line[:80]),
            expected="internal or external, and three numbers, separated by tabs",
        )
    return CHANNELS.index(fields[0]), values[0], values[1], round(values[2])

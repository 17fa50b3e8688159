"""The largest value of each axial slice of a side's heatmaps, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.errors import InputError
from carotid.evaluation.distances import slice_maxima

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK_VOXELS = 1 << 19
"""Voxels of a block of slices that is worked on at a time: a few megabytes."""


@dataclass(frozen=True, eq=False)
class SlicePeaks:
    """The largest value of each slice.

    Attributes:
        height: (axial slices, 2) float64, per slice and channel.
        pixel: (axial slices, 2, 2) int64, x and y; the first in (x, y) order on a tie.
    """

    height: NDArray[np.float64]
    pixel: NDArray[np.int64]


def slice_blocks(mean: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Canonical slices in contiguous blocks, for arrays whose slices lie scattered in memory.

    Args:
        mean: (2, x, y, z) float32, canonical, any strides.

    Yields:
        The number of a block's first slice, and (2, slices, x, y).
    """
    channels, width, depth, slices = mean.shape
    step = max(1, _BLOCK_VOXELS // (channels * width * depth))
    for start in range(0, slices, step):
        block = mean[:, :, :, start : start + step]
        yield start, np.ascontiguousarray(block.transpose(0, 3, 1, 2))


def find_peaks(mean: NDArray[np.float32]) -> SlicePeaks:
    """The largest value of each slice.

    Args:
        mean: (2, x, y, z) float32, canonical, any strides.

    Raises:
        InputError: A slice holds NaN or infinity.
    """
    slices = mean.shape[3]
    height = np.empty((slices, len(LABELS)))
    pixel = np.empty((slices, len(LABELS), 2), np.int64)
    for start, block in slice_blocks(mean):
        stop = start + block.shape[1]
        pixel[start:stop], height[start:stop] = slice_maxima(block)
    bad = np.flatnonzero(~np.isfinite(height).all(axis=1))
    if len(bad):
        raise InputError(
            "the heatmap holds NaN or infinity",
            found=f"canonical slice {bad[0]}" + (f" and {len(bad) - 1} more" * (len(bad) > 1)),
            remedy="make the heatmaps again with carotid transform heatmap --force",
        )
    return SlicePeaks(height, pixel)

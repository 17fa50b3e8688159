"""One pass over a stored heatmap: its projections, its maximum in every slice, some slices whole.

The file is read slab by slab, in whatever order its axes are stored, and everything that comes out
is canonical (index 0 grows to the patient's right, 1 to anterior, 2 to superior). So the memory
needed does not grow with the height of the scan, and no side of the patient is ever mixed up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.storage.metaimage.read import iter_slabs, read_metaimage_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SLAB_BYTES = 8 << 20
_CHANNELS = 2


@dataclass(frozen=True, eq=False)
class Projections:
    """What a page shows of one stored image with two channels; canonical axes x, y, z.

    Attributes:
        grid: The canonical grid.
        coronal: (2, x, z) float32, largest value along y.
        sagittal: (2, y, z) float32, largest value along x.
        slices: (t, 2, x, y) float32, the axial slices asked for.
        peak: (z, 2) float32, largest value of each axial slice.
        peak_index: (z, 2, 2) int64, canonical (x, y) where it lies; the first one in (x, y) order.
    """

    grid: Grid
    coronal: NDArray[np.float32]
    sagittal: NDArray[np.float32]
    slices: NDArray[np.float32]
    peak: NDArray[np.float32]
    peak_index: NDArray[np.int64]


def project(path: Path, heights: Sequence[int]) -> Projections:
    """Read a stored mean or standard deviation.

    Args:
        path: A MetaImage file with two channels, in any orientation.
        heights: Canonical z of the axial slices that are wanted whole.

    Raises:
        InputError: The file is damaged, has other than two channels, or values that are no
            numbers.
    """
    header = read_metaimage_header(path)
    if header.channels != _CHANNELS:
        raise InputError(
            "this is no heatmap", where=path, found=counted(header.channels, "channel"), expected=2
        )
    way = Reordering.between(header.grid, CANONICAL)
    grid = way.grid(header.grid)
    size_x, size_y, size_z = grid.shape
    coronal = np.full((_CHANNELS, size_z, size_x), -np.inf, np.float32)
    sagittal = np.full((_CHANNELS, size_z, size_y), -np.inf, np.float32)
    slices = np.zeros((len(heights), _CHANNELS, size_x, size_y), np.float32)
    peak = np.full((_CHANNELS, size_z), -np.inf, np.float32)
    peak_index = np.zeros((_CHANNELS, size_z, 2), np.int64)
    cut = way.axes.index(2)
    size_k = header.grid.shape[2]
    done = 0
    for slab in iter_slabs(path, _slices_per_slab(header.grid)):
        count = slab.shape[0]
        first = size_k - done - count if way.flips[cut] else done
        done += count
        start = [0, 0, 0]
        start[cut] = first
        x, y, z = start
        canonical = way.view(slab.transpose(3, 2, 1, 0), first_axis=1)
        block = np.ascontiguousarray(canonical.transpose(0, 3, 1, 2), np.float32)  # c, z, x, y
        over_y, over_x = block.max(axis=3), block.max(axis=2)
        if not (np.isfinite(over_y).all() and np.isfinite(over_x).all()):
            raise InputError("the heatmap holds values that are no numbers", where=path)
        to_x, to_y, to_z = (
            slice(a, a + n) for a, n in zip((x, y, z), canonical.shape[1:4], strict=True)
        )
        np.maximum(coronal[:, to_z, to_x], over_y, out=coronal[:, to_z, to_x])
        np.maximum(sagittal[:, to_z, to_y], over_x, out=sagittal[:, to_z, to_y])
        _raise_peaks(peak[:, to_z], peak_index[:, to_z], block, over_y, (x, y))
        for t, height in enumerate(heights):
            if to_z.start <= height < to_z.stop:
                slices[t, :, to_x, to_y] = block[:, height - z]
    return Projections(
        grid,
        coronal.transpose(0, 2, 1),
        sagittal.transpose(0, 2, 1),
        slices,
        np.ascontiguousarray(peak.T),
        np.ascontiguousarray(peak_index.transpose(1, 0, 2)),
    )


def _raise_peaks(
    peak: NDArray[np.float32],
    peak_index: NDArray[np.int64],
    block: NDArray[np.float32],
    over_y: NDArray[np.float32],
    start: tuple[int, int],
) -> None:
    """Take over the maxima of a (c, z, x, y) block where they are higher, or first on a tie."""
    here_x = over_y.argmax(axis=2)
    height = np.take_along_axis(over_y, here_x[..., None], axis=2)[..., 0]
    rows = np.take_along_axis(block, here_x[..., None, None], axis=2)[:, :, 0]
    here_y = rows.argmax(axis=2)
    index = np.stack([here_x + start[0], here_y + start[1]], axis=-1)
    earlier = (index[..., 0] < peak_index[..., 0]) | (
        (index[..., 0] == peak_index[..., 0]) & (index[..., 1] < peak_index[..., 1])
    )
    better = (height > peak) | ((height == peak) & earlier)
    peak[better] = height[better]
    peak_index[better] = index[better]


def _slices_per_slab(grid: Grid) -> int:
    slice_bytes = grid.shape[0] * grid.shape[1] * _CHANNELS * 4
    return max(1, _SLAB_BYTES // slice_bytes)

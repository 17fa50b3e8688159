"""What a network is asked to draw: a steep peak over each vessel's center.

In a slice whose vessel center lies at in-plane distance d (network voxels, 0.5 mm) the target is
`exp(a * (1 - d / r)) - 1` where d < r, and 0 elsewhere. The peak is `exp(a) - 1`, about 402.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEEPNESS = 6.0
"""a: how fast the target falls; the peak is exp(a) - 1."""

RADIUS_VOXEL = 32.0
"""r: distance in network voxels (0.5 mm) from which on the target is zero."""


def target_from_centers(
    centers: NDArray[np.float32], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Draw the target of every slice.

    Args:
        centers: (s, 2, 2) per slice and channel the (p, l) position in voxels, NaN where absent;
            positions outside of the slice are allowed and draw what reaches into it.
        shape: (s, p, l) of the window.

    Returns:
        (2, s, p, l) float32; zero in slices whose center is NaN.
    """
    target = np.zeros((2, *shape), dtype=np.float32)
    slices, channels = np.nonzero(np.isfinite(centers).all(axis=2))
    if slices.size == 0:
        return target
    position = centers[slices, channels].astype(np.float32)
    reach = np.arange(-int(np.ceil(RADIUS_VOXEL)) - 1, int(np.ceil(RADIUS_VOXEL)) + 2)
    nearest = np.rint(position).astype(np.int64)
    rows = nearest[:, 0, None] + reach
    columns = nearest[:, 1, None] + reach
    row_offset = (rows - position[:, 0, None]).astype(np.float32)
    column_offset = (columns - position[:, 1, None]).astype(np.float32)
    distance = np.sqrt(row_offset[:, :, None] ** 2 + column_offset[:, None, :] ** 2)
    scale = np.float32(STEEPNESS / RADIUS_VOXEL)
    patch = np.expm1(np.maximum(np.float32(STEEPNESS) - scale * distance, np.float32(0)))
    inside_row = (rows >= 0) & (rows < shape[1])
    inside_column = (columns >= 0) & (columns < shape[2])
    for k in range(slices.size):
        y, x = rows[k][inside_row[k]], columns[k][inside_column[k]]
        if y.size and x.size:
            target[channels[k], slices[k], y[0] : y[-1] + 1, x[0] : x[-1] + 1] = patch[
                k, inside_row[k]
            ][:, inside_column[k]]
    return target

"""From a candidate to the middle of its peak, between voxels, slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.levels import SideVolume

WINDOW_MM = 1.0
"""Standard deviation of the Gaussian window that is moved to the middle of a peak."""

_RADIUS_MM = 4.0
"""Voxels further than this from the start are not looked at."""

_FARTHEST_MM = 2.0
"""A point that moves further than this, and a voxel, has left its peak and stays where it was."""

_ROUNDS, _ENOUGH_MM = 12, 0.005


def refined(
    volume: SideVolume,
    slice_index: NDArray[np.int64],
    start_mm: NDArray[np.float64],
    channels: tuple[int, ...],
) -> NDArray[np.float64]:
    """Move points to the middle of the peaks that they lie on: a mean shift, weighted by height².

    Args:
        volume: The heatmaps.
        slice_index: (n,) the points' slices.
        start_mm: (n, 2) where they start, x and y from the first voxel.
        channels: The channels whose peaks count; of several the sum of their squares.

    Returns:
        (n, 2) mm.
    """
    x_mm, y_mm, weight = _windows(volume, slice_index, start_mm, channels)
    point = start_mm.copy()
    for _ in range(_ROUNDS):
        near = np.exp(
            -((x_mm - point[:, :1]) ** 2)[:, :, None] / (2 * WINDOW_MM**2)
            - ((y_mm - point[:, 1:]) ** 2)[:, None, :] / (2 * WINDOW_MM**2)
        )
        near *= weight
        along_x, along_y = near.sum(axis=2), near.sum(axis=1)
        total = np.maximum(along_x.sum(axis=1), np.finfo(np.float64).tiny)
        moved = np.stack([(along_x * x_mm).sum(axis=1), (along_y * y_mm).sum(axis=1)], axis=1)
        moved /= total[:, None]
        there = np.abs(moved - point).max(initial=0) < _ENOUGH_MM
        point = moved
        if there:
            break
    far = np.linalg.norm(point - start_mm, axis=1) > _FARTHEST_MM + max(volume.spacing_mm[:2])
    return np.where(far[:, None], start_mm, point)


def _windows(
    volume: SideVolume,
    slice_index: NDArray[np.int64],
    start_mm: NDArray[np.float64],
    channels: tuple[int, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(n, a) x and (n, b) y of the voxels around each start, mm, and (n, a, b) heights²."""
    sizes = volume.mean.shape[1:3]
    index, inside = [], []
    for axis in (0, 1):
        spacing = volume.spacing_mm[axis]
        reach = int(np.ceil(_RADIUS_MM / spacing))
        middle = np.rint(start_mm[:, axis, None] / spacing).astype(np.int64)
        voxel = middle + np.arange(-reach, reach + 1)
        inside.append((voxel >= 0) & (voxel < sizes[axis]))
        index.append(voxel)
    x, y = (np.clip(v, 0, n - 1) for v, n in zip(index, sizes, strict=True))
    weight = np.zeros((len(start_mm), x.shape[1], y.shape[1]))
    for channel in channels:
        heat = volume.mean[channel, x[:, :, None], y[:, None, :], slice_index[:, None, None]]
        weight += np.maximum(heat, 0).astype(np.float64) ** 2
    weight *= inside[0][:, :, None] & inside[1][:, None, :]
    x_mm, y_mm = (
        np.asarray(v * s, np.float64) for v, s in zip(index, volume.spacing_mm[:2], strict=True)
    )
    return x_mm, y_mm, weight

"""The known tool's way: cheapest paths through the heatmap of one artery at a time, in sections.

Every slice from the lowest to the highest that shows the artery gets a center; the arteries do not
know of each other until the common carotid is told from the external one at the end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.centers import ArteryCenters, SideCenters
from carotid.stages.centerline.cheapest_path import Pixel, cheapest_path
from carotid.stages.centerline.peaks import SlicePeaks, find_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.parameters import CenterlineParameters

Voxel = tuple[int, int, int]


def sections_centers(mean: NDArray[np.float32], parameters: CenterlineParameters) -> SideCenters:
    """Centers of one side's arteries.

    Args:
        mean: (2, x, y, z) float32, canonical.
        parameters: Height of a section, threshold, distance of one vessel.

    Raises:
        InputError: The heatmap holds NaN or infinity.
    """
    peaks = find_peaks(mean)
    top = np.float32(peaks.height.max())
    paths = []
    for channel in range(len(mean)):
        seeds = find_seeds(peaks, channel, parameters.threshold, parameters.step_size)
        paths.append(_centers_between(mean[channel], top, seeds))
    return tell_common(paths[0], paths[1], parameters.spatial_threshold)


def find_seeds(peaks: SlicePeaks, channel: int, threshold: float, step: int) -> list[Voxel]:
    """Voxels that an artery's path is led through, from low to high.

    They are the maxima of the lowest slice above the threshold, of each section but the last one,
    and of the highest slice; one seed where that is the only slice, none where there is none.
    """
    height = peaks.height[:, channel]
    above = np.flatnonzero(height > float(np.float32(threshold)))
    if not len(above):
        return []
    low, high = int(above[0]), int(above[-1])
    if low == high:
        return [_seed(peaks, channel, low, low + 1)]
    starts = list(range(low, high, step))
    sections = [(a, a + step) for a in starts[:-1]]
    ranges = [(low, low + 1), *sections, (high, high + 1)]
    return [_seed(peaks, channel, a, b) for a, b in ranges]


def _seed(peaks: SlicePeaks, channel: int, start: int, stop: int) -> Voxel:
    """The maximum of some slices; on a tie the smallest x, then y, then z."""
    height = peaks.height[start:stop, channel]
    return min(
        (int(x), int(y), start + int(k))
        for k in np.flatnonzero(height == height.max())
        for x, y in peaks.pixel[start + k : start + k + 1, channel]
    )


def _centers_between(
    heat: NDArray[np.float32], top: np.float32, seeds: list[Voxel]
) -> NDArray[np.int64]:
    """(n, 3) the voxels by which the cheapest paths between seeds enter each slice, from below.

    Args:
        heat: (x, y, z) one channel.
        top: The side's largest value: a voxel costs what it lacks to it.
        seeds: From low to high.
    """
    centers: list[NDArray[np.int64]] = [np.array(seeds[:1], np.int64).reshape(-1, 3)]
    for a, b in pairwise(seeds):
        if a[2] == b[2]:
            continue
        slices = heat[:, :, a[2] + 1 : b[2] + 1].transpose(2, 0, 1)
        path = cheapest_path(np.ascontiguousarray(top - slices), _pixel(a), _pixel(b))
        _, first = np.unique(path[:, 0], return_index=True)
        z, x, y = path[first].T
        centers.append(np.column_stack([x, y, z + a[2] + 1]))
    return np.concatenate(centers)


def _pixel(voxel: Voxel) -> Pixel:
    return voxel[0], voxel[1]


def tell_common(
    internal: NDArray[np.int64], external: NDArray[np.int64], near: float
) -> SideCenters:
    """Tell the common carotid, which both channels show, from the external one.

    Upwards from the first slice that both have, external centers are dropped as long as they are
    near the internal ones; what the external channel shows lower than the internal one does is
    common carotid, too.

    Args:
        internal: (n, 3) x, y, z of the internal channel, a center in every slice.
        external: (m, 3) of the external channel, likewise.
        near: In-plane distance in voxels up to which two centers are one vessel.
    """
    lowest = internal[0, 2] if len(internal) else 0
    relabelled = external[external[:, 2] < lowest]
    kept = external[external[:, 2] >= lowest]
    _, at_internal, at_external = np.intersect1d(internal[:, 2], kept[:, 2], return_indices=True)
    apart = np.hypot(*(internal[at_internal, :2] - kept[at_external, :2]).T) > near
    kept = kept[int(apart.argmax()) if apart.any() else len(apart) :]
    channel = np.repeat([1, 0], [len(relabelled), len(internal)])
    return SideCenters(
        ArteryCenters.of_voxels(np.concatenate([relabelled, internal]), channel),
        ArteryCenters.of_voxels(kept, np.ones(len(kept), np.int64)),
    )

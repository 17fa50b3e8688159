"""What a scan looks like where the maxima are: thin curved slabs, straightened vessels, sections.

A heatmap is believed when it lies on something that looks like a carotid: a dark lumen in a bright
wall. So the scan is shown at the depth of the maxima, not through the whole neck. All arrays are
canonical (x to R, y to A, z to S).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.report.drawing.views import Plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SLAB_MM = 8.0
"""Thickness of the slab that projections of the scan average over."""

STRIP_MM = 30.0
"""Width of a straightened vessel's picture."""

STRIP_DEPTH_MM = 2.0
"""Thickness that it averages over."""

SECTION_MM = 48.0
"""Largest width and height of an axial section."""

WIDEST_MM = 96.0
"""Largest width and height of a picture around outlines."""

_SMOOTH_MM = 12.0


@dataclass(frozen=True)
class Box:
    """A rectangle of an axial slice: canonical x and y from `start` up to `stop`."""

    start: tuple[int, int]
    stop: tuple[int, int]


def followed(
    position: NDArray[np.floating], known: NDArray[np.bool_], size: int, slice_mm: float
) -> NDArray[np.float64]:
    """A smooth way through the positions that are known, along z.

    Args:
        position: (z,) voxel index along one axis.
        known: (z,) where it counts.
        size: Voxels along that axis.
        slice_mm: Height of a slice.

    Returns:
        (z,) running median, interpolated and extended where nothing is known; the middle of the
        axis where nothing is known at all.
    """
    if not known.any():
        return np.full(position.shape, (size - 1) / 2)
    z = np.arange(position.size)
    filled = np.interp(z, z[known], np.asarray(position, np.float64)[known])
    reach = max(1, round(_SMOOTH_MM / 2 / slice_mm))
    padded = np.pad(filled, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1), np.float64)


def curved_slab(
    scan: NDArray[np.generic], axis: int, center: NDArray[np.floating], spacing_mm: float
) -> NDArray[np.float32]:
    """Average the scan over a slab that follows a way along z.

    Args:
        scan: (x, y, z).
        axis: 1 averages along y (coronal), 0 along x (sagittal).
        center: (z,) index along that axis.
        spacing_mm: Voxel size along that axis.

    Returns:
        (x, z) or (y, z).
    """
    size = scan.shape[axis]
    half = max(0, round(SLAB_MM / 2 / spacing_mm))
    planes = []
    for z in range(scan.shape[2]):
        middle = min(max(round(float(center[z])), 0), size - 1)
        part = slice(max(0, middle - half), min(size, middle + half + 1))
        block = scan[part, :, z] if axis == 0 else scan[:, part, z]
        planes.append(block.mean(axis=axis, dtype=np.float32))
    return np.stack(planes, axis=1)


def straightened(
    scan: NDArray[np.generic],
    way: NDArray[np.floating],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float32]:
    """The scan around a way along z, as if the way were straight.

    Args:
        scan: (x, y, z).
        way: (z, 2) canonical x and y.
        spacing_mm: Canonical voxel size.

    Returns:
        (w, z): w runs along x and has the way in its middle. Outside of the scan it is 0.
    """
    half_x = round(STRIP_MM / 2 / spacing_mm[0])
    half_y = round(STRIP_DEPTH_MM / 2 / spacing_mm[1])
    size_x, size_y, size_z = scan.shape
    out = np.zeros((2 * half_x + 1, size_z), np.float32)
    for z in range(size_z):
        x, y = (round(float(v)) for v in way[z])
        rows = slice(max(0, y - half_y), min(size_y, y + half_y + 1))
        low, high = max(0, x - half_x), min(size_x, x + half_x + 1)
        if low < high and rows.start < rows.stop:
            part = scan[low:high, rows, z].mean(axis=1, dtype=np.float32)
            out[low - x + half_x : high - x + half_x, z] = part
    return out


def cut_along(
    scan: NDArray[np.generic], way: NDArray[np.floating], across: int, half: int
) -> NDArray[np.float32]:
    """The scan along a line that follows a way along z, as if the way were straight.

    Args:
        scan: (x, y, z).
        way: (z, 2) canonical x and y.
        across: 0 cuts along x, 1 along y.
        half: Voxels on both sides of the way.

    Returns:
        (2 half + 1, z), the way in the middle; between voxels along the cut it is interpolated.
        Outside of the scan it is 0.
    """
    steps = np.arange(-half, half + 1)[:, None]
    first = np.floor(way[:, across]).astype(int)
    other = np.rint(way[:, 1 - across]).astype(int)
    share = (way[:, across] - first)[None, :]

    def line(shift: int) -> NDArray[np.float32]:
        index = [np.broadcast_to(other, (len(steps), len(way)))] * 2
        index[across] = first + steps + shift
        sizes = scan.shape[:2]
        inside = [(i >= 0) & (i < size) for i, size in zip(index, sizes, strict=True)]
        x, y = (np.clip(i, 0, size - 1) for i, size in zip(index, sizes, strict=True))
        return np.where(inside[0] & inside[1], scan[x, y, np.arange(len(way))], 0).astype("f4")

    return np.asarray((1 - share) * line(0) + share * line(1), np.float32)


def box_around(
    points: NDArray[np.floating], spacing_mm: tuple[float, float, float], least_mm: float
) -> Box:
    """A square with (n, 2) canonical points in its middle and some room; it may leave the scan.

    It is no wider than `WIDEST_MM`: points of no artery, far outside of the scan, would else make
    a picture that does not fit into memory.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    wide = min(max(least_mm, *((high - low) * spacing_mm[:2] + 4.0)), WIDEST_MM)
    start, stop = [], []
    for axis in (0, 1):
        count = max(1, round(wide / spacing_mm[axis]))
        first = round((low[axis] + high[axis] + 1 - count) / 2)
        start.append(first)
        stop.append(first + count)
    return Box((start[0], start[1]), (stop[0], stop[1]))


def axial_part(scan: NDArray[np.generic], box: Box, z: int) -> NDArray[np.float32]:
    """What a box shows of an axial slice; outside of the scan it is 0."""
    out = np.zeros((box.stop[0] - box.start[0], box.stop[1] - box.start[1]), np.float32)
    low = [max(start, 0) for start in box.start]
    high = [min(stop, size) for stop, size in zip(box.stop, scan.shape[:2], strict=True)]
    if low[0] < high[0] and low[1] < high[1]:
        (x, y), (x_stop, y_stop) = (
            [at - start for at, start in zip(ends, box.start, strict=True)] for ends in (low, high)
        )
        out[x:x_stop, y:y_stop] = scan[low[0] : high[0], low[1] : high[1], z]
    return out


def section_box(
    middle: Sequence[float], shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> Box:
    """The part of an axial slice around a point that a section shows; wholly inside the scan."""
    start, stop = [], []
    for axis in (0, 1):
        count = min(shape[axis], max(1, round(SECTION_MM / spacing_mm[axis])))
        first = min(max(round(middle[axis] - count / 2), 0), shape[axis] - count)
        start.append(first)
        stop.append(first + count)
    return Box((start[0], start[1]), (stop[0], stop[1]))


def section_plane(box: Box, spacing_mm: tuple[float, float, float]) -> Plane:
    """Where points of an axial slice lie in the picture of a box."""
    sizes = (box.stop[0] - box.start[0], box.stop[1] - box.start[1])
    return Plane(sizes, (spacing_mm[0], spacing_mm[1]), box.start)


def regular_heights(slices: int, count: int) -> list[int]:
    """The middles of `count` equal parts of the scan's height, from the top down."""
    count = min(count, slices)
    return sorted({int((k + 0.5) * slices / count) for k in range(count)}, reverse=True)

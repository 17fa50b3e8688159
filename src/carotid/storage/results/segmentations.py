"""One participant's masks on disk: four components a side, and one label map of both sides.

Masks are expanded, deflated and written a slab at a time, so that memory holds the part of the
neck around the vessels and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import SEGMENTATION_COMPONENTS, Segmentation, SideMasks
from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.storage.metaimage.read import iter_slabs, read_metaimage_header
from carotid.storage.metaimage.write import MetaImageWriter, verify_metaimage
from carotid.storage.results.layout import SegmentationLayout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid

SLAB_BYTES = 8 << 20
"""Voxels that are expanded at a time."""


def save_segmentation(segmentation: Segmentation, folder: Path) -> None:
    """Write one participant's masks, read them back and compare.

    Raises:
        OutputError: A file cannot be written, or does not read back as written.
    """
    layout, grid = SegmentationLayout(folder), segmentation.grid
    for side in SIDE_NAMES:
        _write(
            layout.masks(side), grid, len(SEGMENTATION_COMPONENTS), _masks_of(segmentation, side)
        )
    _write(layout.labels, grid, 1, segmentation.labels)


def load_segmentation(folder: Path) -> Segmentation:
    """Read one participant's masks.

    Raises:
        InputError: A file is missing, damaged, or does not fit the others.
    """
    layout = SegmentationLayout(folder)
    grids = [read_metaimage_header(layout.masks(side)).grid for side in SIDE_NAMES]
    if not grids[0].agrees_with(grids[1]):
        raise InputError("the masks of both sides lie on different grids", where=folder)
    left, right = (_read(layout.masks(side)) for side in SIDE_NAMES)
    return Segmentation(left, right, grids[0])


def _masks_of(
    segmentation: Segmentation, side: SideName
) -> Callable[[int, int], NDArray[np.uint8]]:
    return lambda first, stop: segmentation.masks(side, first, stop)


def _write(
    path: Path, grid: Grid, channels: int, slices: Callable[[int, int], NDArray[np.uint8]]
) -> None:
    """Write (c, i, j, k) slices, asked for by first and one past last."""
    step = _slices_per_slab(grid, channels)
    with MetaImageWriter(path, grid, channels, np.uint8) as writer:
        for first in range(0, grid.shape[2], step):
            slab = slices(first, min(first + step, grid.shape[2]))
            writer.write(np.ascontiguousarray(slab.transpose(3, 2, 1, 0)))
    verify_metaimage(path, grid, channels, writer.crc32, np.uint8)


def _slices_per_slab(grid: Grid, channels: int) -> int:
    return max(1, SLAB_BYTES // (grid.shape[0] * grid.shape[1] * channels))


def _read(path: Path) -> SideMasks:
    """Masks, cut to the part that is not zero."""
    header = read_metaimage_header(path)
    components = len(SEGMENTATION_COMPONENTS)
    if header.channels != components or header.dtype != np.uint8:
        raise InputError(
            "these are no masks of one side",
            where=path,
            found=f"{counted(header.channels, 'component')} of {header.dtype}",
            expected=f"{components} of uint8",
        )
    step = _slices_per_slab(header.grid, components)
    parts: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []
    for number, slab in enumerate(iter_slabs(path, step)):
        k, j, i, component = np.nonzero(slab)
        values = np.asarray(slab[k, j, i, component], np.uint8)
        parts.append((np.stack([component, i, j, k + number * step]), values))
    places = np.concatenate([place for place, _ in parts], axis=1)
    values = np.concatenate([value for _, value in parts])
    if not len(values):
        return SideMasks(np.zeros((components, 0, 0, 0), np.uint8), (0, 0, 0))
    if (values != 1).any():
        raise InputError(
            "these are no masks", where=path, found=f"a voxel of {values.max()}", expected="0 or 1"
        )
    low, high = places[1:].min(axis=1), places[1:].max(axis=1)
    masks = np.zeros((components, *(high - low + 1)), np.uint8)
    masks[places[0], *(places[1:] - low[:, None])] = 1
    return SideMasks(masks, (int(low[0]), int(low[1]), int(low[2])))

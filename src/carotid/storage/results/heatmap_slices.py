"""One participant's stored heatmaps as canonical slices, read one side and one file at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import counted
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.storage.metaimage.read import iter_slabs, read_metaimage_header, read_multichannel
from carotid.storage.results.heatmaps import load_max_indices
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


_SLAB_BYTES = 16 << 20


def open_heatmaps(folder: Path) -> StoredHeatmaps:
    """A participant's heatmaps in their folder; nothing is read before it is asked for."""
    return StoredHeatmaps(HeatmapLayout(folder))


@dataclass(frozen=True)
class StoredHeatmaps:
    """A participant's heatmaps in files; see `HeatmapSource`."""

    folder: HeatmapLayout

    @cached_property
    def grid(self) -> Grid:
        """The stored grid.

        Raises:
            InputError: The files cannot be read, or lie on different grids.
        """
        grids = {side: read_metaimage_header(self.folder.mean(side)).grid for side in SIDE_NAMES}
        if not grids["left"].agrees_with(grids["right"]):
            raise InputError(
                "the heatmaps of both sides lie on different grids", where=self.folder.root
            )
        return grids["left"]

    def slices(self, name: SideName) -> StoredSlices:
        """One side's canonical slices."""
        return StoredSlices(self.folder, name, self.grid)


@dataclass(frozen=True)
class StoredSlices:
    """One side's heatmaps in files; see `HeatmapSlices`.

    Attributes:
        folder: A participant's heatmaps.
        side: Which side.
        grid: The grid that its files must lie on.
    """

    folder: HeatmapLayout
    side: SideName
    grid: Grid

    @cached_property
    def max_indices(self) -> NDArray[np.int64]:
        """(members, 2, axial slices, 2), canonical x and y.

        Raises:
            InputError: The file cannot be read or does not fit the heatmap.
        """
        found = load_max_indices(self.folder, self.side)
        slices = self.grid.reoriented(CANONICAL).shape[2]
        if found.shape[2] != slices:
            raise InputError(
                "the maxima do not fit the heatmap",
                where=self.folder.max_indices(self.side),
                found=counted(found.shape[2], "slice"),
                expected=slices,
            )
        return found

    def mean(self) -> NDArray[np.float32]:
        """(2, x, y, z) float32, a canonical view of the file's voxels.

        Raises:
            InputError: The file cannot be read or is no heatmap of this participant.
        """
        path = self.folder.mean(self.side)
        array, grid = read_multichannel(path)
        self._check(path, len(array), grid)
        view = Reordering.between(grid, CANONICAL).view(array, first_axis=1)
        return np.asarray(view, np.float32)

    def std_at(self, channel: NDArray[np.int64], voxels: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) standard deviation; the file is read slab by slab, never as a whole.

        Raises:
            InputError: The file cannot be read or is no heatmap of this participant.
        """
        path = self.folder.std(self.side)
        header = read_metaimage_header(path)
        self._check(path, header.channels, header.grid)
        way = Reordering.between(header.grid, CANONICAL)
        stored = np.empty_like(voxels)
        for new, (old, flip) in enumerate(zip(way.axes, way.flips, strict=True)):
            along = voxels[:, new]
            stored[:, old] = header.grid.shape[old] - 1 - along if flip else along
        rows = max(1, _SLAB_BYTES * header.grid.shape[2] // max(header.voxel_bytes, 1))
        values = np.zeros(len(voxels), np.float32)
        start = 0
        for slab in iter_slabs(path, rows):
            here = (stored[:, 2] >= start) & (stored[:, 2] < start + len(slab))
            i, j, k = stored[here].T
            values[here] = slab[k - start, j, i, channel[here]]
            start += len(slab)
        return values

    def _check(self, path: Path, channels: int, grid: Grid) -> None:
        if channels != len(LABELS):
            raise InputError(
                "this is no heatmap of both arteries",
                where=path,
                found=counted(channels, "channel"),
                expected=len(LABELS),
            )
        if not grid.agrees_with(self.grid):
            raise InputError("the heatmaps of one participant lie on different grids", where=path)

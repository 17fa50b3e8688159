"""One participant's heatmaps on disk: written slab by slab, read back and checked, loaded."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Heatmaps, SideHeatmaps
from carotid.errors import InputError, OutputError
from carotid.geometry.sides import SIDE_NAMES, SideName
from carotid.storage.metaimage.read import read_multichannel
from carotid.storage.metaimage.write import MetaImageWriter, verify_metaimage
from carotid.storage.results.atomic import cannot_write
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid

_CHANNELS = 2
_FILES = 2
"""Mean and standard deviation are deflated at once."""

_SLABS_AHEAD = 2
"""Slabs that may wait or be written while the next one is made: a file waits for the disk now and
then, and the other one goes on."""


@dataclass(frozen=True, eq=False)
class SideSlabs:
    """A side's result as it is made: slabs in the order of the grid's slowest axis.

    Attributes:
        slabs: Pairs of mean and standard deviation, (k, j, i, 2) float32 each.
        max_indices: Gives the maxima, once all slabs were taken.
    """

    slabs: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]
    max_indices: Callable[[], NDArray[np.int64]]


def write_side(
    folder: HeatmapLayout, side: SideName, grid: Grid, made: SideSlabs, threads: int = _FILES
) -> None:
    """Write one side's files, read them back and compare.

    Args:
        folder: Where they belong.
        side: Which side.
        grid: The grid that they lie on.
        made: What they shall hold.
        threads: How many threads deflate, from two on.

    Raises:
        OutputError: Where a file cannot be written or does not read back as written.
    """
    try:
        folder.side(side).mkdir(parents=True)
    except OSError as error:
        raise cannot_write(folder.side(side), error) from error
    mean_path, std_path = folder.mean(side), folder.std(side)
    deflaters = ThreadPoolExecutor(threads, "carotid-pieces") if threads > _FILES else None
    with (
        deflaters or nullcontext(),
        MetaImageWriter(mean_path, grid, _CHANNELS, pool=deflaters) as mean,
        MetaImageWriter(std_path, grid, _CHANNELS, pool=deflaters) as std,
    ):
        _write_both(mean, std, made)
    with ThreadPoolExecutor(_FILES, "carotid-verify") as pool:
        checks = [
            pool.submit(verify_metaimage, path, grid, _CHANNELS, written.crc32)
            for path, written in ((mean_path, mean), (std_path, std))
        ]
        for check in checks:
            check.result()
    _write_indices(folder.max_indices(side), made.max_indices())


def _write_both(mean: MetaImageWriter, std: MetaImageWriter, made: SideSlabs) -> None:
    """Deflate and write both files at once, each in a thread, while the next slabs are made."""
    with (
        ThreadPoolExecutor(1, "carotid-mean") as mean_thread,
        ThreadPoolExecutor(1, "carotid-std") as std_thread,
    ):
        writing: deque[Future[None]] = deque()
        for mean_slab, std_slab in made.slabs:
            while len(writing) > _FILES * (_SLABS_AHEAD - 1):
                writing.popleft().result()
            writing.append(mean_thread.submit(mean.write, mean_slab))
            writing.append(std_thread.submit(std.write, std_slab))
            del mean_slab, std_slab  # the threads' alone
        writing.append(mean_thread.submit(mean.complete))
        writing.append(std_thread.submit(std.complete))
        while writing:
            writing.popleft().result()


def load_heatmaps(root: Path) -> Heatmaps:
    """Read one participant's heatmaps from their folder.

    Raises:
        InputError: Where a file is missing, damaged, or does not fit the others.
    """
    folder = HeatmapLayout(root)
    sides: dict[SideName, SideHeatmaps] = {}
    grids = []
    for side in SIDE_NAMES:
        mean, mean_grid = read_multichannel(folder.mean(side))
        std, std_grid = read_multichannel(folder.std(side))
        grids += [mean_grid, std_grid]
        sides[side] = SideHeatmaps(
            mean.astype(np.float32, copy=False),
            std.astype(np.float32, copy=False),
            load_max_indices(folder, side),
        )
    if not all(grids[0].agrees_with(grid) for grid in grids[1:]):
        raise InputError("the heatmaps of one participant lie on different grids", where=root)
    return Heatmaps(sides["left"], sides["right"], grids[0])


def load_max_indices(folder: HeatmapLayout, side: SideName) -> NDArray[np.int64]:
    """(members, 2, axial slices, 2) int64, canonical (x, y).

    Raises:
        InputError: Where the file is missing or damaged.
    """
    path = folder.max_indices(side)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the maxima cannot be read: {error}", where=path) from error
    if array.ndim != 4 or array.shape[1::2] != (_CHANNELS, 2) or array.dtype.kind not in "iu":
        raise InputError("these are no maxima of heatmaps", where=path, found=array.shape)
    return np.asarray(array, np.int64)


def _write_indices(path: Path, indices: NDArray[np.int64]) -> None:
    try:
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(indices, dtype="<i8"), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        same = np.array_equal(np.load(path, allow_pickle=False), indices)
    except (OSError, ValueError, EOFError) as error:
        system = error if isinstance(error, OSError) else OSError(str(error))
        raise cannot_write(path, system) from error
    if not same:
        raise OutputError("the file does not read back as written", where=path)

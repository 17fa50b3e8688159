"""Grids in several orders and tilted, and an array that is written on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tests.necks import turned

from carotid.geometry.grid import Grid
from carotid.storage.metaimage.write import MetaImageWriter

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


SHAPE = (3, 4, 7)


def grid_of(
    axes: NDArray[np.float64], shape: tuple[int, int, int] = SHAPE, spacing: Any = (0.35, 0.9, 2.5)
) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array(spacing)
    affine[:3, 3] = [-31.7, 12.25, 101.0]
    return Grid(shape, affine)


AXES = {
    "RAS": np.eye(3),
    "LPS": np.diag([-1.0, -1.0, 1.0]),
    "LAS": np.diag([-1.0, 1.0, 1.0]),
    "LSA": np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]]),
    "PSR": np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]]),
    "RAS, oblique": turned(10, -20, 30),
    "LIP, oblique": turned(-7, 12, 3) @ np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]),
}

GRID = grid_of(AXES["LIP, oblique"])
MEAN = np.random.default_rng(5).normal(size=(7, 4, 3, 2)).astype(np.float32)


def written(path: Path, array: NDArray[np.generic] = MEAN, grid: Grid = GRID, step: int = 2) -> int:
    """Write an array in slabs; the checksum."""
    with MetaImageWriter(path, grid, array.shape[3]) as writer:
        for start in range(0, len(array), step):
            writer.write(array[start : start + step])
    assert writer.bytes_written == path.stat().st_size
    return writer.crc32

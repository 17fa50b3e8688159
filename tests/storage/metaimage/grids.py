"""Grids in several orders and tilted, and an array that is written on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.geometry.grid import Grid
from carotid.storage.metaimage.write import (
    MetaImageWriter,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


SHAPE = (3, 4, 7)


def turned(degrees_x: float, degrees_y: float, degrees_z: float) -> NDArray[np.float64]:
    """A rotation about the three axes, one after the other."""
    x, y, z = np.deg2rad([degrees_x, degrees_y, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


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

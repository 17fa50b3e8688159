"""Tubes with a dark lumen and a bright wall on any grid, and a network that sees nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.surfaces import Chain

BLOOD, WALL, TISSUE = 0.0, 300.0, 100.0


def oblique_grid(orientation: str, shape: tuple[int, int, int] = (56, 48, 50)) -> Grid:
    """Anisotropic and tilted; canonical sizes differ, so sides cannot be mistaken."""
    turn = np.deg2rad(11)
    affine = np.eye(4)
    affine[:3, :3] = [
        [np.cos(turn), 0, np.sin(turn)],
        [0, 1, 0],
        [-np.sin(turn), 0, np.cos(turn)],
    ] @ np.diag([0.5, 0.6, 0.8])
    affine[:3, 3] = 12.0, -9.0, 30.0
    return Grid(shape, affine).reoriented(orientation)


def tube_scan(grid: Grid, *tubes: tuple[Chain, float]) -> Volume:
    """A scan of tubes: chains of spheres as lumens, and the thickness of their walls."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    at = grid.world_from_index(index.reshape(-1, 3).astype(np.float64))
    inner, outer = np.full(len(at), 99.0), np.full(len(at), 99.0)
    for start in range(0, len(at), 4096):
        part = slice(start, start + 4096)
        for chain, wall in tubes:
            distance = chain(at[part])
            inner[part] = np.minimum(inner[part], distance)
            outer[part] = np.minimum(outer[part], distance - wall)

    def share(distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(0.5 - distance / 0.6, 0, 1)

    signal = TISSUE + share(outer) * (WALL - TISSUE)
    signal += share(inner) * (BLOOD - signal)
    return Volume(signal.reshape(grid.shape).astype(np.float32), grid)


def see(image: torch.Tensor) -> torch.Tensor:
    """A stand-in for the network: from the center on, dark is lumen and bright is wall."""
    bright = image[:, 0]
    top = bright.amax(dim=(2, 3), keepdim=True)
    dark = bright.le(0.58 * top)
    lumen = torch.cummin(dark.float(), dim=3).values
    # One threshold for both, so that no cell lies between lumen and wall.
    outer = torch.cummin(torch.maximum(lumen, 1 - dark.float()), dim=3).values
    return torch.stack([lumen * 40 - 20, outer * 40 - 20], dim=1)

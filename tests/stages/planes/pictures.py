"""Pictures of balls as a scanner measures them, and through a window over k-space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHAPE = 96, 88, 80
SPACING_MM = 0.5, 0.5, 0.5


def balls(rng: np.random.Generator, shape: Sequence[int] = SHAPE) -> NDArray[np.float64]:
    """Bright and dark balls that are long along the last axis, each voxel the mean of its parts."""
    fine = np.full([2 * n for n in shape], 0.6, np.float32)
    for _ in range(160):
        center = rng.uniform(0, fine.shape)
        half = rng.uniform(4, 20) * np.array([1, 1, 2.5])
        low, high = np.maximum(center - half, 0).astype(int), (center + half).astype(int) + 1
        box = fine[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        at = np.ogrid[tuple(slice(a, a + n) for a, n in zip(low, box.shape, strict=True))]
        away = sum(((x - c) / h) ** 2 for x, c, h in zip(at, center, half, strict=True))
        box[away < 1] = rng.uniform(0, 1.2)
    pairs = [part for n in shape for part in (n, 2)]
    return np.asarray(fine.reshape(pairs).mean(axis=(1, 3, 5)), np.float64)


def through(
    picture: NDArray[np.float64], axes: Sequence[int], end: float = 0.7, last: float = 0.2
) -> NDArray[np.float64]:
    """A picture through a window that falls from half of `end` on and is 0 behind it."""
    spectrum = np.fft.fftn(picture)
    for axis in axes:
        at = 2 * np.abs(np.fft.fftfreq(picture.shape[axis]))
        fall = np.clip(2 * at / end - 1, 0, 1)
        window = np.where(at <= end, last + (1 - last) * 0.5 * (1 + np.cos(np.pi * fall)), 0)
        spectrum *= np.expand_dims(window, [a for a in range(3) if a != axis])
    return np.asarray(np.fft.ifftn(spectrum).real)


def scan(magnitude: NDArray[np.float64], spacing_mm: Sequence[float] = SPACING_MM) -> Volume:
    """A picture as a scan in R-A-S that stores whole numbers."""
    grid = Grid(
        (magnitude.shape[0], magnitude.shape[1], magnitude.shape[2]), np.diag([*spacing_mm, 1.0])
    )
    return Volume(np.rint(magnitude * 700).astype(np.int16), grid)

"""Tiny necks that look the same to nobody: no two sides, ends or axes are alike."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (38, 21, 26)
SPACING_MM = (0.8, 0.9, 0.7)

ORDERS = [
    "".join(letters) for axes in permutations(("RL", "AP", "SI")) for letters in product(*axes)
]
"""All 48 ways to store a volume."""

_SOME_ORDERS = {"LPS", *ORDERS[::5]}

ORDERS_OF_FILES = [
    order if order in _SOME_ORDERS else pytest.param(order, marks=pytest.mark.slow)
    for order in ORDERS
]
"""The same for tests that write and read many files: ordinary ones take 11, among which is every
sequence of axes and every set of directions; slow ones take the others."""

BLOBS_MM = ((-9.0, 3.0, -4.0, 2.5, 90.0), (7.0, -2.0, 5.0, 3.5, 60.0), (2.0, 4.0, -7.0, 2.0, -40.0))
"""x, y, z (R-A-S), radius and height: a high one on the left, a broad one on the right."""


def affine_of(tilt: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """R-A-S affine of the canonical neck, its middle at the origin."""
    affine = np.eye(4)
    turn = np.eye(3) if tilt is None else tilt
    affine[:3, :3] = turn * np.array(SPACING_MM)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return affine


def neck() -> NDArray[np.float32]:
    """(x, y, z) float32, canonical: blobs on a slope that differs along each axis."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(index @ affine_of()[:3, :3].T + affine_of()[:3, 3], -1, 0)
    values = 50 + 0.5 * x + 0.9 * y + 0.3 * z
    for x0, y0, z0, radius, height in BLOBS_MM:
        square = (x - x0) ** 2 + (y - y0) ** 2 + (z - z0) ** 2
        values = values + height * np.exp(-square / (2 * radius**2))
    return np.asarray(values, np.float32)


def stored(
    array: NDArray[Any], affine: NDArray[np.float64], order: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """A canonical volume as it would be stored in another order; written out, axis by axis."""
    old = "RAS"
    axes = [next(a for a in range(3) if letter in ("RL", "AP", "SI")[a]) for letter in order]
    flips = [letter != old[a] for letter, a in zip(order, axes, strict=True)]
    moved = np.transpose(array, axes)
    new = affine.copy()
    for k, (a, flip) in enumerate(zip(axes, flips, strict=True)):
        new[:3, k] = -affine[:3, a] if flip else affine[:3, a]
        if flip:
            moved = np.flip(moved, k)
            new[:3, 3] += affine[:3, a] * (array.shape[a] - 1)
    return np.ascontiguousarray(moved), new


def turned(degrees_x: float, degrees_y: float, degrees_z: float) -> NDArray[np.float64]:
    """A rotation about the three axes, one after the other."""
    x, y, z = np.deg2rad([degrees_x, degrees_y, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def write_scan(path: Path, scale: float = 1.0) -> Path:
    """Write the neck as `.mha`, stored L-P-S, as int16."""
    import SimpleITK

    array, affine = stored(neck(), affine_of(), "LPS")
    image = SimpleITK.GetImageFromArray((array * scale).astype(np.int16).transpose(2, 1, 0))
    image.SetSpacing(SPACING_MM)
    image.SetOrigin((-affine[0, 3], -affine[1, 3], affine[2, 3]))
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))
    return path

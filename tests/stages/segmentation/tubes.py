"""Tubes whose place is known: contours of a neck whose sides differ, on any stored grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tests.necks import stored

from carotid.artifacts import Contours, CrossSection, Outline
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName

SHAPE = (62, 41, 60)
SPACING_MM = (0.5, 0.8, 0.9)

TUBES: dict[tuple[SideName, Label], tuple[float, float, float, float]] = {
    ("left", "internal"): (15.3, 22.7, 5.5, 7.5),
    ("left", "external"): (17.6, 12.2, 3.5, 4.5),
    ("right", "internal"): (43.4, 18.6, 4.0, 6.5),
    ("right", "external"): (45.1, 31.9, 3.2, 4.2),
}
"""x and y in the lowest slice, and radius of lumen and outer wall, voxels."""

SLICES: dict[tuple[SideName, Label], range] = {
    ("left", "internal"): range(2, 55),
    ("left", "external"): range(22, 55),
    ("right", "internal"): range(5, 60),
    ("right", "external"): range(29, 60),
}


def grid_of(order: str, turn: NDArray[np.float64] | None = None) -> Grid:
    """The stored grid of such a neck."""
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(SPACING_MM)
    affine[:3, 3] = (-12.5, 7.25, -80)
    array, other = stored(np.zeros(SHAPE, np.uint8), affine, order)
    return Grid(array.shape, other)


def center(side: SideName, label: Label, z: int) -> NDArray[np.float64]:
    """x and y of a tube in a slice."""
    x, y, _, _ = TUBES[side, label]
    return np.array([x + 0.13 * z, y - 0.11 * z])


def tubes(grid: Grid, *, grid_is_known: bool = True) -> Contours:
    """The contours of all tubes."""
    angles = 2 * np.pi * np.arange(64) / 64
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def section(side: SideName, label: Label, z: int) -> CrossSection:
        middle, (_, _, lumen, outer) = center(side, label, z), TUBES[side, label]
        outlines = (Outline.of_points(middle + radius * around) for radius in (lumen, outer))
        return CrossSection(label, z, *outlines)

    left, right = (
        tuple(
            section(side, label, z)
            for (name, label), slices in sorted(SLICES.items())
            if name == side
            for z in slices
        )
        for side in SIDE_NAMES
    )
    return Contours(left, right, grid.reoriented("RAS"), grid if grid_is_known else None)

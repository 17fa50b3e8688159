"""A box in the patient that a scan is cropped to, as one reads it off in a viewer.

Limits are R-A-S millimetres, as viewers show them. A scan whose axes lie oblique to them is cropped
along its own axes, to the smallest block that has all of the box.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import inf, isfinite
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid

Ranges = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First voxel, and one past the last, of each axis."""

EXPECTED = "letters of R, A, S with two limits in mm each, such as 'A -20 40 S -80 60'"

_BACKWARDS = {"L": "R", "P": "A", "I": "S"}
_OUTSIDE_MM = 1e-6
_PARALLEL = 1e-9


@dataclass(frozen=True)
class Crop:
    """A box along the patient's axes; axes that are not limited are infinite.

    Attributes:
        limits_mm: Lowest and highest R, A and S.
    """

    limits_mm: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a box from words.

        >>> str(Crop.parse("s -80 60  P -40 20"))
        'A -20 40 S -80 60'

        Raises:
            ValueError: It is not written as it should be, or has no inside.
        """
        words = text.split()
        limits = dict.fromkeys(CANONICAL, (-inf, inf))
        given = [word.upper() for word in words[::3]]
        axes = [_BACKWARDS.get(letter, letter) for letter in given]
        if not words or len(words) % 3 or set(axes) - set(CANONICAL) or len(set(axes)) < len(axes):
            message = f"must be {EXPECTED}"
            raise ValueError(message)
        for letter, axis, *ends in zip(given, axes, words[1::3], words[2::3], strict=True):
            low, high = (_number(one) for one in ends)
            if not low < high:
                message = f"the first limit of {letter} must be below the second"
                raise ValueError(message)
            limits[axis] = (-high, -low) if letter in _BACKWARDS else (low, high)
        return cls((limits["R"], limits["A"], limits["S"]))

    def __str__(self) -> str:
        return " ".join(
            f"{letter} {low:g} {high:g}"
            for letter, (low, high) in zip(CANONICAL, self.limits_mm, strict=True)
            if isfinite(low)
        )

    def voxels(self, grid: Grid) -> Ranges:
        """The block of a grid that has every voxel whose center lies in the box.

        It is the smallest one along the grid's axes that spans what both share.

        Args:
            grid: In any orientation.

        Raises:
            InputError: No voxel lies in the box.
        """
        corners = _shared_corners(grid, self)
        if not len(corners):
            lowest, highest = _extent_mm(grid)
            raise InputError(
                "the crop misses the scan",
                found=str(self),
                expected="a box that meets it; it lies at "
                + " ".join(
                    f"{letter} {low:.1f} {high:.1f}"
                    for letter, low, high in zip(CANONICAL, lowest, highest, strict=True)
                ),
            )
        low = np.ceil(corners.min(axis=0) - _OUTSIDE_MM).astype(int)
        high = np.floor(corners.max(axis=0) + _OUTSIDE_MM).astype(int)
        if (high < low).any():
            raise InputError(
                "the crop lies between two slices of the scan: it has no voxel",
                found=str(self),
                remedy="make the box larger",
            )
        i, j, k = ((int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
        return i, j, k


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = inf
    if not isfinite(value):
        message = f"must be {EXPECTED}"
        raise ValueError(message)
    return value


def _extent_mm(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest R, A and S of the voxel centers."""
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape])).reshape(3, -1).T
    world = grid.world_from_index(ends)
    return world.min(axis=0), world.max(axis=0)


def _shared_corners(grid: Grid, crop: Crop) -> NDArray[np.float64]:
    """(n, 3) voxel indices of the corners of what a box shares with the voxel centers of a grid.

    Both are convex and bounded by planes; a corner is where three of them meet within all others.
    """
    to_world, offset = grid.affine[:3, :3], grid.affine[:3, 3]
    normals, limits = [], []
    for axis in range(3):
        unit = np.eye(3)[axis]
        low, high = crop.limits_mm[axis]
        normals += [unit, -unit, to_world[axis], -to_world[axis]]
        limits += [grid.shape[axis] - 1.0, 0.0, high - offset[axis], offset[axis] - low]
    finite = np.isfinite(limits)
    planes, ends = np.array(normals)[finite], np.array(limits)[finite]
    lengths = np.linalg.norm(planes, axis=1)
    planes, ends = planes / lengths[:, None], ends / lengths
    triples = np.array(list(combinations(range(len(ends)), 3)))
    meeting = planes[triples]
    some = np.abs(np.linalg.det(meeting)) > _PARALLEL
    points = np.linalg.solve(meeting[some], ends[triples[some]][..., None])[..., 0]
    inside = (points @ planes.T <= ends + _OUTSIDE_MM).all(axis=1)
    return np.asarray(points[inside], np.float64)

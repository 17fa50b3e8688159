"""Voxels on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError
from carotid.geometry.grid import Grid, Reordering

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar image in the patient.

    Attributes:
        array: (i, j, k) real numbers in the grid's index order; any strides.
        grid: Where the voxels lie.
    """

    array: NDArray[np.generic]
    grid: Grid

    def __post_init__(self) -> None:
        if not isinstance(self.array, np.ndarray):
            raise InputError(
                "the voxels are not an array",
                found=type(self.array).__name__,
                expected="a NumPy array",
                remedy="give numpy.asarray(...) of them",
            )
        if not isinstance(self.grid, Grid):
            raise InputError(
                "a volume needs to know where it lies",
                found=type(self.grid).__name__,
                expected="Grid(array.shape, affine)",
            )
        if self.array.shape != self.grid.shape:
            raise InputError(
                "the voxels do not fit the grid",
                found="x".join(str(n) for n in self.array.shape),
                expected="x".join(str(n) for n in self.grid.shape),
            )
        if isinstance(self.array, np.ma.MaskedArray):
            object.__setattr__(self, "array", _without_mask(self.array))
        if self.array.dtype.kind not in "iuf":
            raise InputError(
                "the voxels are not real numbers", found=self.array.dtype, expected="int or float"
            )

    @property
    def orientation(self) -> str:
        """The direction in which each index grows, such as RAS."""
        return self.grid.orientation

    def with_array(self, array: NDArray[np.generic]) -> Volume:
        """Other voxels in the same place."""
        return Volume(array, self.grid)

    def reoriented(self, orientation: str) -> Volume:
        """The same voxels in another index order, as a view."""
        way = Reordering.between(self.grid, orientation)
        return Volume(way.view(self.array), way.grid(self.grid))

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Volume:
        """The voxels from `start` up to, but not with, `stop`, as a view."""
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        affine = self.grid.affine.copy()
        affine[:3, 3] = self.grid.world_from_index(np.array(start))
        array = self.array[box]
        return Volume(array, Grid((array.shape[0], array.shape[1], array.shape[2]), affine))


def _without_mask(
    array: np.ma.MaskedArray[tuple[int, ...], np.dtype[np.generic]],
) -> NDArray[np.generic]:
    """The voxels of an array whose mask hides none of them."""
    hidden = int(np.count_nonzero(np.ma.getmaskarray(array)))
    if hidden:
        raise InputError(
            "the array has masked voxels, and their mask would be lost",
            found=f"{hidden} of {array.size} voxels masked",
            remedy="give array.filled(value), with what these voxels shall count as",
        )
    return array.data

"""How canonical voxels lie in a picture: the radiological way.

Coronal pictures are seen from the front and axial ones from the feet, so the patient's right is on
the left of the picture; sagittal ones have anterior on the left. Superior is up, and so is anterior
in an axial picture. In terms of canonical indices these three are one rule: the first axis of a
plane runs along the picture's columns, the second one along its rows, and both run backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES = {"coronal": (0, 2), "sagittal": (1, 2), "axial": (0, 1)}
"""Canonical axes of each kind of plane: along the columns, along the rows."""

LETTERS = {"coronal": "RLSI", "sagittal": "APSI", "axial": "RLAP"}
"""What is at the left, right, upper and lower border of each kind of picture."""


def picture(plane: NDArray[np.floating]) -> NDArray[np.floating]:
    """A canonical plane, (first, second), as rows and columns of a picture; a view."""
    return plane.T[::-1, ::-1]


@dataclass(frozen=True)
class Plane:
    """The grid of a plane, to place points in its picture.

    Attributes:
        sizes: Voxels along the first and the second axis.
        spacing_mm: Of both.
        start: First voxel of both that the picture shows.
    """

    sizes: tuple[int, int]
    spacing_mm: tuple[float, float]
    start: tuple[int, int] = (0, 0)

    def points(
        self,
        first: NDArray[np.floating] | NDArray[np.integer],
        second: NDArray[np.floating] | NDArray[np.integer],
    ) -> NDArray[np.float64]:
        """(n, 2) millimetres right and down from the picture's upper left corner."""
        across = self.sizes[0] - 0.5 - (np.asarray(first, np.float64) - self.start[0])
        down = self.sizes[1] - 0.5 - (np.asarray(second, np.float64) - self.start[1])
        return np.stack([across * self.spacing_mm[0], down * self.spacing_mm[1]], axis=-1)

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height of the picture."""
        return self.sizes[0] * self.spacing_mm[0], self.sizes[1] * self.spacing_mm[1]


def plane_of(
    kind: str, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> Plane:
    """The plane of a whole projection."""
    a, b = AXES[kind]
    return Plane((shape[a], shape[b]), (spacing_mm[a], spacing_mm[b]))

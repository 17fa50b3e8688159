"""Planes across a curve, and rays in them: frames that follow the curve without twist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIGHT = np.array([1.0, 0.0, 0.0])
"""Direction to which ray 0 of the first plane points as nearly as it can: the patient's right."""


@dataclass(frozen=True, eq=False)
class Planes:
    """Planes across a curve, in the order of the curve; R-A-S mm.

    Attributes:
        centers: (n, 3) where the curve meets the planes.
        tangents: (n, 3) unit normals of the planes.
        first: (n, 3) unit vectors in the planes: the direction of ray 0.
        along_mm: (n,) arc length from the curve's first point.
    """

    centers: NDArray[np.float64]
    tangents: NDArray[np.float64]
    first: NDArray[np.float64]
    along_mm: NDArray[np.float64]

    @classmethod
    def across(
        cls, curve: NDArray[np.float64], step_mm: float, tangent_reach_mm: float = 2.0
    ) -> Self:
        """Planes at even steps of arc length along a curve.

        Args:
            curve: (m, 3) points, m ≥ 2, R-A-S mm.
            step_mm: Distance of the planes along the curve.
            tangent_reach_mm: Tangents join the curve's points this far before and behind.
        """
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        along = np.arange(0, length[-1] + 1e-9, step_mm)
        ahead, behind = (
            _at(curve, length, along + d) for d in (tangent_reach_mm, -tangent_reach_mm)
        )
        tangents = ahead - behind
        tangents /= np.maximum(np.linalg.norm(tangents, axis=1), 1e-12)[:, None]
        return cls(_at(curve, length, along), tangents, carried_along(tangents), along)

    def __len__(self) -> int:
        return len(self.centers)

    def part(self, which: slice | NDArray[np.intp]) -> Planes:
        """Some of the planes."""
        return Planes(
            self.centers[which], self.tangents[which], self.first[which], self.along_mm[which]
        )

    @property
    def second(self) -> NDArray[np.float64]:
        """(n, 3) unit vectors in the planes, a quarter turn from `first` about the tangent."""
        return np.cross(self.tangents, self.first)

    def directions(self, rays: int) -> NDArray[np.float64]:
        """(n, rays, 3) unit vectors of rays at even angles, from `first` towards `second`."""
        turn = 2 * np.pi * np.arange(rays) / rays
        return (
            np.cos(turn)[:, None] * self.first[:, None]
            + np.sin(turn)[:, None] * self.second[:, None]
        )


def carried_along(tangents: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector across each tangent: each the one before, turned as little as may be.

    >>> up = np.array([[0.0, 0, 1], [0, 0.6, 0.8], [0, 1, 0]])
    >>> carried_along(up)
    array([[1., 0., 0.],
           [1., 0., 0.],
           [1., 0., 0.]])
    """
    out = np.empty_like(tangents)
    before = RIGHT if len(tangents) and abs(tangents[0] @ RIGHT) < 0.95 else np.array([0, 1.0, 0])
    for k, tangent in enumerate(tangents):
        across = before - (before @ tangent) * tangent
        norm = np.linalg.norm(across)
        if norm < 1e-6:  # a turn by a right angle within one step
            across = np.cross(tangent, np.roll(tangent, 1))
            norm = np.linalg.norm(across)
        out[k] = before = across / norm
    return out


def _at(
    curve: NDArray[np.float64], length: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.column_stack([np.interp(wanted, length, curve[:, k]) for k in range(3)])

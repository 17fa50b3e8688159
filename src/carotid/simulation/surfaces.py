"""Surfaces of arteries as signed distances that can be asked anywhere, and where rays leave them.

An artery is painted as a chain of spheres. The same chain, asked at any point, is the truth about
its outline in any plane: the picture's edge is at half its step where the distance is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Distance = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
"""(n, 3) points to (n,) signed distances from a surface, both in mm; negative inside, and NaN where
it is not known."""

_MARCH_MM = 0.75
_SECANT_STEPS = 3


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain of spheres with cones between them.

    Attributes:
        points: (n, 3) centers, mm.
        radius: (n,) mm.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64]

    def __call__(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance at (n, 3) points, which should lie close together: one plane's."""
        if not len(at_mm):
            return np.zeros(0)
        keep = self._near(at_mm)
        start, step = self.points[keep], self._steps[keep]
        grow, radius = self.radius[keep + 1] - self.radius[keep], self.radius[keep]
        length2 = np.maximum((step**2).sum(axis=1), 1e-9)
        # |at − start − t·step|² by products of matrices, which numpy does fastest. Distances are
        # taken from the points' mean so that squares do not swallow digits.
        middle = at_mm.mean(axis=0)
        at, begin = at_mm - middle, start - middle
        dot = at @ step.T - (begin * step).sum(axis=1)
        t = np.clip(dot / length2, 0, 1)
        square = (at**2).sum(axis=1)[:, None] - 2 * at @ begin.T + (begin**2).sum(axis=1)
        square += t * (t * length2 - 2 * dot)
        distance = np.sqrt(np.maximum(square, 0)) - radius - t * grow
        nearest: NDArray[np.float64] = distance.min(axis=1)
        return nearest

    @cached_property
    def _steps(self) -> NDArray[np.float64]:
        return np.diff(self.points, axis=0)

    @cached_property
    def _lengths(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(self._steps, axis=1))

    def _near(self, at_mm: NDArray[np.float64]) -> NDArray[np.intp]:
        """The segments that can be nearest to any of the points."""
        middle = (at_mm.min(axis=0) + at_mm.max(axis=0)) / 2
        reach = float(np.sqrt(((at_mm - middle) ** 2).sum(axis=1).max()))
        away = np.sqrt(((self.points - middle) ** 2).sum(axis=1)) - self.radius
        at_most = float(away.min()) + reach
        at_least = np.minimum(away[:-1], away[1:]) - self._lengths - reach
        return np.flatnonzero(at_least <= at_most)


def union(surfaces: tuple[Distance, ...]) -> Distance:
    """The surface around several bodies together; what one does not know the others tell."""

    def distance(at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.fmin.reduce([one(at_mm) for one in surfaces]))

    return distance


def exit_radii(
    surface: Distance,
    center: NDArray[np.float64],
    directions: NDArray[np.float64],
    reach_mm: float,
) -> NDArray[np.float64]:
    """Where rays from a point leave a body for the first time.

    Args:
        surface: Signed distance from the body's surface.
        center: (3,) where the rays begin.
        directions: (n, 3) unit vectors.
        reach_mm: Rays end there.

    Returns:
        (n,) distances in mm; NaN where the ray begins outside, does not leave before its end, or
        comes to where the body is not known.
    """
    marks = np.arange(0, reach_mm + _MARCH_MM, _MARCH_MM)
    at = center + directions[:, None] * marks[:, None]
    value = surface(at.reshape(-1, 3)).reshape(len(directions), len(marks))
    outside = ~(value < 0)  # where it is not known, too
    rows = np.arange(len(directions))
    after = outside.argmax(axis=1)
    leaves = ~outside[:, 0] & outside.any(axis=1)
    after = np.where(leaves, after, 1)
    low, high = marks[after - 1], marks[after]
    at_low, at_high = value[rows, after - 1], value[rows, after]
    found = low
    for _ in range(_SECANT_STEPS):
        # Regula falsi: the crossing stays between `low` and `high`.
        found = low - at_low * (high - low) / np.where(at_high != at_low, at_high - at_low, 1)
        at_found = surface(center + directions * found[:, None])
        inside = at_found < 0
        low, at_low = np.where(inside, found, low), np.where(inside, at_found, at_low)
        high, at_high = np.where(inside, high, found), np.where(inside, at_high, at_found)
    return np.where(leaves, found, np.nan)

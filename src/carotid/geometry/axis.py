"""The smooth course of an artery: where it is, which way it runs and how long it is.

Everything is in the scan's own millimetres: canonical voxel indices times the voxel sizes, so that
the third coordinate is the height of an axial slice. Lengths, angles and areas are those of the
patient, because the grid's axes are at right angles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP_MM = 0.25
_STIFF = 1e-3
"""How much a straight course is preferred where few points lie in the window."""


@dataclass(frozen=True, eq=False)
class Axis:
    """A smoothed course at rising heights, dense enough to be joined by straight lines.

    Attributes:
        points_mm: (n, 3) scan millimetres; the third coordinate rises.
        slopes: (n, 2) shift of the first two coordinates per height.
        s_mm: (n,) length along the course, 0 at the lowest point.
    """

    points_mm: NDArray[np.float64]
    slopes: NDArray[np.float64]
    s_mm: NDArray[np.float64]

    @classmethod
    def through(cls, points_mm: NDArray[np.float64], smoothing_mm: float) -> Self:
        """Smooth (n, 3) points that rise in height; n ≥ 1.

        At every height a parabola is fitted to the points around, with normal weights of the
        standard deviation `smoothing_mm`: curved courses are not cut short.
        """
        low, high = points_mm[0, 2], points_mm[-1, 2]
        steps = max(int(np.ceil((high - low) / _STEP_MM)), 1)
        heights = np.linspace(low, high, steps + 1) if high > low else np.array([low])
        place, slopes = _local_parabola(points_mm, heights, smoothing_mm)
        length = np.sqrt(1 + (slopes**2).sum(axis=1))
        pieces = np.diff(heights) * (length[1:] + length[:-1]) / 2
        s = np.concatenate([[0.0], np.cumsum(pieces)])
        return cls(np.column_stack([place, heights]), slopes, s)

    def s_at(self, heights_mm: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Length along the course at heights; beyond its ends it goes on straight."""
        heights = np.asarray(heights_mm, np.float64)
        inside = np.clip(heights, self.points_mm[0, 2], self.points_mm[-1, 2])
        s = np.interp(inside, self.points_mm[:, 2], self.s_mm)
        rate = np.sqrt(1 + (self._slopes_at(inside) ** 2).sum(axis=-1))
        return np.asarray(s + (heights - inside) * rate, np.float64)

    def heights_at(self, s_mm: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Heights at lengths along the course: the inverse of `s_at`."""
        s = np.asarray(s_mm, np.float64)
        inside = np.clip(s, self.s_mm[0], self.s_mm[-1])
        heights = np.interp(inside, self.s_mm, self.points_mm[:, 2])
        rate = np.sqrt(1 + (self._slopes_at(heights) ** 2).sum(axis=-1))
        return np.asarray(heights + (s - inside) / rate, np.float64)

    def at(self, heights_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(s, 3) points at (s,) heights; beyond the ends the course goes on straight."""
        inside = np.clip(heights_mm, self.points_mm[0, 2], self.points_mm[-1, 2])
        place = [np.interp(inside, self.points_mm[:, 2], self.points_mm[:, k]) for k in (0, 1)]
        beyond = (heights_mm - inside)[:, None] * self._slopes_at(inside)
        return np.column_stack([np.stack(place, axis=1) + beyond, heights_mm])

    def tangents(self, heights_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(s, 3) unit vectors along the course, upwards, at (s,) heights."""
        inside = np.clip(heights_mm, self.points_mm[0, 2], self.points_mm[-1, 2])
        along = np.column_stack([self._slopes_at(inside), np.ones(len(inside))])
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True), np.float64)

    def _slopes_at(self, heights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(
            [np.interp(heights, self.points_mm[:, 2], self.slopes[:, k]) for k in (0, 1)], axis=-1
        )


def _local_parabola(
    points: NDArray[np.float64], heights: NDArray[np.float64], width_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Value and slope, (h, 2) each, of parabolas fitted around each height."""
    if len(points) == 1:
        return np.repeat(points[:, :2], len(heights), axis=0), np.zeros((len(heights), 2))
    offset = (points[None, :, 2] - heights[:, None]) / width_mm
    # Relative to the nearest point, so that a gap wider than the window leaves weights behind.
    nearest = np.abs(offset).min(axis=1, keepdims=True)
    weights = np.exp(-0.5 * (offset**2 - nearest**2))
    moments, right = [], []
    for power in range(5):
        moments.append(weights.sum(axis=1))
        if power < 3:
            right.append(weights @ points[:, :2])
        weights = weights * offset
    system = np.stack([[moments[a + b] for b in range(3)] for a in range(3)]).transpose(2, 0, 1)
    system = system + np.diag([0.0, _STIFF, 1.0]) * _STIFF * moments[0][:, None, None]
    fitted = np.linalg.solve(system, np.stack(right, axis=1))
    return fitted[:, 0], fitted[:, 1] / width_mm

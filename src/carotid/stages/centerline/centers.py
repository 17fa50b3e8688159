"""Centers that a method has found, and what the heatmaps are worth there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Centerline, SideCenterlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Bifurcation, HeatmapSlices

_POINT_DIGITS = 4
"""Decimals of a voxel index that are kept: a ten-thousandth of a voxel."""

_VALUE_FORMAT = ".8g"
"""Digits that are kept of values: a little more than float32 has."""


@dataclass(frozen=True, eq=False)
class ArteryCenters:
    """One artery's centers as a method has found them.

    Attributes:
        points: (n, 3) float64 canonical voxel indices x, y, z; z whole and rising.
        channel: (n,) int64, the channel of the heatmap that shows each of them.
        uncertainty_mm: (n,) float64 expected error; NaN where unknown.
    """

    points: NDArray[np.float64]
    channel: NDArray[np.int64]
    uncertainty_mm: NDArray[np.float64]

    @classmethod
    def of_voxels(cls, voxels: NDArray[np.int64], channel: NDArray[np.int64]) -> ArteryCenters:
        """Centers in whole voxels of which no uncertainty is known."""
        return cls(voxels.astype(np.float64), channel, np.full(len(voxels), np.nan))

    def tidied(self) -> ArteryCenters:
        """The same with as many digits as are written to a table, so that it reads back equal."""
        points = np.round(self.points, _POINT_DIGITS)
        return ArteryCenters(points, self.channel, np.round(self.uncertainty_mm, 3))


@dataclass(frozen=True, eq=False)
class SideCenters:
    """What a method has found on one side; see `SideCenterlines`."""

    internal: ArteryCenters
    external: ArteryCenters
    bifurcation: Bifurcation | None = None

    @property
    def arteries(self) -> tuple[ArteryCenters, ArteryCenters]:
        """Internal and external, in the order of the labels."""
        return self.internal, self.external

    def tidied(self) -> SideCenters:
        """The same with as many digits as are written."""
        fork = self.bifurcation
        if fork is not None:
            point = np.round(fork.point, _POINT_DIGITS)
            fork = replace(fork, point=point, uncertainty_mm=round(fork.uncertainty_mm, 3))
        return SideCenters(self.internal.tidied(), self.external.tidied(), fork)


@dataclass(frozen=True, eq=False)
class Corners:
    """The four voxels around each of some centers, in their slices, with their weights.

    Attributes:
        channel: (4 n,) the channel of the heatmap to look at.
        voxels: (4 n, 3) int64 canonical x, y, z.
        weight: (n, 4) float64, linear in x and y.
    """

    channel: NDArray[np.int64]
    voxels: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def around(cls, centers: Sequence[ArteryCenters], shape: tuple[int, ...]) -> Corners:
        """Those of several arteries' centers, one artery after the other.

        Args:
            centers: The arteries.
            shape: Canonical voxels of the scan.
        """
        points = np.concatenate([one.points for one in centers])
        last = np.array(shape[:2]) - 1
        inside = np.clip(points[:, :2], 0, last)
        low = np.minimum(np.floor(inside), np.maximum(last - 1, 0))
        share = inside - low
        corner = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
        weight = np.abs(1 - corner - share[:, None]).prod(axis=2)
        pixel = np.minimum(low[:, None] + corner, last)
        z = np.broadcast_to(points[:, None, 2:], (len(points), 4, 1))
        voxels = np.rint(np.concatenate([pixel, z], axis=2)).astype(np.int64)
        channel = np.concatenate([one.channel for one in centers])
        return cls(np.repeat(channel, 4), voxels.reshape(-1, 3), weight)

    def mixed(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n,) linear between the (4 n,) values at the voxels."""
        of_each = values.reshape(-1, 4).astype(np.float64)
        return np.asarray((self.weight * of_each).sum(axis=1), np.float64)


def max_distances(max_indices: NDArray[np.int64], centers: ArteryCenters) -> NDArray[np.float64]:
    """Mean over the members of the distance from a center to their maximum in its slice, voxels.

    Args:
        max_indices: (members, 2, axial slices, 2) canonical x and y.
        centers: (n) centers.
    """
    z = np.rint(centers.points[:, 2]).astype(np.int64)
    maxima = max_indices[:, centers.channel, z]
    return np.asarray(np.linalg.norm(maxima - centers.points[:, :2], axis=-1).mean(axis=0))


def with_values(
    found: SideCenters,
    mean_value: NDArray[np.float64],
    std_value: NDArray[np.float64],
    slices: HeatmapSlices,
) -> SideCenterlines:
    """The noun that a side's centers become.

    Args:
        found: The centers.
        mean_value: Mean heatmap at the internal centers, then at the external ones.
        std_value: Standard deviation there, likewise.
        slices: The side's heatmaps.
    """
    made = []
    first = 0
    for centers in found.arteries:
        own = slice(first, first + len(centers.points))
        first = own.stop
        distances = max_distances(slices.max_indices, centers)
        values = [_rounded(v) for v in (mean_value[own], std_value[own], distances)]
        made.append(
            Centerline(centers.points, values[0], values[1], values[2], centers.uncertainty_mm)
        )
    return SideCenterlines(made[0], made[1], found.bifurcation)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(format(value, _VALUE_FORMAT)) for value in values], np.float64)

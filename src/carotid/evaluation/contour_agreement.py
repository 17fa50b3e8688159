"""How well two cross-sections of one artery in one slice agree: overlap and distances, exact.

Overlap is of the outlines themselves, without a raster. Distances are to the other outline, not to
its points: a circle of few points, turned by half a step, is close to itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import nearest
from carotid.geometry.polygons import areas, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_PIECE_MM = 0.05
"""Outlines are cut into pieces of at most this length for the mean surface distance."""

_TOGETHER = 1 << 20
"""Distances of points to edges that are computed at a time."""


@dataclass(frozen=True, eq=False)
class PointDistances:
    """From each point of one outline to another outline.

    Attributes:
        to_points_voxels: (n,) to its nearest point, in voxels, as the known tool has it.
        mm: (n,) to its nearest place, in mm.
    """

    to_points_voxels: NDArray[np.float64]
    mm: NDArray[np.float64]


@dataclass(frozen=True)
class OutlineAgreement:
    """Two outlines of one object.

    Attributes:
        area_1_mm2, area_2_mm2: What each encloses.
        mean_surface_distance_mm: Mean distance of both outlines to the other one, by length.
        hausdorff_mm: The largest distance of either to the other one.
    """

    area_1_mm2: float
    area_2_mm2: float
    mean_surface_distance_mm: float
    hausdorff_mm: float


def lumen_dice(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Dice of what two outlines enclose; NaN where neither encloses anything."""
    both, one, other = areas([first, second], lambda a, b: a & b, lambda a, _: a, lambda _, b: b)
    return 2 * both / (one + other) if one + other > 0 else float("nan")


def wall_dice(
    first_lumen: NDArray[np.float64],
    first_wall: NDArray[np.float64],
    second_lumen: NDArray[np.float64],
    second_wall: NDArray[np.float64],
) -> float:
    """Dice of what lies inside the outer outline and not inside the lumen; NaN as above.

    So a lumen that reaches beyond its outer outline takes nothing away outside.
    """
    both, one, other = areas(
        [first_lumen, first_wall, second_lumen, second_wall],
        lambda l1, w1, l2, w2: w1 & ~l1 & w2 & ~l2,
        lambda l1, w1, *_: w1 & ~l1,
        lambda _, __, l2, w2: w2 & ~l2,
    )
    return 2 * both / (one + other) if one + other > 0 else float("nan")


def point_distances(
    first: NDArray[np.float64], second: NDArray[np.float64], spacing_mm: NDArray[np.float64]
) -> PointDistances:
    """From every point of the first outline (n, 2) to the second, both in voxels."""
    gaps = first[:, None] - second
    to_points = np.sqrt((gaps**2).sum(axis=2)).min(axis=1)
    return PointDistances(to_points, distances(first * spacing_mm, second * spacing_mm))


def outline_agreement(
    first_mm: NDArray[np.float64], second_mm: NDArray[np.float64]
) -> OutlineAgreement:
    """Areas and distances of two outlines, (n, 2) and (m, 2) in mm."""
    one, other = areas([first_mm, second_mm], lambda a, _: a, lambda _, b: b)
    total = length = largest = 0.0
    for this, that in ((first_mm, second_mm), (second_mm, first_mm)):
        middles, lengths = pieces(this, LONGEST_PIECE_MM)
        away = distances(middles, that)
        total += float(away @ lengths)
        length += float(lengths.sum())
        largest = max(largest, float(away.max()), float(distances(this, that).max()))
    mean = total / length if length > 0 else largest
    return OutlineAgreement(one, other, mean, largest)


def distances(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distance of each of (n, 2) points to the nearest place on a closed outline."""
    step = max(1, _TOGETHER // len(outline))
    parts = [
        nearest(points[None, start : start + step], outline[None])[0][0]
        for start in range(0, len(points), step)
    ]
    return np.concatenate(parts)

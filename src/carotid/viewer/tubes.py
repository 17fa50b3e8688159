"""Outlines of an artery as rings of equally many points, which a page joins to a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import centroids, equal_arcs, stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Outline
    from carotid.geometry.sides import SideName

RING = 40
"""Points of a ring."""


@dataclass(frozen=True, eq=False)
class Rings:
    """One boundary of an artery in k slices.

    Attributes:
        points_mm: (k, `RING`, 2) scan millimetres, counter-clockwise seen from the head, from
            the most anterior point on; NaN where the slice has no outline.
        middles_mm: (k, 2) centers of the areas.
    """

    points_mm: NDArray[np.float64]
    middles_mm: NDArray[np.float64]


def rings_of(outlines: Sequence[Outline | None], spacing_mm: Sequence[float]) -> Rings:
    """Make rings of a boundary's outlines in voxels."""
    points = np.full((len(outlines), RING, 2), np.nan)
    middles = np.full((len(outlines), 2), np.nan)
    there = [k for k, one in enumerate(outlines) if one is not None and len(one.points) > 2]
    if there:
        scale = np.array(spacing_mm[:2])
        whole = stacked(
            [one.points * scale for one in outlines if one is not None and len(one.points) > 2]
        )
        rings = equal_arcs(whole, RING)
        middles[there] = centroids(whole)
        first = (rings[..., 1] - middles[there][:, None, 1]).argmax(axis=1)
        order = (first[:, None] + np.arange(RING)) % RING
        points[there] = np.take_along_axis(rings, order[..., None], axis=1)
    return Rings(points, middles)


def thickness_at(
    rings: Rings, thickness_mm: NDArray[np.float64], side: SideName
) -> NDArray[np.float64]:
    """(k, `RING`) thickness of the wall at the points of rings.

    Args:
        rings: The outer outlines, or the lumen's.
        thickness_mm: (k, directions) from anterior towards lateral.
        side: Whose; lateral is to the right on the right side.
    """
    spokes = rings.points_mm - rings.middles_mm[:, None]
    outward = 1.0 if side == "right" else -1.0
    turn = np.arctan2(outward * spokes[..., 0], spokes[..., 1]) / (2 * np.pi)
    count = thickness_mm.shape[1]
    place = np.nan_to_num(turn % 1.0) * count
    low = np.floor(place).astype(np.int64) % count
    share = place - np.floor(place)
    rows = np.arange(len(place))[:, None]
    mixed = (1 - share) * thickness_mm[rows, low] + share * thickness_mm[rows, (low + 1) % count]
    return np.asarray(np.where(np.isfinite(turn), mixed, np.nan), np.float64)

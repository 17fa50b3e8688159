"""Places that an artery may pass through: the local maxima of the heatmaps, level by level.

Each level also gets the strongest maxima of its neighbours and of the other channel, so that an
artery may fade for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.levels import SideVolume

LOWEST = 10.0
"""Height that a maximum must have to be looked at at all."""

MOST_OWN, MOST = 6, 10
"""Most candidates of a level and channel: maxima of its own, and with those that it gets."""

_OWN_APART_MM, _APART_MM = 1.5, 1.0
"""Least distance between maxima of a level, and between all its candidates."""

_LENT = ((0, 3), (-1, 3), (1, 3), (-2, 3), (2, 3), (-4, 1), (4, 1), (-7, 1), (7, 1))
"""How many levels up which maxima are taken from, and how many; 0 is the other channel's."""

_LOOKED_AT = 24
"""Maxima of a level and channel that are sorted by height and distance."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Where an artery may be, level by level; places that are not used are NaN.

    Attributes:
        point_mm: (levels, 2, MOST, 2) x and y from the first voxel, per channel.
        height: (levels, 2, MOST, 2) at each of them the height in both channels.
        highest: (levels, 2) the largest height of each channel.
    """

    point_mm: NDArray[np.float64]
    height: NDArray[np.float64]
    highest: NDArray[np.float64]


def find_candidates(volume: SideVolume) -> Candidates:
    """Find the candidates of all levels.

    Raises:
        InputError: The heatmaps hold NaN or infinity.
    """
    maxima, highest = [], []
    for block in volume.blocks():
        highest.append(block.max(axis=(2, 3)))
        maxima += [
            _strongest_maxima(level, volume.spacing_mm)
            for level in block.reshape(-1, *block.shape[2:])
        ]
    found = np.stack(maxima).reshape(-1, 2, _LOOKED_AT, 2)
    point_mm = np.full((len(found), 2, MOST, 2), np.nan)
    _add(point_mm, found, MOST_OWN, _OWN_APART_MM)
    own = point_mm[:, :, :MOST_OWN].copy()
    for up, count in _LENT:
        lent = own[:, ::-1] if up == 0 else _shifted(own, up)
        _add(point_mm, lent[:, :, :count], MOST, _APART_MM)
    return Candidates(point_mm, _heights(volume, point_mm), np.concatenate(highest))


def _strongest_maxima(
    heat: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """(_LOOKED_AT, 2) the local maxima of a level's channel, highest first, between voxels; mm."""
    found = np.full((_LOOKED_AT, 2), np.nan)
    x, y = np.nonzero(heat > LOWEST)
    if not len(x):
        return found
    rim = np.pad(heat, 1, constant_values=-np.inf)
    here = heat[x, y]
    top = np.ones(len(x), np.bool_)
    for dx, dy in np.ndindex(3, 3):
        near = rim[x + dx, y + dy]
        # of neighbours that are equally high the one with the smallest x, then y, is the maximum
        top &= here > near if (dx, dy) < (1, 1) else here >= near
    x, y, here = x[top], y[top], here[top]
    order = np.argsort(-here, kind="stable")[:_LOOKED_AT]
    x, y, here = x[order], y[order], here[order]
    found[: len(x), 0] = x + _vertex(rim[x, y + 1], here, rim[x + 2, y + 1])
    found[: len(x), 1] = y + _vertex(rim[x + 1, y], here, rim[x + 1, y + 2])
    return np.asarray(found * spacing_mm[:2])


def _vertex(
    below: NDArray[np.float32], here: NDArray[np.float32], above: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Where the parabola through three values of a maximum has its top, from the middle one."""
    low, high = (np.where(np.isfinite(v), v, here).astype(np.float64) for v in (below, above))
    bend = 2 * here - low - high
    return np.asarray(np.where(bend > 0, (high - low) / 2 / np.where(bend > 0, bend, 1), 0))


def _shifted(own: NDArray[np.float64], up: int) -> NDArray[np.float64]:
    """For each level the candidates of the one that lies `up` levels above it, NaN beyond."""
    index = np.arange(len(own)) + up
    lent = own[np.clip(index, 0, len(own) - 1)]
    lent[(index < 0) | (index >= len(own))] = np.nan
    return lent


def _add(into: NDArray[np.float64], new: NDArray[np.float64], most: int, apart_mm: float) -> None:
    """Add candidates, in their order, that are far enough from those that are there.

    Args:
        into: (levels, 2, MOST, 2), filled from the front.
        new: (levels, 2, n, 2).
        most: How many there may be.
        apart_mm: Least distance.
    """
    for k in range(new.shape[2]):
        one = new[:, :, k]
        count = np.isfinite(into[..., 0]).sum(axis=2)
        gap = np.linalg.norm(into - one[:, :, None], axis=3)
        far = np.nan_to_num(gap, nan=np.inf).min(axis=2) > apart_mm
        level, channel = np.nonzero(np.isfinite(one[..., 0]) & far & (count < most))
        into[level, channel, count[level, channel]] = one[level, channel]


def _heights(volume: SideVolume, point_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(levels, 2, MOST, 2) mean heights over the slices of a level; NaN where there is no point."""
    inside = np.nan_to_num(point_mm)
    total = np.zeros(point_mm.shape)
    stops = np.minimum(volume.starts + volume.step, volume.slices)
    for k in range(volume.step):
        z = np.minimum(volume.starts + k, stops - 1)
        index = np.broadcast_to(z[:, None, None], point_mm.shape[:3])
        total += volume.heights(index, inside) / volume.step
    total[np.isnan(point_mm[..., 0])] = np.nan
    return total

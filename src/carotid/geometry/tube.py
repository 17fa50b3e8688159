"""A vessel's border as a surface through its axial outlines, cut by planes across the vessel.

In each axial slice the border is a radius per angle about one center; between slices radii and
centers lie on straight lines. So a straight oblique tube is represented exactly, whatever the
distance of its slices. Coordinates are the scan's own millimetres, as in `axis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import inside, radii

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANGLES = 72
"""Rays of a slice, and of a plane across the vessel: one every 5 degrees."""

_ITERATIONS = 40
_CLOSE_MM = 0.005
_FARTHEST = 3
"""How often its largest radius a plane may reach: a tube that is cut 70° obliquely."""
_STEPS = 128
"""In how many steps a ray is followed so far: 0.2 mm each where radii reach 8 mm."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A border in k axial slices.

    Attributes:
        heights_mm: (k,) rising.
        centers_mm: (k, 2).
        radii_mm: (k, `ANGLES`) from the center, towards angles that count from the first to the
            second coordinate.
        spread_mm: (k, `ANGLES`) standard deviation of the radii; NaN where unknown.
    """

    heights_mm: NDArray[np.float64]
    centers_mm: NDArray[np.float64]
    radii_mm: NDArray[np.float64]
    spread_mm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.heights_mm)


@dataclass(frozen=True, eq=False)
class Cut:
    """Where planes meet a tube.

    Attributes:
        radii_mm: (s, `ANGLES`) from the plane's center; NaN in all angles of a plane that does not
            meet the tube all round.
        spread_mm: (s, `ANGLES`) standard deviation of these; NaN where unknown.
    """

    radii_mm: NDArray[np.float64]
    spread_mm: NDArray[np.float64]


def ray_angles() -> NDArray[np.float64]:
    """(`ANGLES`,) radians."""
    return np.asarray(2 * np.pi * np.arange(ANGLES) / ANGLES, np.float64)


def tube_through(
    heights_mm: NDArray[np.float64],
    centers_mm: NDArray[np.float64],
    outlines_mm: NDArray[np.float64],
    spread_mm: NDArray[np.float64],
) -> Tube:
    """The tube through axial outlines.

    Slices whose outline does not lie around its center are left out.

    Args:
        heights_mm: (k,) rising.
        centers_mm: (k, 2).
        outlines_mm: (k, n, 2).
        spread_mm: (k, n) of each point's distance from the center.
    """
    found = radii(outlines_mm, centers_mm, ray_angles())
    around = inside(centers_mm[:, None], outlines_mm)[:, 0] & np.isfinite(found).all(axis=1)
    spoke = outlines_mm - centers_mm[:, None]
    turns = np.arctan2(spoke[..., 1], spoke[..., 0])
    spread = np.full(found.shape, np.nan)
    for k in np.flatnonzero(around & np.isfinite(spread_mm).all(axis=1)):
        spread[k] = np.interp(ray_angles(), turns[k], spread_mm[k], period=2 * np.pi)
    return Tube(heights_mm[around], centers_mm[around], found[around], spread[around])


def cut(
    tube: Tube,
    origins_mm: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    max_gap_mm: float,
) -> Cut:
    """Cut a tube by planes.

    Args:
        tube: The tube.
        origins_mm: (s, 3) a point of each plane inside the tube.
        first: (s, 3) unit vector in each plane, towards angle 0.
        second: (s, 3) unit vector in each plane, towards a right angle.
        max_gap_mm: Slices further apart are not joined, and the tube does not go on further than
            half of this beyond its ends, nor at either side of a gap.
    """
    s = len(origins_mm)
    nothing = np.full((s, ANGLES), np.nan)
    if len(tube) == 0:
        return Cut(nothing, nothing.copy())
    turns = ray_angles()
    toward = np.cos(turns)[:, None] * first[:, None] + np.sin(turns)[:, None] * second[:, None]
    distance = np.full((s, ANGLES), float(np.median(tube.radii_mm)))
    change = np.full((s, ANGLES), np.inf)
    where = _Where.of(tube, origins_mm[:, None] + distance[..., None] * toward)
    for _ in range(_ITERATIONS):
        with np.errstate(all="ignore"):
            better = np.where(
                where.from_center > 0, distance * where.radius / where.from_center, distance
            )
        better = np.clip(better, distance / 2, distance * 2)
        change = np.abs(better - distance)
        distance = better
        where = _Where.of(tube, origins_mm[:, None] + distance[..., None] * toward)
        if change.max() < _CLOSE_MM / 10:
            break
    # Where a tube narrows fast, as behind the flow divider, the iteration goes to and fro.
    for plane in np.flatnonzero((change >= _CLOSE_MM).any(axis=1)):
        stuck = change[plane] >= _CLOSE_MM
        found = _first_crossing(tube, origins_mm[plane], toward[plane, stuck])
        distance[plane, stuck] = np.where(np.isnan(found), distance[plane, stuck], found)
        change[plane, stuck] = np.where(np.isnan(found), np.inf, 0)
    where = _Where.of(tube, origins_mm[:, None] + distance[..., None] * toward)
    met = (change < _CLOSE_MM) & (where.gap <= max_gap_mm) & (where.beyond <= max_gap_mm / 2)
    distance[~met.all(axis=1)] = np.nan
    with np.errstate(all="ignore"):
        spread = where.spread * distance / where.from_center
    return Cut(distance, spread)


def _first_crossing(
    tube: Tube, origin_mm: NDArray[np.float64], toward: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) mm: how far (n, 3) directions run within the tube; NaN where they do not leave it."""
    steps = np.linspace(0, _FARTHEST * tube.radii_mm.max(), _STEPS + 1)

    def outside(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
        at = _Where.of(tube, origin_mm + distance[..., None] * toward[:, None])
        return np.asarray(at.from_center >= at.radius, np.bool_)

    left = outside(np.broadcast_to(steps, (len(toward), len(steps))))
    first = left.argmax(axis=1)
    low, high = steps[first - 1][:, None], steps[first][:, None]
    while (high - low).max() > _CLOSE_MM / 10:
        middle = (low + high) / 2
        beyond = outside(middle)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return np.where(left.any(axis=1) & ~left[:, 0], high[:, 0], np.nan)


@dataclass(frozen=True, eq=False)
class _Where:
    """Points seen from the tube's center at their height.

    Attributes:
        from_center: Distance from the center.
        radius: The tube's radius in that direction.
        spread: Its standard deviation.
        gap: Distance of the two slices between which the point lies.
        beyond: How far it lies above the highest or below the lowest slice.
    """

    from_center: NDArray[np.float64]
    radius: NDArray[np.float64]
    spread: NDArray[np.float64]
    gap: NDArray[np.float64]
    beyond: NDArray[np.float64]

    @classmethod
    def of(cls, tube: Tube, points: NDArray[np.float64]) -> _Where:
        heights = points[..., 2]
        low, high = tube.heights_mm[0], tube.heights_mm[-1]
        k = np.clip(np.searchsorted(tube.heights_mm, heights) - 1, 0, max(len(tube) - 2, 0))
        up = np.minimum(k + 1, len(tube) - 1)
        gap = tube.heights_mm[up] - tube.heights_mm[k]
        with np.errstate(all="ignore"):
            share = np.where(gap > 0, (heights - tube.heights_mm[k]) / gap, 0)
        # Centers go on in a straight line beyond the ends, radii stay as they are.
        steady = np.clip(share, 0, 1)
        center = _mix(tube.centers_mm[k], tube.centers_mm[up], share[..., None])
        offset = points[..., :2] - center
        turn = np.arctan2(offset[..., 1], offset[..., 0]) / (2 * np.pi) * ANGLES
        a = np.floor(turn).astype(np.int64)
        part = turn - a
        left, right = a % ANGLES, (a + 1) % ANGLES

        def looked_up(table: NDArray[np.float64]) -> NDArray[np.float64]:
            below = _mix(table[k, left], table[k, right], part)
            return _mix(below, _mix(table[up, left], table[up, right], part), steady)

        return cls(
            np.linalg.norm(offset, axis=-1),
            looked_up(tube.radii_mm),
            looked_up(tube.spread_mm),
            gap,
            np.maximum(np.maximum(heights - high, low - heights), 0),
        )


def _mix(
    one: NDArray[np.float64], other: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(one + share * (other - one), np.float64)

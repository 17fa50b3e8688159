"""The second simulator's carotids: splines through a few points, with plaque as a lobe.

Shares nothing with the first simulator; see `benchmarks.second_simulator`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree
from scipy.special import expit

from carotid.simulation.truth import Feature, TrueArtery, TrueSide

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Vessel:
    """A curve with a radius, a wall and an eccentric thickening.

    Attributes:
        points: (n, 3) x, y, z in mm.
        radius: (n,) of the lumen.
        wall: Thickness of the healthy wall.
        thickening: (n,) of the wall on its thickest side.
        thick_side: Direction of that side in the x-y plane, radians.
        open_up_to: Height up to which it has a lumen; above it is filled.
        fill: How bright what fills it is, as a share of the wall's signal.
    """

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    wall: float
    thickening: NDArray[np.float64]
    thick_side: float
    open_up_to: float = np.inf
    fill: float = 1.0

    def shifted(self, dy_mm: NDArray[np.float64]) -> Vessel:
        """The vessel with each of its points moved along y."""
        points = self.points.copy()
        points[:, 1] += dy_mm
        return replace(self, points=points)


def _spline(
    heights: list[float], values: list[float], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(PchipInterpolator(heights, values, extrapolate=True)(z))


def draw_arteries(
    rng: np.random.Generator, z: NDArray[np.float64], sign: float, *, hard: bool
) -> tuple[Vessel, Vessel, float, bool]:
    """Common with internal, external, height of the bifurcation, whether the internal is medial."""
    top = float(z[-1])
    fork = top * rng.uniform(0.25, 0.6)
    medial = bool(rng.random() < 0.1)
    out, back = rng.uniform(21, 27), rng.uniform(-5, 5)
    spread = -1.0 if medial else 1.0
    i_out, e_out = rng.uniform(1.5, 6.0) * spread, rng.uniform(-1.0, 4.0) * spread
    i_back, e_front = rng.uniform(1.5, 6), rng.uniform(2.5, 7)
    near, far = fork + rng.uniform(9, 15), fork + rng.uniform(26, 36)
    high = max(top + 3, far + 5)
    low = -3.0
    wave = rng.normal(0, 1.2, 6)
    low_h, i_h = [low, fork * 0.5, fork], [near, far, high]
    base_x = [out - 4 + wave[0], out - 1.5 + wave[1], out]
    base_y = [back - 3 + wave[2], back + wave[3] * 0.5, back]
    zi = np.arange(low, high, 0.3)
    internal_x = _spline(
        low_h + i_h,
        [*base_x, out + i_out, out + i_out + wave[4], out + i_out * 0.6 + wave[5]],
        zi,
    )
    internal_y = _spline(
        low_h + i_h, [*base_y, back - i_back, back - i_back + wave[2], back - i_back * 1.1], zi
    )
    end = high if rng.random() < 0.5 else fork + rng.uniform(22, 60)
    ze = zi[(zi >= fork) & (zi <= end)]
    external_x = _spline(
        [fork, near, far, high],
        [out, out - e_out, out - e_out * 0.7 + wave[3], out + wave[4]],
        ze,
    )
    external_y = _spline(
        [fork, near, far, high], [back, back + e_front, back + e_front * 1.3, back + e_front], ze
    )
    common_r = float(np.clip(rng.normal(3.15, 0.45), 2.2, 4.2))
    internal_r = float(np.clip(rng.normal(2.4, 0.35), 1.6, 3.2))
    external_r = float(np.clip(rng.normal(1.9, 0.3), 1.2, 2.6))
    bulb = float(np.clip(rng.normal(3.7, 0.4), 2.8, 4.6))
    length = rng.uniform(8, 14)
    knots = [low - 1, fork - 8, fork + 2, fork + 2 + length, high + 9]
    ri = _spline(knots, [common_r, common_r, bulb, internal_r, internal_r * 0.9], zi)
    re = external_r * (1 - 0.35 * np.clip((ze - fork) / 60, 0, 1))
    thick = np.zeros_like(zi)
    if hard:
        for _ in range(int(rng.integers(1, 3))):
            at = rng.normal(fork + 4, 8)
            amount = rng.uniform(1.0, 3.5)
            thick += amount * np.exp(-0.5 * ((zi - at) / rng.uniform(3, 7)) ** 2)
        ri = ri * (1 - rng.uniform(0, 0.4) * np.clip(thick / 4, 0, 1))
    wall = rng.uniform(0.8, 1.2)
    side = rng.uniform(0, 2 * np.pi)
    internal = Vessel(np.column_stack([sign * internal_x, internal_y, zi]), ri, wall, thick, side)
    external = Vessel(
        np.column_stack([sign * external_x, external_y, ze]),
        re,
        wall * 0.85,
        np.zeros_like(ze),
        0.0,
    )
    return internal, external, fork, medial


def add_carotids(
    rng: np.random.Generator,
    image: NDArray[np.floating],
    axes: tuple[NDArray[np.float64], ...],
    arteries: tuple[Vessel, Vessel, float],
    sign: float,
    contrast: float,
    *,
    hard: bool,
) -> dict[str, Feature]:
    """Paint one side's arteries, and twigs of the external one.

    Args:
        rng: Source of chance.
        image: (x, y, z), painted on in place.
        axes: Positions of its voxels, mm.
        arteries: Common with internal carotid, external carotid, height of the bifurcation.
        sign: 1 where x grows away from the midline, else -1.
        contrast: Signal of blood, before it is suppressed.
        hard: Poor suppression, and slow flow in the bulb.

    Returns:
        What was made.
    """
    internal, external, fork = arteries
    wall_signal = rng.uniform(0.95, 1.25) if not hard else rng.uniform(0.75, 1.15)
    blood = max(0.02, contrast * rng.uniform(0.05, 0.35) * (1.8 if hard else 1.0))
    vessels = [internal, external]
    if rng.random() < 0.6:
        vessels += [_twig(rng, external, sign) for _ in range(int(rng.integers(1, 4)))]
    box, inner, outer = _distance_fields(vessels, axes)
    part = image[box]
    inside = expit(-outer / 0.22)
    part += inside * (wall_signal - part)
    if np.isfinite(internal.open_up_to):
        _, whole, _ = _distance_fields([replace(internal, open_up_to=np.inf)], axes, box)
        filled = np.maximum(whole, internal.open_up_to - axes[2][box[2]])
        part += expit(-filled / 0.22) * (internal.fill * wall_signal - part)
    lumen = np.full(part.shape, blood)
    slow = bool(hard and rng.random() < 0.8)
    if slow:
        z = axes[2][box[2]]
        along = np.exp(-0.5 * ((z - fork - rng.uniform(0, 8)) / rng.uniform(3, 8)) ** 2)
        rim = np.exp(np.clip(inner, -6, 0) / rng.uniform(0.4, 1.5))
        lumen += rng.uniform(0.3, 0.8) * wall_signal * rim * along[None, None, :]
    part += (lumen - part) * expit(-inner / 0.22)
    return {"slow_flow": slow, "plaque_mm": float(internal.thickening.max())}


def true_side(
    internal: Vessel, external: Vessel, fork: float, made: dict[str, Feature]
) -> TrueSide:
    """The truth about one side's arteries."""
    top = internal.points[np.argmin(np.abs(internal.points[:, 2] - fork))]
    return TrueSide(_truth(internal), _truth(external), top, made)


def _truth(vessel: Vessel) -> TrueArtery:
    wall = np.full(len(vessel.radius), vessel.wall)
    radius = np.where(vessel.points[:, 2] < vessel.open_up_to, vessel.radius, 0.0)
    lumen, outer = (_Surface(vessel, outer=outer) for outer in (False, True))
    return TrueArtery(vessel.points, radius, wall, vessel.thickening, lumen, outer)


@dataclass(eq=False)
class _Surface:
    """Distance from a vessel's lumen or outer wall, by the nearest point of its curve."""

    vessel: Vessel
    outer: bool

    def __post_init__(self) -> None:
        self._tree = cKDTree(self.vessel.points)

    def __call__(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        distance, nearest = self._tree.query(at_mm)
        surface = distance - self.vessel.radius[nearest]
        if not self.outer:
            return np.asarray(np.maximum(surface, at_mm[:, 2] - self.vessel.open_up_to))
        gap = at_mm - self.vessel.points[nearest]
        return np.asarray(surface - _coat(self.vessel, gap, nearest))


def _coat(
    vessel: Vessel, gap: NDArray[np.float64], nearest: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Thickness of the wall towards points at `gap` from the nearest points of the curve."""
    angle = np.arctan2(gap[:, 1], gap[:, 0])
    lobe = np.clip(np.cos(angle - vessel.thick_side), 0, 1) ** 1.5
    return np.asarray(vessel.wall + vessel.thickening[nearest] * lobe)


def add_vessel(
    image: NDArray[np.floating],
    axes: tuple[NDArray[np.float64], ...],
    vessel: Vessel,
    wall_signal: float,
    blood: float,
) -> None:
    """Paint a vessel that is no carotid."""
    box, inner, outer = _distance_fields([vessel], axes)
    part = image[box]
    part += expit(-outer / 0.22) * (wall_signal - part)
    part += expit(-inner / 0.22) * (blood - part)


def _twig(rng: np.random.Generator, parent: Vessel, sign: float) -> Vessel:
    start = parent.points[int(rng.integers(5, max(6, len(parent.points) - 5)))]
    forward = np.array([sign * rng.uniform(-1, 0.4), rng.uniform(0.2, 1), rng.uniform(-0.4, 1)])
    t = np.arange(0, rng.uniform(8, 25), 0.3)[:, None]
    points = start + t * forward / np.linalg.norm(forward) + 0.01 * t**2 * np.array([0, 0, 1.0])
    radius = np.full(len(t), rng.uniform(0.6, 1.0))
    return Vessel(points, radius, 0.4, np.zeros(len(t)), 0.0)


def _distance_fields(
    vessels: list[Vessel],
    axes: tuple[NDArray[np.float64], ...],
    box: tuple[slice, ...] | None = None,
) -> tuple[tuple[slice, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Distance to the lumen's and to the wall's surface, negative inside, in a box around all."""
    every = np.concatenate([v.points for v in vessels])
    reach = 9.0
    box = box or tuple(
        slice(
            int(np.searchsorted(a, every[:, k].min() - reach)),
            int(np.searchsorted(a, every[:, k].max() + reach)),
        )
        for k, a in enumerate(axes)
    )
    grid = np.stack(
        np.meshgrid(*[a[b] for a, b in zip(axes, box, strict=True)], indexing="ij"), axis=-1
    )
    shape = grid.shape[:3]
    inner, outer = np.full(shape, 9.0), np.full(shape, 9.0)
    for vessel in vessels:
        distance, nearest = cKDTree(vessel.points).query(grid, distance_upper_bound=reach)
        hit = np.isfinite(distance)
        which = nearest[hit]
        surface = distance[hit] - vessel.radius[which]
        inner[hit] = np.minimum(
            inner[hit], np.maximum(surface, grid[hit][:, 2] - vessel.open_up_to)
        )
        coat = _coat(vessel, grid[hit] - vessel.points[which], which)
        outer[hit] = np.minimum(outer[hit], surface - coat)
    return box, inner, outer

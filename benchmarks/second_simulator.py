"""A second maker of necks, for tests alone: built on other ideas, sharing nothing with the first.

A network that was trained on one simulator may have learned that simulator. This one draws its
arteries as splines through a few control points, paints by the distance of voxels to the nearest
point of a curve (not by chains of spheres), lets plaque thicken the wall as a lobe, and has tissue
from filtered noise. Nothing here may be used for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree
from scipy.special import expit

from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName

VOXEL_MM = 0.6
_STORED = ("RAS", "LPS", "LAS", "LSA", "RIP", "PIR")


@dataclass(frozen=True, eq=False)
class _Vessel:
    """A curve with a radius, a wall and an eccentric thickening."""

    points: NDArray[np.float64]
    radius: NDArray[np.float64]
    wall: float
    thickening: NDArray[np.float64]
    thick_side: float


def simulate_second(seed: int, *, hard: bool = False) -> SimulatedNeck:
    """Make a test neck of 0.6 mm voxels.

    Args:
        seed: The same seed gives the same neck.
        hard: With plaque, slow flow and much noise; else healthy arteries and little noise.

    Returns:
        The neck, stored in one of several orientations.
    """
    rng = np.random.default_rng([20, int(hard), seed])
    width, depth, height = (int(n) for n in rng.choice(_SIZES))
    size = np.array([width, depth, height]) * VOXEL_MM
    x = (np.arange(width, dtype=np.float64) - (width - 1) / 2) * VOXEL_MM
    y = (np.arange(depth, dtype=np.float64) - (depth - 1) / 2) * VOXEL_MM
    z = np.arange(height, dtype=np.float64) * VOXEL_MM
    image = _tissue(rng, (x, y, z), size)
    sides: dict[SideName, TrueSide] = {}
    level = rng.normal(0.5, 0.12)
    for side in SIDE_NAMES:
        sign = -1.0 if side == "left" else 1.0
        sides[side] = _add_side(rng, image, (x, y, z), sign, level + rng.normal(0, 0.06), hard=hard)
    image *= _shading(rng, (x, y, z), size)
    if rng.random() < (0.6 if hard else 0.3):
        image = gaussian_filter(image, rng.uniform(0.3, 0.8))
    sigma = rng.uniform(0.10, 0.24) if hard else rng.uniform(0.03, 0.10)
    real, imaginary = rng.normal(0, sigma, (2, *image.shape))
    scan = np.hypot(image + real, imaginary)
    affine = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
    affine[:3, 3] = x[0], y[0], z[0]
    volume = Volume((scan * 700).astype(np.int16), Grid((width, depth, height), affine))
    stored = volume.reoriented(str(rng.choice(_STORED)))
    stored = Volume(np.ascontiguousarray(stored.array), stored.grid)
    visible = np.ones(height, dtype=bool)
    return SimulatedNeck(stored, sides, visible, {"hard": hard, "noise": float(sigma)})


_SIZES = ((240, 60, 200), (240, 66, 180), (280, 60, 200), (220, 72, 160), (300, 64, 220))


def _tissue(
    rng: np.random.Generator, axes: tuple[NDArray[np.float64], ...], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Muscle with a grain, a coat of fat, air outside, a trachea, a spine, muscles as sheets."""
    x, y, z = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    middle = size[2] / 2
    a = rng.uniform(0.40, 0.5) * size[0] * (1 + rng.uniform(-0.15, 0.15) * (z - middle) / size[2])
    b = rng.uniform(0.42, 0.6) * size[0] * 0.8
    y0 = -b + size[1] / 2 - rng.uniform(-2, 6)
    rim = np.sqrt((x / a) ** 2 + ((y - y0) / b) ** 2)
    shape = (len(axes[0]), len(axes[1]), len(axes[2]))
    grain = gaussian_filter(rng.normal(size=shape), 1.5, truncate=2.5)
    cloud = _clouds(rng, shape, (2.25, 2.25, 2.25))
    muscle = rng.uniform(0.45, 0.75)
    image = muscle * (1 + 0.06 * grain / grain.std() + 0.10 * cloud)
    planes = np.abs(_clouds(rng, shape, (1.5, 1.5, 3.5)))
    fat = rng.uniform(0.2, 0.45) if rng.random() < 0.6 else rng.uniform(0.9, 1.2)
    image += (fat - image) * 0.8 * np.exp(-((planes / 0.10) ** 2))
    for sign in (-1, 1):  # the large muscle at the side
        u = np.abs(x - sign * (size[0] * 0.27 - 0.05 * (z - middle)))
        v = np.abs(y - rng.uniform(-4, 4) - 0.1 * (z - middle))
        inside = (u / rng.uniform(9, 14)) ** 2 + (v / rng.uniform(5, 8)) ** 2
        image += (muscle * rng.uniform(0.7, 1.0) - image) * expit((1 - inside) * 6)
    image += (rng.uniform(0.5, 1.1) - image) * expit((rim - 1) * a / 0.5 + 8)
    image = image * expit((1 - rim) * a / 0.5)
    tube = np.hypot(x - rng.normal(0, 1.5), (y - size[1] * rng.uniform(0.05, 0.35)) / 0.85)
    top = z < size[2] * rng.uniform(0.4, 1.2)
    radius = rng.uniform(6, 9)
    image = np.where(top, image * expit((tube - radius) / 0.4), image)
    back = np.hypot(x / 1.4, y + size[1] * rng.uniform(0.35, 0.6)) - rng.uniform(7, 11)
    bone = 0.35 + 0.25 * np.cos(2 * np.pi * z / rng.uniform(15, 19) + rng.uniform(0, 6))
    spined: NDArray[np.float64] = image + (bone - image) * expit(-back / 0.5)
    return spined


def _clouds(
    rng: np.random.Generator, shape: tuple[int, int, int], scale: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Filtered noise of standard deviation 1, made at a quarter of the resolution."""
    coarse = gaussian_filter(rng.normal(size=[-(-n // 4) + 1 for n in shape]), scale)
    fine = zoom(coarse / coarse.std(), 4, order=1)
    return np.asarray(fine[: shape[0], : shape[1], : shape[2]], dtype=np.float64)


def _shading(
    rng: np.random.Generator, axes: tuple[NDArray[np.float64], ...], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A low polynomial of the position, as surface coils make it."""
    u = [a / s for a, s in zip(axes, size, strict=True)]
    c = rng.uniform(-1, 1, 6)
    along = 0.4 * c[0] * (u[2] - 0.5) - 0.6 * abs(c[1]) * (2 * (u[2] - 0.5)) ** 4
    across = 0.3 * c[2] * u[0] + 0.5 * c[3] * (2 * u[0]) ** 2 - 0.2
    deep = 0.4 * c[4] * u[1]
    total = across[:, None, None] + deep[None, :, None] + along[None, None, :]
    return np.asarray(np.exp(total))


def _spline(
    heights: list[float], values: list[float], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(PchipInterpolator(heights, values, extrapolate=True)(z))


def _arteries(
    rng: np.random.Generator, z: NDArray[np.float64], sign: float, *, hard: bool
) -> tuple[_Vessel, _Vessel, float, bool]:
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
    internal = _Vessel(np.column_stack([sign * internal_x, internal_y, zi]), ri, wall, thick, side)
    external = _Vessel(
        np.column_stack([sign * external_x, external_y, ze]),
        re,
        wall * 0.85,
        np.zeros_like(ze),
        0.0,
    )
    return internal, external, fork, medial


def _add_side(
    rng: np.random.Generator,
    image: NDArray[np.float64],
    axes: tuple[NDArray[np.float64], ...],
    sign: float,
    contrast: float,
    *,
    hard: bool,
) -> TrueSide:
    internal, external, fork, medial = _arteries(rng, axes[2], sign, hard=hard)
    _add_neighbours(rng, image, axes, internal, sign)
    wall_signal = rng.uniform(0.95, 1.25) if not hard else rng.uniform(0.75, 1.15)
    blood = max(0.02, contrast * rng.uniform(0.05, 0.35) * (1.8 if hard else 1.0))
    vessels = [internal, external]
    if rng.random() < 0.6:
        vessels += [_twig(rng, external, sign) for _ in range(int(rng.integers(1, 4)))]
    box, inner, outer = _fields(vessels, axes)
    part = image[box]

    inside = expit(-outer / 0.22)
    part += inside * (wall_signal - part)
    lumen = np.full(part.shape, blood)
    slow = bool(hard and rng.random() < 0.8)
    if slow:
        z = axes[2][box[2]]
        along = np.exp(-0.5 * ((z - fork - rng.uniform(0, 8)) / rng.uniform(3, 8)) ** 2)
        rim = np.exp(np.clip(inner, -6, 0) / rng.uniform(0.4, 1.5))
        lumen += rng.uniform(0.3, 0.8) * wall_signal * rim * along[None, None, :]
    part += (lumen - part) * expit(-inner / 0.22)
    made = {"medial": medial, "slow_flow": slow, "plaque_mm": float(internal.thickening.max())}
    top = internal.points[np.argmin(np.abs(internal.points[:, 2] - fork))]
    return TrueSide(_truth(internal), _truth(external), top, made)


def _truth(vessel: _Vessel) -> TrueArtery:
    wall = np.full(len(vessel.radius), vessel.wall)
    lumen, outer = (_Surface(vessel, outer=outer) for outer in (False, True))
    return TrueArtery(vessel.points, vessel.radius, wall, vessel.thickening, lumen, outer)


@dataclass(eq=False)
class _Surface:
    """Distance from a vessel's lumen or outer wall, by the nearest point of its curve."""

    vessel: _Vessel
    outer: bool

    def __post_init__(self) -> None:
        self._tree = cKDTree(self.vessel.points)

    def __call__(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        distance, nearest = self._tree.query(at_mm)
        surface = distance - self.vessel.radius[nearest]
        if not self.outer:
            return np.asarray(surface)
        gap = at_mm - self.vessel.points[nearest]
        return np.asarray(surface - _coat(self.vessel, gap, nearest))


def _coat(
    vessel: _Vessel, gap: NDArray[np.float64], nearest: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Thickness of the wall towards points at `gap` from the nearest points of the curve."""
    angle = np.arctan2(gap[:, 1], gap[:, 0])
    lobe = np.clip(np.cos(angle - vessel.thick_side), 0, 1) ** 1.5
    return np.asarray(vessel.wall + vessel.thickening[nearest] * lobe)


def _twig(rng: np.random.Generator, parent: _Vessel, sign: float) -> _Vessel:
    start = parent.points[int(rng.integers(5, max(6, len(parent.points) - 5)))]
    forward = np.array([sign * rng.uniform(-1, 0.4), rng.uniform(0.2, 1), rng.uniform(-0.4, 1)])
    t = np.arange(0, rng.uniform(8, 25), 0.3)[:, None]
    points = start + t * forward / np.linalg.norm(forward) + 0.01 * t**2 * np.array([0, 0, 1.0])
    radius = np.full(len(t), rng.uniform(0.6, 1.0))
    return _Vessel(points, radius, 0.4, np.zeros(len(t)), 0.0)


def _fields(
    vessels: list[_Vessel], axes: tuple[NDArray[np.float64], ...]
) -> tuple[tuple[slice, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Distance to the lumen's and to the wall's surface, negative inside, in a box around all."""
    every = np.concatenate([v.points for v in vessels])
    reach = 9.0
    box = tuple(
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
        inner[hit] = np.minimum(inner[hit], surface)
        coat = _coat(vessel, grid[hit] - vessel.points[which], which)
        outer[hit] = np.minimum(outer[hit], surface - coat)
    return box, inner, outer


def _add_neighbours(
    rng: np.random.Generator,
    image: NDArray[np.float64],
    axes: tuple[NDArray[np.float64], ...],
    internal: _Vessel,
    sign: float,
) -> None:
    """A jugular vein, flat or round, and a vertebral artery, slice by slice as ellipses."""
    x, y = axes[0][:, None], axes[1][None, :]
    lateral, front = rng.uniform(7, 12), rng.uniform(-1, 6)
    half = rng.uniform(2.0, 6.0), rng.uniform(2.0, 5.0)
    vein = rng.random() < 0.9
    dark, phase = rng.uniform(0.05, 0.35), rng.uniform(0, 6)
    behind, beside = rng.uniform(9, 16), rng.uniform(-10, 2)
    artery = rng.random() < 0.7
    for k, z in enumerate(axes[2]):
        cx = np.interp(z, internal.points[:, 2], internal.points[:, 0])
        cy = np.interp(z, internal.points[:, 2], internal.points[:, 1])
        swell = 1 + 0.25 * np.sin(z / 14 + phase)
        if vein:
            e = np.hypot(
                (x - cx - sign * lateral) / (half[0] * swell), (y - cy - front) / (half[1] * swell)
            )
            image[:, :, k] += (dark - image[:, :, k]) * expit((1 - e) * 10)
        if artery:
            e = np.hypot(x - cx - sign * beside, y - cy + behind)
            image[:, :, k] += (0.8 - image[:, :, k]) * expit((2.3 - e) / 0.25)
            image[:, :, k] += (0.1 - image[:, :, k]) * expit((1.7 - e) / 0.25)

"""A second maker of necks, for tests alone: built on other ideas, sharing nothing with the first.

A network that was trained on one simulator may have learned that simulator. This one draws its
arteries as splines through a few control points, paints by the distance of voxels to the nearest
point of a curve (not by chains of spheres), lets plaque thicken the wall as a lobe, and has tissue
from filtered noise. Nothing here may be used for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import expit

from benchmarks.second_arteries import Vessel, add_carotids, draw_arteries, true_side
from benchmarks.second_faults import faulty_side, with_fault
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.simulation.truth import SimulatedNeck, TrueSide

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.second_faults import Fault
    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import Feature

    Rare = Callable[[Vessel, float], tuple[Vessel, Vessel, dict[str, Feature]]]

VOXEL_MM = 0.6
LAST = 0.15
"""What the scanner's filter leaves of the highest frequency that was acquired."""
_STORED = ("RAS", "LPS", "LAS", "LSA", "RIP", "PIR")


def simulate_second(
    seed: int,
    *,
    hard: bool = False,
    noise: float = 1.0,
    acquired_mm: float | None = None,
    decay: bool = False,
    fault: Fault | None = None,
) -> SimulatedNeck:
    """Make a test neck of 0.6 mm voxels.

    Args:
        seed: The same seed gives the same neck.
        hard: With plaque, slow flow and much noise; else healthy arteries and little noise.
        noise: How many times as much of it as usual.
        acquired_mm: Voxels of the acquisition, which the scanner filters and interpolates to the
            stored ones; None: as they are stored, without a filter.
        decay: Whether signal alone is filtered, as by its decay in a long echo train, and noise
            only ends where the acquisition does; else noise goes through the filter, too.
        fault: Whether the internal carotid of one side is occluded, or sharply kinked.

    Returns:
        The neck, stored in one of several orientations.
    """
    painted = paint_second(seed, hard=hard, fault=fault)
    rng, sigma = painted.rng, painted.sigma * noise
    image = painted.image
    real, imaginary = rng.normal(0, sigma, (2, *image.shape))
    if acquired_mm is not None:
        image = _filtered(image, acquired_mm)
        last = 1.0 if decay else LAST
        real, imaginary = (_filtered(one, acquired_mm, last) for one in (real, imaginary))
    scan = np.hypot(image + real, imaginary)
    volume = Volume((scan * 700).astype(np.int16), painted.grid)
    stored = volume.reoriented(str(rng.choice(_STORED)))
    stored = Volume(np.ascontiguousarray(stored.array), stored.grid)
    visible = np.ones(painted.grid.shape[2], dtype=bool)
    made = {"hard": hard, "noise": sigma}
    return SimulatedNeck(stored, painted.sides, visible, made)


def _filtered(
    image: NDArray[np.float64], acquired_mm: float, last: float = LAST
) -> NDArray[np.float64]:
    """The image of larger voxels through a Hann-like window of k-space, on the same grid."""
    spectrum = np.fft.fftn(image)
    for axis, count in enumerate(image.shape):
        at = np.abs(np.fft.fftfreq(count)) * acquired_mm / VOXEL_MM  # 0.5: the largest acquired
        fall = np.clip((at - 0.25) / 0.25, 0, 1)
        window = np.where(at <= 0.5, last + (1 - last) * (1 + np.cos(np.pi * fall)) / 2, 0)
        spectrum *= np.expand_dims(window, [a for a in range(3) if a != axis])
    return np.asarray(np.fft.ifftn(spectrum).real)


@dataclass(frozen=True, eq=False)
class Painted:
    """A neck before it is scanned.

    Attributes:
        image: (x, y, z) signal without noise.
        grid: Where it lies, R-A-S.
        sides: The arteries.
        sigma: Noise that a scan of it gets.
        rng: The source of chance, where it stands.
    """

    image: NDArray[np.float64]
    grid: Grid
    sides: dict[SideName, TrueSide]
    sigma: float
    rng: np.random.Generator


def paint_second(seed: int, *, hard: bool = False, fault: Fault | None = None) -> Painted:
    """Paint the neck that `simulate_second` scans."""
    rng = np.random.default_rng([20, int(hard), seed])
    width, depth, height = (int(n) for n in rng.choice(_SIZES))
    size = np.array([width, depth, height]) * VOXEL_MM
    x = (np.arange(width, dtype=np.float64) - (width - 1) / 2) * VOXEL_MM
    y = (np.arange(depth, dtype=np.float64) - (depth - 1) / 2) * VOXEL_MM
    z = np.arange(height, dtype=np.float64) * VOXEL_MM
    image = _tissue(rng, (x, y, z), size)
    sides: dict[SideName, TrueSide] = {}
    level = rng.normal(0.5, 0.12)
    faulty, chance = faulty_side(fault or "occluded", seed)
    for side in SIDE_NAMES:
        sign = -1.0 if side == "left" else 1.0
        rare: Rare | None = None
        if fault is not None and side == faulty:
            rare = partial(with_fault, fault, chance, (size[1] / 2, size[2]))
        level_here = level + rng.normal(0, 0.06)
        sides[side] = _add_side(rng, image, (x, y, z), sign, level_here, hard=hard, rare=rare)
    image *= _shading(rng, (x, y, z), size)
    if rng.random() < (0.6 if hard else 0.3):
        image = gaussian_filter(image, rng.uniform(0.3, 0.8))
    sigma = rng.uniform(0.10, 0.24) if hard else rng.uniform(0.03, 0.10)
    affine = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
    affine[:3, 3] = x[0], y[0], z[0]
    return Painted(image, Grid((width, depth, height), affine), sides, float(sigma), rng)


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


def _add_side(
    rng: np.random.Generator,
    image: NDArray[np.float64],
    axes: tuple[NDArray[np.float64], ...],
    sign: float,
    contrast: float,
    *,
    hard: bool,
    rare: Rare | None,
) -> TrueSide:
    internal, external, fork, medial = draw_arteries(rng, axes[2], sign, hard=hard)
    internal, course, faulty = (internal, internal, {}) if rare is None else rare(internal, fork)
    _add_neighbours(rng, image, axes, course, sign)
    made = add_carotids(rng, image, axes, (internal, external, fork), sign, contrast, hard=hard)
    return true_side(internal, external, fork, {"medial": medial, **made, **faulty})


def _add_neighbours(
    rng: np.random.Generator,
    image: NDArray[np.float64],
    axes: tuple[NDArray[np.float64], ...],
    internal: Vessel,
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

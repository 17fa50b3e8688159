"""Tissues of the second simulator's whole sections: cells of muscle, spine, airway, jaw, outline.

Shares nothing with the first simulator; see `benchmarks.second_whole`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Signals:
    """What tissues measure; walls of arteries are about 1.

    Attributes:
        muscle, fat, bone: Muscle, fat, inside of bones.
        shell: Compact bone and cartilage.
        fluid, cord: Inside of the spinal canal.
        gland: Glands.
        lining: Lining of the airway.
    """

    muscle: float
    fat: float
    bone: float
    shell: float
    fluid: float
    cord: float
    gland: float
    lining: float


@dataclass(frozen=True, eq=False)
class Frame:
    """Where voxels lie: x to the patient's right, y to anterior, z up, carotids near y = 0.

    Attributes:
        x, y, z: Positions along the axes, mm.
        bent_x, bent_y: (x, y, z) positions bent by smooth noise.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    bent_x: Array
    bent_y: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels."""
        return len(self.x), len(self.y), len(self.z)


def clouds(
    rng: np.random.Generator, shape: tuple[int, ...], spacing: tuple[float, ...], scale_mm: float
) -> Array:
    """Filtered noise of standard deviation 1, made on a grid as coarse as its scale allows."""
    step = [max(1, int(scale_mm / 2 / s)) for s in spacing]
    few = [-(-n // k) + 2 for n, k in zip(shape, step, strict=True)]
    coarse = gaussian_filter(rng.normal(size=few), 1.6)
    fine = zoom(coarse / coarse.std(), step, order=1)
    return np.asarray(fine[: shape[0], : shape[1], : shape[2]], np.float32)


def soft_tissue(
    rng: np.random.Generator, frame: Frame, signals: Signals, bend: NDArray[np.float64]
) -> tuple[Array, NDArray[np.bool_]]:
    """Muscles, fat and skin; and what lies outside."""
    x, y, z = frame.bent_x, frame.bent_y, frame.z
    shift = bend.astype(np.float32)[None, None, :]
    middle = np.float32(-rng.uniform(12, 28))
    dx, dy = x, y - shift - middle
    angle = np.arctan2(dx, dy)
    radius = np.hypot(dx, dy)
    low = np.clip(rng.uniform(5, 40) - z, 0, None)
    high = np.clip(z - rng.uniform(60, 120), 0, None)
    a = rng.uniform(50, 66) + rng.uniform(0.3, 1.6) * low
    b = rng.uniform(50, 68) + rng.uniform(0.2, 0.8) * high
    rim = 1 / np.hypot(np.sin(angle) / a[None, None], np.cos(angle) / b[None, None])
    for k in range(2, 6):
        rim *= 1 + np.float32(rng.normal(0, 0.03 / k * 2)) * np.cos(
            k * angle + np.float32(rng.uniform(0, 6))
        )
    rim = np.maximum(rim, 36)
    image, ridge = _muscle_cells(rng, frame, signals, shift)
    plane = rng.uniform(0.3, 1.3)
    sheet = signals.fat if rng.random() < 0.85 else signals.shell
    image += (sheet - image) * np.clip(1.5 - ridge / plane, 0, 1)
    coat = rng.uniform(2, 11) * (1 + 0.3 * np.sin(2 * angle + np.float32(rng.uniform(0, 6))))
    image[radius > rim - coat] = signals.fat
    image[radius > rim - rng.uniform(0.8, 2)] = signals.muscle * rng.uniform(0.7, 1.6)
    return image, np.asarray(radius > rim, np.bool_)


def _muscle_cells(
    rng: np.random.Generator, frame: Frame, signals: Signals, shift: Array
) -> tuple[Array, Array]:
    """Signal of the nearest of a few seeds, and distance from where two cells meet, mm."""
    pairs = int(rng.integers(9, 22))
    seeds = np.column_stack([rng.uniform(4, 62, pairs), rng.uniform(-72, 26, pairs)])
    both = np.concatenate([seeds, seeds * [-1, 1]]) + rng.normal(0, 1.5, (2 * pairs, 2))
    level = np.tile(signals.muscle * np.exp(rng.normal(0, 0.12, pairs)), 2)
    glandular = rng.random(2 * pairs) < 0.12
    level[glandular] = signals.gland
    level[rng.random(2 * pairs) < 0.12] = signals.fat
    drift = rng.normal(0, 0.12, (2 * pairs, 2))
    image = np.empty(frame.shape, np.float32)
    ridge = np.empty(frame.shape, np.float32)
    for k, height in enumerate(frame.z):
        tree = cKDTree(both + drift * (height - frame.z.mean()))
        at = np.stack([frame.bent_x[:, :, k], frame.bent_y[:, :, k] - shift[0, 0, k]], -1)
        near, which = tree.query(at[::2, ::2], k=2, workers=1)
        apart = zoom((near[..., 1] - near[..., 0]).astype(np.float32), 2, order=1)
        nearest = np.repeat(np.repeat(which[..., 0], 2, 0), 2, 1)
        ridge[:, :, k] = apart[: frame.shape[0], : frame.shape[1]]
        image[:, :, k] = level[nearest[: frame.shape[0], : frame.shape[1]]]
    grain = clouds(rng, frame.shape, (0.7, 0.7, 0.7), rng.uniform(3, 9))
    image *= 1 + np.float32(rng.uniform(0.03, 0.12)) * grain
    ridge *= 0.5
    return image, ridge


def _oval(
    frame: Frame,
    center_x: float,
    center_y: NDArray[np.float64],
    half: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float],
    power: float = 2.0,
) -> Array:
    """1 on the outline, less inside: a bent super-ellipse in each slice."""
    u, v = (np.broadcast_to(h, frame.z.shape).astype(np.float32)[None, None] for h in half)
    x = np.abs(frame.bent_x - np.float32(center_x)) / u
    y = np.abs(frame.bent_y - center_y.astype(np.float32)[None, None]) / v
    if power == 2.0:
        return np.asarray(np.hypot(x, y), np.float32)
    return np.asarray((x**power + y**power) ** (1 / power), np.float32)


def add_spine(
    rng: np.random.Generator,
    image: Array,
    frame: Frame,
    signals: Signals,
    bend: NDArray[np.float64],
) -> None:
    """Bodies and discs, arch, processes, and the canal with its cord."""
    x0, period, phase = rng.normal(0, 1), rng.uniform(15, 19), rng.uniform(0, 6)
    half_x, half_y = rng.uniform(11, 16), rng.uniform(7, 10)
    body_y = bend - rng.uniform(2, 12) - half_y
    canal_y = body_y - half_y - rng.uniform(6, 9)
    disc = np.cos(2 * np.pi * frame.z / period + phase) > rng.uniform(0.6, 0.85)
    arch = _oval(frame, x0, canal_y, (rng.uniform(12, 17), rng.uniform(9, 13)))
    ring = rng.uniform(0.86, 0.95)
    image[arch < 1] = signals.shell
    image[arch < ring] = signals.bone
    bar = (np.cos(2 * np.pi * frame.z / period + phase) < 0).astype(float)
    wing = _oval(frame, x0, body_y - 2, (rng.uniform(20, 27), 1e-3 + rng.uniform(3, 5) * bar))
    image[wing < 1] = signals.bone
    spike = _oval(frame, x0, canal_y - 18, (2.5, 1e-3 + rng.uniform(8, 14) * bar))
    image[spike < 1] = signals.bone
    body = _oval(frame, x0, body_y, (half_x * np.where(disc, 1.0, 0.94), half_y), rng.uniform(2, 3))
    image[body < 1] = signals.shell
    inside = np.where(disc, signals.bone * rng.uniform(0.5, 1.6), signals.bone)
    level = np.broadcast_to(inside.astype(np.float32)[None, None], frame.shape)
    core = body < rng.uniform(0.9, 0.98)
    image[core] = level[core]
    canal = _oval(frame, x0, canal_y, (rng.uniform(8.5, 12.5), rng.uniform(6, 8.5)))
    image[canal < 1] = signals.fat if rng.random() < 0.4 else signals.shell
    image[canal < rng.uniform(0.85, 0.97)] = signals.fluid
    cord_y = canal_y + rng.uniform(-1.5, 1.5)
    cord = _oval(frame, x0, cord_y, (rng.uniform(5, 7.5), rng.uniform(3.2, 4.8)))
    image[cord < 1] = signals.cord


def add_airway(
    rng: np.random.Generator,
    image: Array,
    frame: Frame,
    signals: Signals,
    bend: NDArray[np.float64],
) -> None:
    """Trachea, larynx and pharynx, with what surrounds them, and a thyroid below."""
    z, larynx = frame.z, rng.uniform(-10, 70)
    narrow = np.exp(-(((z - larynx) / 9) ** 2))
    above = 1 / (1 + np.exp(-(z - larynx - 14) / 4))
    half_x = (rng.uniform(7, 10) * (1 - above) + rng.uniform(7, 16) * above) * (1 - 0.6 * narrow)
    half_y = rng.uniform(6, 9) * (1 - above) + rng.uniform(3, 7) * above
    y = bend + rng.uniform(1, 5) + half_y
    thick = rng.uniform(1.5, 4)
    cartilage = _oval(frame, 0, y, (half_x + thick + 5 * narrow, half_y + thick + 5 * narrow))
    image[cartilage < 1] = signals.shell if rng.random() < 0.4 else signals.lining
    lobe = np.exp(-(((z - larynx + 30) / 18) ** 2))
    for sign in (-1, 1):
        if rng.random() < 0.7:
            gland = _oval(frame, sign * 15, y - 3, (1e-3 + 8 * lobe, 1e-3 + 10 * lobe))
            image[gland < 1] = signals.gland
    lining = _oval(frame, 0, y, (half_x + 1.5, half_y + 1.5))
    image[lining < 1] = signals.lining
    image[_oval(frame, 0, y, (half_x, half_y), rng.uniform(1.7, 2.4)) < 1] = 0.02


def add_jaw(
    rng: np.random.Generator,
    image: Array,
    frame: Frame,
    signals: Signals,
    bend: NDArray[np.float64],
) -> None:
    """A horse-shoe of bone at the top, with dark teeth in some slices."""
    start = rng.uniform(60, 150)
    if start > frame.z[-1]:
        return
    rows = frame.z > start
    outer = _oval(frame, 0, bend + 38, (rng.uniform(36, 46), rng.uniform(36, 48)), 2.4)
    front = frame.bent_y > (bend + rng.uniform(5, 20)).astype(np.float32)[None, None]
    ring = (outer < 1) & (outer > 0.82) & front & rows[None, None]
    image[ring] = signals.shell
    image[ring & (outer < 0.97) & (outer > 0.86)] = signals.bone
    teeth = (outer < 0.8) & (outer > 0.66) & front
    teeth &= ((frame.z > start + 4) & (frame.z < start + 18))[None, None]
    angle = np.arctan2(frame.bent_x, frame.bent_y - 38)
    image[teeth & (np.cos(angle * 16) > -0.5)] = 0.05

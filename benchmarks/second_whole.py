"""Whole axial sections from the second simulator, for tests alone: from skin to skin.

Again by other means than the first simulator's. Muscles are the cells of a few seeds, pressed
against each other with fat where two cells meet; the neck's outline is a sum of waves about a
circle; coordinates are bent by filtered noise before organs are put into them, so that nothing is
an ellipse; labels are painted hard and blurred by the scanner; the coil's gain is that of small
loops about the neck. Nothing here may be used for training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from benchmarks.second_arteries import (
    Vessel,
    add_carotids,
    add_vessel,
    draw_arteries,
    true_side,
)
from benchmarks.second_tissue import (
    Frame,
    Signals,
    add_airway,
    add_jaw,
    add_spine,
    clouds,
    soft_tissue,
)
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.simulation.truth import SimulatedNeck, TrueSide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName

    Array = NDArray[np.float32]

_THICK_MM = 2.0
"""Slices from here on are averaged over rows."""

_STORED = ("RAS", "LPS", "LAS", "LSA", "RIP", "PIR")

_WEIGHTINGS = (
    # muscle, fat, bone, shell, fluid, cord, gland, lining
    Signals(0.62, 1.35, 0.95, 0.12, 0.15, 0.70, 0.80, 0.75),  # T1
    Signals(0.36, 1.50, 0.70, 0.10, 2.20, 0.60, 0.95, 1.30),  # T2
    Signals(0.65, 1.10, 0.75, 0.15, 0.95, 0.85, 0.90, 1.10),  # proton density
    Signals(0.60, 0.22, 0.35, 0.10, 0.25, 0.75, 0.85, 1.05),  # fat-suppressed
    Signals(0.45, 0.30, 0.30, 0.10, 1.80, 0.70, 1.00, 1.40),  # T2, fat-suppressed
)


def simulate_second_whole(
    seed: int,
    *,
    hard: bool = False,
    plane_mm: float | None = None,
    slice_mm: float | None = None,
) -> SimulatedNeck:
    """Make a test neck from skin to skin.

    Args:
        seed: The same seed gives the same neck.
        hard: With plaque, slow flow and much noise; else healthy arteries and little noise.
        plane_mm: Voxel size in the slice; drawn from 0.4 to 0.9 mm where not given.
        slice_mm: Thickness of the slices; where not given, a third has slices of 2 to 8 mm.

    Returns:
        The neck, stored in one of several orientations.
    """
    rng = np.random.default_rng([21, int(hard), seed])
    thick = float(np.exp(rng.uniform(np.log(2), np.log(8)))) if rng.random() < 1 / 3 else None
    if slice_mm is not None:
        thick = slice_mm if slice_mm >= _THICK_MM else None
    frame = _draw_frame(rng, thick, plane_mm, slice_mm)
    signals = _vary(rng, _WEIGHTINGS[int(rng.integers(len(_WEIGHTINGS)))])
    up = (frame.z - frame.z.mean()) / 50
    bend = rng.uniform(-9, 9) * up + rng.uniform(-4, 6) * (1 - up**2)  # lordosis and a lean
    image, outside = soft_tissue(rng, frame, signals, bend)
    add_spine(rng, image, frame, signals, bend)
    add_airway(rng, image, frame, signals, bend)
    add_jaw(rng, image, frame, signals, bend)
    axes = (frame.x, frame.y, frame.z)
    dark = float(np.clip(rng.normal(0.5, 0.12), 0.1, 0.9))
    _add_vertebral_arteries(rng, image, frame, bend, 0.2 * dark)
    drawn = {}
    for name in SIDE_NAMES:
        sign = -1.0 if name == "left" else 1.0
        internal, external, fork, medial = draw_arteries(rng, frame.z, sign, hard=hard)
        internal, external = (
            one.shifted(np.interp(one.points[:, 2], frame.z, bend)) for one in (internal, external)
        )
        _add_veins(rng, image, frame, internal, sign)
        drawn[name] = sign, (internal, external, fork), medial
    image[outside] = rng.uniform(0, 0.03)
    sides: dict[SideName, TrueSide] = {}
    for name, (sign, arteries, medial) in drawn.items():
        made = add_carotids(rng, image, axes, arteries, sign, dark, hard=hard)
        sides[name] = true_side(*arteries, {"medial": medial, **made})
    return _scanned(rng, image, frame, sides, thick, hard=hard)


def _draw_frame(
    rng: np.random.Generator, thick: float | None, plane_mm: float | None, slice_mm: float | None
) -> Frame:
    width, depth, height = rng.uniform(150, 240), rng.uniform(120, 230), rng.uniform(75, 130)
    plane = rng.uniform(0.5, 0.9) if thick is None else rng.uniform(0.4, 0.8)
    row = rng.uniform(0.6, 0.9) if thick is None else thick / max(2, round(thick / 1.0))
    plane = plane if plane_mm is None else plane_mm
    row = row if slice_mm is None or thick is not None else slice_mm
    counts = [int(width / plane), int(depth / plane), int(height / row)]
    front = rng.uniform(0.35, 0.6) * depth  # how much of the depth lies before the carotids
    x, y, z = (np.arange(n, dtype=np.float64) for n in counts)
    x = (x - (counts[0] - 1) / 2) * plane + rng.normal(0, 3)
    y, z = y * plane - (depth - front), z * row
    shape = (counts[0], counts[1], counts[2])
    size = rng.uniform(1.0, 3.5)
    bent_x, bent_y = (
        (axis + size * clouds(rng, shape, (plane, plane, row), 14.0)).astype(np.float32)
        for axis in (x[:, None, None], y[None, :, None])
    )
    return Frame(x, y, z, bent_x, bent_y)


def _vary(rng: np.random.Generator, signals: Signals) -> Signals:
    values = {k: v * float(np.exp(rng.normal(0, 0.18))) for k, v in vars(signals).items()}
    return Signals(**values)


def _add_vertebral_arteries(
    rng: np.random.Generator,
    image: Array,
    frame: Frame,
    bend: NDArray[np.float64],
    blood: float,
) -> None:
    """As dark as carotids, beside the spine, winding, further out where they enter it."""
    z = np.arange(-2, frame.z[-1] + 2, 0.4)
    y = np.interp(z, frame.z, bend) - rng.uniform(9, 18)
    entry = rng.uniform(-20, 40)
    for sign in (-1.0, 1.0):
        if rng.random() < 0.06:
            continue
        radius = rng.uniform(1.2, 2.5)
        out = rng.uniform(13, 19) + 0.25 * np.clip(entry - z, 0, None)
        wind = rng.uniform(0, 1.5) * np.sin(2 * np.pi * z / rng.uniform(14, 24) + rng.uniform(0, 6))
        forward = 0.3 * np.clip(entry - z, 0, None)
        points = np.column_stack([sign * (out + wind), y + forward + 0.6 * wind, z])
        tube = Vessel(points, np.full(len(z), radius), rng.uniform(0.4, 1.0), np.zeros(len(z)), 0.0)
        axes = (frame.x, frame.y, frame.z)
        add_vessel(image, axes, tube, rng.uniform(0.75, 1.1), blood * rng.uniform(0.7, 1.6))


def _add_veins(
    rng: np.random.Generator, image: Array, frame: Frame, internal: Vessel, sign: float
) -> None:
    """An internal jugular vein, flat or round, beside the carotid; veins under the skin."""
    z = frame.z
    x, y = (np.interp(z, internal.points[:, 2], internal.points[:, k]) for k in (0, 1))
    at_x, at_y = frame.x[:, None, None], frame.y[None, :, None]
    veins = [(rng.uniform(8, 12), rng.uniform(-2, 6), rng.uniform(2, 6), rng.uniform(2, 5))]
    for _ in range(int(rng.integers(0, 4))):
        size = rng.uniform(0.8, 2.2)
        veins.append((rng.uniform(12, 30), rng.uniform(-30, 18), size, size))
    for k, (lateral, front, half_x, half_y) in enumerate(veins):
        if k == 0 and rng.random() < 0.08:
            continue
        level = rng.uniform(0.03, 0.3) if rng.random() < 0.55 else rng.uniform(0.3, 1.8)
        swell = 1 + 0.25 * np.sin(z / rng.uniform(9, 20) + rng.uniform(0, 6))
        drift = rng.uniform(-0.15, 0.15) * (z - z.mean()) * (k > 0)
        u = (at_x - (x + sign * (lateral + drift))[None, None]) / (half_x * swell)[None, None]
        v = (at_y - (y + front + drift)[None, None]) / (half_y * swell)[None, None]
        inside = np.hypot(u, v)
        image[inside < 1 + 0.4 / half_x] = rng.uniform(0.5, 0.9)
        image[inside < 1] = level


def _scanned(
    rng: np.random.Generator,
    image: Array,
    frame: Frame,
    sides: dict[SideName, TrueSide],
    thick: float | None,
    *,
    hard: bool,
) -> SimulatedNeck:
    """Blur, coil, slices, noise, and the order in which a scanner stores."""
    plane, row = frame.x[1] - frame.x[0], frame.z[1] - frame.z[0]
    blur = rng.uniform(0.35, 0.5) if not hard else rng.uniform(0.4, 0.75)
    image = gaussian_filter(image, (blur, blur, 0.3 if thick else blur))
    image *= _loops(rng, frame)
    z = frame.z
    if thick is not None:
        rows = round(thick / row)
        image = gaussian_filter1d(image, rows * 0.32, axis=2)[:, :, rows // 2 :: rows]
        z = z[rows // 2 :: rows]
    sigma = rng.uniform(0.08, 0.2) if hard else rng.uniform(0.02, 0.09)
    real, imaginary = rng.normal(0, sigma, (2, *image.shape)).astype(np.float32)
    scan = np.hypot(image + real, imaginary)
    affine = np.diag([plane, plane, z[1] - z[0], 1.0])
    affine[:3, 3] = frame.x[0], frame.y[0], z[0]
    shape = (scan.shape[0], scan.shape[1], scan.shape[2])
    stored = Volume((scan * 600).astype(np.int16), Grid(shape, affine))
    stored = stored.reoriented(str(rng.choice(_STORED)))
    stored = Volume(np.ascontiguousarray(stored.array), stored.grid)
    made = {"hard": hard, "noise": float(sigma), "slice_mm": float(z[1] - z[0])}
    return SimulatedNeck(stored, sides, np.ones(len(z), bool), made)


def _loops(rng: np.random.Generator, frame: Frame) -> Array:
    """Gain of a few receiving loops about the neck, 1 on the average."""
    total = np.zeros(frame.shape, np.float32)
    count = int(rng.integers(3, 9))
    for k in range(count):
        turn = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
        away = rng.uniform(60, 100)
        at = (away * np.sin(turn), -15 + away * np.cos(turn), rng.uniform(0, frame.z[-1]))
        square = (
            ((frame.x - at[0]) ** 2)[:, None, None]
            + ((frame.y - at[1]) ** 2)[None, :, None]
            + ((frame.z - at[2]) ** 2)[None, None, :]
        )
        total += ((1 + square / rng.uniform(40, 80) ** 2) ** -1.5).astype(np.float32) ** 2
    gain = np.sqrt(total)
    gain /= gain.mean()
    return np.asarray(gain ** np.float32(rng.uniform(0.0, 1.0)), np.float32)

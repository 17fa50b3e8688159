"""What the plane network sees: rays in planes across an artery, brought to local brightness.

The intensities that a ray meets are divided by the mean brightness around the artery, over some
millimetres along it. So neither the coil's fall-off nor the scan's rescaling reaches the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.planes import Planes
    from carotid.geometry.volume import Volume

RAYS = 32
SAMPLES = 64
SAMPLE_MM = 0.25
"""Rays begin at the center; sample k stands for the cell from k to k + 1 times this."""

STEP_MM = 1.0
"""Distance of planes along an artery."""

CHANNELS = 2
"""Brightness, and how near the other artery's center is."""

RADII_MM = (np.arange(SAMPLES) + 0.5) * SAMPLE_MM

_BRIGHTNESS_REACH_MM = 12.0
_BRIGHTNESS_SD_MM = 6.0
_NEAR_MM = 8.0
_BRIGHTEST = 6.0

_LITTLE_NOISE = 0.02
_SMOOTHING_PER_NOISE = 12.0
_LEAST_SMOOTHING, _MOST_SMOOTHING = 0.2, 1.8
"""How noise is answered: less the first, times the second, it is the standard deviation, in planes,
over which brightness is averaged along the artery; below the third nothing is done, and the last is
the most."""


def sample_points(planes: Planes) -> NDArray[np.float64]:
    """(n, rays, samples, 3) R-A-S mm of every sample."""
    rays = planes.directions(RAYS)[:, :, None] * RADII_MM[:, None]
    return planes.centers[:, None, None] + rays


def plane_images(
    volume: Volume, planes: Planes, other: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """Sample a scan.

    Args:
        volume: The scan, its intensities as they are.
        planes: Planes across one artery, `STEP_MM` apart.
        other: (m, 3) points of the other artery's centerline; None where there is none.

    Returns:
        (channels, planes, rays, samples).
    """
    from scipy.ndimage import map_coordinates

    points = sample_points(planes)
    index = volume.grid.index_from_world(points.reshape(-1, 3)).T
    seen = map_coordinates(volume.array, index, output=np.float32, order=1, mode="nearest")
    image = brightness(seen.reshape(points.shape[:3]))
    return np.stack([image, nearness(points, other)])


def brightness(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensities over their local mean, (planes, rays, samples)."""
    from scipy.ndimage import gaussian_filter1d

    inner = RADII_MM < _BRIGHTNESS_REACH_MM
    weight = RADII_MM[inner] / RADII_MM[inner].sum()
    mean = (np.maximum(seen[..., inner], 0) * weight).sum(axis=2).mean(axis=1)
    around = gaussian_filter1d(mean, _BRIGHTNESS_SD_MM / STEP_MM, mode="nearest", truncate=3)
    brightest = float(around.max())
    floor = 1e-3 * brightest if brightest > 0 else 1.0
    scaled = seen / np.maximum(around, floor)[:, None, None].astype(np.float32)
    return np.asarray(np.clip(scaled, -1, _BRIGHTEST), np.float32)


def denoised(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness averaged along the artery, as far as noise asks for it.

    Networks find noisy walls too thin; averaged, walls have the thickness that they have elsewhere.
    The noise is what second differences along the artery say, which anatomy hardly has at 1 mm.
    Slices of 3 mm and more have none either: planes between them are interpolated.

    Args:
        seen: (planes, rays, samples) from `brightness`, planes `STEP_MM` apart.

    Returns:
        The same shape, float32; `seen` itself where nothing is averaged.
    """
    from scipy.ndimage import gaussian_filter1d

    if len(seen) < 3:
        return seen
    bend = np.diff(seen[..., RADII_MM < _BRIGHTNESS_REACH_MM], n=2, axis=0)
    noise = float(np.median(np.abs(bend))) / (0.6745 * 6**0.5)
    sd = min(_SMOOTHING_PER_NOISE * (noise - _LITTLE_NOISE), _MOST_SMOOTHING)
    if not sd >= _LEAST_SMOOTHING:
        return seen
    return np.asarray(gaussian_filter1d(seen, sd, axis=0, mode="nearest"), np.float32)


def nearness(points: NDArray[np.float64], other: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """1 on the other artery's centerline, falling to 0 at some millimetres from it."""
    shape = points.shape[:-1]
    if other is None or not len(other):
        return np.zeros(shape, np.float32)
    from scipy.spatial import cKDTree

    near, _ = cKDTree(other).query(points.reshape(-1, 3), distance_upper_bound=_NEAR_MM)
    return np.asarray(np.clip(1 - near / _NEAR_MM, 0, 1).reshape(shape), np.float32)

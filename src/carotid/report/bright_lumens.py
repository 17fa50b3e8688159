"""How much of what an outline calls lumen is as bright as a wall: a narrow place, or slow flow.

Networks may draw a short stenosis or a web as wide as the artery is below and above it, and be sure
of it. The scan shows it all the same: blood is dark, and something in the outline is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.outlines import centroids, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIM_MM = 0.8
_RIM_VOXELS = 1.2
"""So much inside of its outline a lumen may be bright: the wall is blurred, and outlines err."""

_RINGS = 8
_EVENED_MM = 0.6
_EVENED_TURN = 1 / 32
_EVENED_RINGS = 1.0
"""Standard deviations over which brightness is averaged: along, around and across the artery."""

_NOISES = 3.0
"""What is bright is so many standard deviations of blood's own brightness above it."""

_LEAST_RADIUS_MM = 1.2
_USUAL_MM = 15.0
"""How bright blood and wall usually are is told by so much of the artery below and above."""

_LEAST_CONTRAST = 0.1
"""Difference over sum of both; where it is less, blood is not dark, and nothing can be said."""


def bright_shares(
    scan: NDArray[np.generic],
    lumens: NDArray[np.float64],
    walls: NDArray[np.float64],
    z: NDArray[np.int64],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float64]:
    """(s,) share of each lumen's inner area that is nearer to wall than to blood.

    Args:
        scan: (x, y, z) canonical voxels.
        lumens: (s, n, 2) outlines in mm, counter-clockwise.
        walls: (s, m, 2) outer outlines.
        z: (s,) their slices, rising.
        spacing_mm: Of the scan.

    Returns:
        NaN where the lumen is too small, or where blood is not dark.
    """
    middle = centroids(lumens)[:, None]
    ray = lumens - middle
    length = np.maximum(np.linalg.norm(ray, axis=2, keepdims=True), 1e-6)
    rings = np.sqrt((np.arange(_RINGS) + 0.5) / _RINGS)
    rim_mm = max(_RIM_MM, _RIM_VOXELS * max(spacing_mm[:2]))
    within = middle + ray / length * np.maximum(length - rim_mm, 0)
    inner = middle[:, :, None] + (within - middle)[:, :, None] * rings[:, None]
    seen = _at(scan, inner.reshape(len(z), -1, 2), z, spacing_mm)
    seen = _evened(seen.reshape(inner.shape[:3]), spacing_mm[2]).reshape(len(z), -1)
    half = nearest(lumens, walls)[0][..., None] / 2
    beside = _at(scan, lumens + ray / length * half, z, spacing_mm)
    wall = np.median(beside, axis=1)
    height = np.asarray(z * spacing_mm[2], np.float64)
    low, dark = (_usual(one, height) for one in np.percentile(seen, [16, 50], axis=1))
    wall = _usual(wall, height)
    level = np.maximum((dark + wall) / 2, dark + _NOISES * (dark - low))
    share = (seen > level[:, None]).mean(axis=1)
    unknown = wall - dark < _LEAST_CONTRAST * (np.abs(wall) + np.abs(dark))
    return np.where(unknown | (length.mean(axis=(1, 2)) < _LEAST_RADIUS_MM), np.nan, share)


def _at(
    scan: NDArray[np.generic],
    points: NDArray[np.float64],
    z: NDArray[np.int64],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.float64]:
    """(s, n) intensities at (s, n, 2) points in mm of (s,) slices."""
    from scipy.ndimage import map_coordinates

    height = np.broadcast_to(z[:, None], points.shape[:2])
    at = [points[..., 0] / spacing_mm[0], points[..., 1] / spacing_mm[1], height]
    found = map_coordinates(scan, at, output=np.float32, order=1, mode="nearest")
    return np.asarray(found, np.float64)


def _evened(seen: NDArray[np.float64], slice_mm: float) -> NDArray[np.float64]:
    """(s, n, rings) averaged over what lies next to each other: noise is in single voxels."""
    from scipy.ndimage import gaussian_filter

    sd = (_EVENED_MM / slice_mm, _EVENED_TURN * seen.shape[1], _EVENED_RINGS)
    return np.asarray(gaussian_filter(seen, sd, mode=("nearest", "wrap", "nearest")), np.float64)


def _usual(values: NDArray[np.floating], height_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s,) running median along the artery."""
    near = np.abs(height_mm[:, None] - height_mm) <= _USUAL_MM
    return np.array([np.median(values[row]) for row in near])

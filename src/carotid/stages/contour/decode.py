"""From what the networks say of polar images to outlines in a slice.

Everything is in double precision and in voxels of the canonical grid but for `deviation_mm`. An
outline is either a second-order Fourier curve through the cloud of all points that all networks
give from all centers of a slice (`fitted`), or the mean of all predictions from one center
(`averaged`). Lumen and wall are made each for itself and may cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Outline
from carotid.geometry.decimals import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGE = 1e-3
"""Weight of the coefficients' squares in the fit, as the known tool has it."""

_FEATURES = 5
_MASK_ELEMENTS = 1 << 22
"""Elements of the largest mask of windows; more outlines are worked on part by part."""


@dataclass(frozen=True)
class Decoding:
    """How outputs become radii.

    Attributes:
        samples_per_voxel: Samples of a ray on one voxel.
        far_end: Samples from the far end of the ray to the center, where the first output counts
            from that end (version 1); None where it is the lumen's radius (version 2).
        missing: Samples that are added to the lumen's radius.
    """

    samples_per_voxel: float
    far_end: float | None
    missing: float = 0.0

    def radii(self, outputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map (…, 2, n) outputs to (…, 2, n) radii of the lumen and of the outer wall, voxels."""
        first, width = np.moveaxis(np.asarray(outputs, np.float64), -2, 0)
        lumen = first if self.far_end is None else self.far_end - first
        lumen = lumen + self.missing
        return np.stack([lumen, lumen + width], axis=-2) / self.samples_per_voxel


@dataclass(frozen=True, eq=False)
class Outlines:
    """Outlines of one kind in several slices, one a row.

    Attributes:
        points: (k, n, 2) x and y.
        radii: (k, n) voxels; below zero where a point lies on the wrong side of its center.
        deviation, norm_deviation, deviation_mm: (k, n), see `Outline`.
    """

    points: NDArray[np.float64]
    radii: NDArray[np.float64]
    deviation: NDArray[np.float64]
    norm_deviation: NDArray[np.float64]
    deviation_mm: NDArray[np.float64]

    def each(self) -> list[Outline]:
        """One by one, with the digits that tables hold."""
        columns = (self.points, self.deviation, self.norm_deviation, self.deviation_mm)
        return [Outline(*row) for row in zip(*map(rounded, columns), strict=True)]


def clouds(
    radii: NDArray[np.float64], centers: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All points of the lumen, and of the wall, around each slice's centers.

    Args:
        radii: (k, centers, predictions, 2, n) radii of lumen and wall.
        centers: (k, centers, 3) x, y, z.

    Returns:
        (k, centers · predictions · n, 2) x and y, of the lumen and of the wall.
    """
    angles = -np.pi + 2 * np.pi * np.arange(radii.shape[-1]) / radii.shape[-1]
    around = centers[:, :, None, None, None, :2]
    points = radii[..., None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1) + around
    k = len(points)
    return points[:, :, :, 0].reshape(k, -1, 2), points[:, :, :, 1].reshape(k, -1, 2)


def fitted(
    points: NDArray[np.float64],
    n_angles: int,
    delta_theta: float,
    spacing_mm: tuple[float, float],
) -> Outlines:
    """Second-order Fourier curves through clouds of points.

    The radius from the cloud's mean is regressed on cos φ, sin φ, cos² φ, cos φ sin φ and sin² φ,
    with a ridge and a free intercept; φ counts from +y towards +x.

    Args:
        points: (k, m, 2) clouds.
        n_angles: Number of points of an outline.
        delta_theta: Width of the window in which spreads are taken, as a share of the circle.
        spacing_mm: Voxel size in x and y.

    Returns:
        `deviation` is the mean square of the residuals in the window (voxels squared),
        `norm_deviation` that over the radius, `deviation_mm` the residuals' standard deviation
        (n−1); NaN where a window has too few points.
    """
    middle = points.mean(axis=1)
    x, y = np.moveaxis(points - middle[:, None], -1, 0)
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    features = _features(angle)
    mean_features, mean_radius = features.mean(axis=1), radius.mean(axis=1)
    centered = features - mean_features[:, None]
    turned = centered.transpose(0, 2, 1)
    normal = turned @ centered + RIDGE * np.eye(_FEATURES)
    right = turned @ (radius - mean_radius[:, None])[..., None]
    weights = np.linalg.solve(normal, right)[..., 0]
    constant = mean_radius - (mean_features * weights).sum(axis=1)

    at = -np.pi + 2 * np.pi * np.arange(n_angles) / n_angles
    curve = weights @ _features(at).T + constant[:, None]
    residuals = radius - np.einsum("kmf,kf->km", features, weights) - constant[:, None]
    count, total, squares = _in_windows(angle, residuals, at, np.pi * delta_theta)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.where(count > 0, squares / count, np.nan)
        variance = (squares - total**2 / count) / (count - 1)
        spread = np.where(count > 1, np.sqrt(np.maximum(variance, 0)), np.nan)
        norm_deviation = deviation / curve
    direction = np.stack([np.sin(at), np.cos(at)], axis=-1)
    outline = middle[:, None] + curve[..., None] * direction
    spread *= _mm_per_voxel(direction, spacing_mm)
    return Outlines(outline, curve, deviation, norm_deviation, spread)


def averaged(
    outputs: NDArray[np.floating],
    centers: NDArray[np.float64],
    decoding: Decoding,
    spacing_mm: tuple[float, float],
) -> tuple[Outlines, Outlines]:
    """Mean predictions from one center a slice.

    Args:
        outputs: (k, predictions, 2, n).
        centers: (k, 3) x, y, z.
        decoding: How outputs become radii.
        spacing_mm: Voxel size in x and y.

    Returns:
        The lumen's and the wall's. `deviation` is the standard deviation (n−1) of the output itself
        in samples, the wall's of its width; `norm_deviation` that over the output; `deviation_mm`
        the standard deviation of the radius. NaN for one prediction.
    """
    outputs = np.asarray(outputs, np.float64)
    mean = outputs.mean(axis=1)
    unknown = np.full(mean.shape, np.nan)
    several = outputs.shape[1] > 1
    deviation = outputs.std(axis=1, ddof=1) if several else unknown
    spread = decoding.radii(outputs).std(axis=1, ddof=1) if several else unknown
    with np.errstate(invalid="ignore", divide="ignore"):
        norm_deviation = deviation / mean
    n = outputs.shape[-1]
    at = -np.pi + 2 * np.pi * np.arange(n) / n
    direction = np.stack([np.cos(at), np.sin(at)], axis=-1)
    radii = decoding.radii(mean)
    points = radii[..., None] * direction + centers[:, None, None, :2]
    spread = spread * _mm_per_voxel(direction, spacing_mm)
    columns = (points, radii, deviation, norm_deviation, spread)
    lumen, wall = (Outlines(*(column[:, i] for column in columns)) for i in (0, 1))
    return lumen, wall


def _features(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, 5) for angles (…)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c, s, c * c, c * s, s * s], axis=-1)


def _in_windows(
    angle: NDArray[np.float64],
    residuals: NDArray[np.float64],
    at: NDArray[np.float64],
    half_width: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(k, n) count, sum and sum of squares of the residuals near each angle, on the circle."""
    k, m = angle.shape
    sums = np.empty((3, k, len(at)))
    values = np.stack([np.ones_like(residuals), residuals, residuals**2], axis=-1)
    step = max(1, _MASK_ELEMENTS // (len(at) * m))
    for start in range(0, k, step):
        part = slice(start, start + step)
        gap = angle[part, None] - at[:, None]
        near = np.abs((gap + np.pi) % (2 * np.pi) - np.pi) < half_width
        sums[:, part] = np.moveaxis(near.astype(np.float64) @ values[part], -1, 0)
    return sums[0], sums[1], sums[2]


def _mm_per_voxel(
    direction: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """(n,) length in mm of one voxel along each (n, 2) direction."""
    return np.asarray(np.hypot(*(direction * np.array(spacing_mm)).T), np.float64)

"""Surfaces along arteries, cut by the scan's axial slices into outlines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.geometry.outlines import centroids, equal_arcs, signed_areas

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from carotid.geometry.planes import Planes

VERTICES = 64
"""Points of an outline."""

_GRID_MM = 0.25


@dataclass(frozen=True, eq=False)
class Curve:
    """A closed curve in a slice.

    Attributes:
        points: (n, 2) x and y, mm.
        sigma_mm: (n,) standard deviation of the radius there.
    """

    points: NDArray[np.float64]
    sigma_mm: NDArray[np.float64]

    @cached_property
    def middle(self) -> NDArray[np.float64]:
        """(2,) center of the area."""
        return np.asarray(centroids(self.points[None])[0])

    @property
    def mean_radius(self) -> float:
        """Of the circle of equal area, mm."""
        return float(np.sqrt(abs(signed_areas(self.points[None])[0]) / np.pi))

    @cached_property
    def _polar(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        gap = self.points - self.middle
        angle, radius = np.arctan2(gap[:, 1], gap[:, 0]), np.hypot(gap[:, 0], gap[:, 1])
        order = np.argsort(angle)
        return angle[order], radius[order], self.sigma_mm[order]

    def outside(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far (m, 2) places lie outside along the ray from the middle; negative inside."""
        gap = xy - self.middle
        angle, radius, _ = self._polar
        edge = np.interp(np.arctan2(gap[:, 1], gap[:, 0]), angle, radius, period=2 * np.pi)
        return np.asarray(np.hypot(gap[:, 0], gap[:, 1]) - edge)

    def sigma_towards(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """The standard deviation in the direction of (m, 2) places."""
        gap = xy - self.middle
        angle, _, sigma = self._polar
        towards = np.arctan2(gap[:, 1], gap[:, 0])
        return np.asarray(np.interp(towards, angle, sigma, period=2 * np.pi))

    def depth_in(self, other: Self) -> float:
        """How deep the two reach into each other, mm; negative where they are apart."""
        return -float(min(other.outside(self.points).min(), self.outside(other.points).min()))


def surface_points(planes: Planes, radii_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, rays, 3) R-A-S mm of a surface given by its radii in planes."""
    return planes.centers[:, None] + radii_mm[..., None] * planes.directions(radii_mm.shape[1])


def finer(radii_mm: NDArray[np.float64], rays: int) -> NDArray[np.float64]:
    """The same closed curves with more rays, by their Fourier series."""
    spectrum = np.fft.rfft(radii_mm, axis=1)
    return np.asarray(np.fft.irfft(spectrum, n=rays, axis=1) * (rays / radii_mm.shape[1]))


def cut(
    points: NDArray[np.float64], sigma_mm: NDArray[np.float64], height: NDArray[np.float64], z: int
) -> Curve | None:
    """Where the lines of a surface cross a slice.

    Args:
        points: (n, rays, 3) of the surface, planes from low to high: x and y in mm, z in slices.
        sigma_mm: (n, rays) standard deviation of the radius.
        height: (n,) z of the planes' centers.
        z: The slice.

    Returns:
        The curve; None where a line does not cross the slice.
    """
    above = points[..., 2] >= z
    crosses = above[1:] != above[:-1]
    if not crosses.any(axis=0).all():
        return None
    # Of several crossings the one nearest to where the artery's middle crosses.
    middle = np.argmin(np.abs(height - z))
    away = np.abs(np.arange(len(points) - 1) + 0.5 - middle)[:, None]
    k = np.where(crosses, away, np.inf).argmin(axis=0)
    ray = np.arange(points.shape[1])
    low, high = points[k, ray], points[k + 1, ray]
    t = (z - low[:, 2]) / (high[:, 2] - low[:, 2])
    xy = low[:, :2] + t[:, None] * (high[:, :2] - low[:, :2])
    return Curve(xy, sigma_mm[k, ray] + t * (sigma_mm[k + 1, ray] - sigma_mm[k, ray]))


def joined(one: Curve, other: Curve) -> Curve:
    """The curve around two bodies that overlap."""

    def both(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.minimum(one.outside(xy), other.outside(xy))

    line = _line(both, one, other)
    nearer = np.abs(one.outside(line)) <= np.abs(other.outside(line))
    sigma = np.where(nearer, one.sigma_towards(line), other.sigma_towards(line))
    return Curve(line, sigma)


def without(own: Curve, other: Curve) -> Curve:
    """A body's curve where another one overlaps: each place belongs to whom it is deeper in."""

    def kept(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = own.outside(xy)
        return np.maximum(inside, (inside - other.outside(xy)) / 2)

    line = _line(kept, own)
    return Curve(line, own.sigma_towards(line))


def _line(
    outside: Callable[[NDArray[np.float64]], NDArray[np.float64]], *curves: Curve
) -> NDArray[np.float64]:
    """The longest line at which a function of (m, 2) places passes zero; (VERTICES, 2)."""
    import contourpy

    every = np.concatenate([c.points for c in curves])
    low, high = every.min(axis=0) - 2 * _GRID_MM, every.max(axis=0) + 2 * _GRID_MM
    x, y = (np.arange(low[k], high[k] + _GRID_MM, _GRID_MM) for k in (0, 1))
    xy = np.stack(np.meshgrid(x, y), axis=-1)
    value = outside(xy.reshape(-1, 2)).reshape(xy.shape[:2])
    made = contourpy.contour_generator(x, y, value).lines(0.0)
    lines = [np.asarray(line, np.float64) for line in made]
    if not lines:
        return curves[0].points
    return np.asarray(equal_arcs(max(lines, key=len)[None, :-1], VERTICES)[0])

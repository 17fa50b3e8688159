"""What the plane network is trained on: stretches of planes with the true radii along their rays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.planes import Planes
from carotid.simulation.surfaces import exit_radii, union
from carotid.stages.planes.images import RAYS, SAMPLE_MM, SAMPLES, STEP_MM, plane_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.close_up import CloseUp, CourseTruth

PLANES = 20
"""Planes of a stretch."""

REACH_MM = SAMPLES * SAMPLE_MM

LARGEST_MM = 14.0
"""Planes in which the wall's outer boundary is farther away than this teach nothing."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Planes across one artery and what is true in them.

    Attributes:
        image: (channels, planes, rays, samples) float16.
        lumen: (planes, rays) float32 radius of the lumen, mm; 0 where the artery is occluded and
            NaN where it is not known, as outside of the artery.
        outer: (planes, rays) float32 radius of the wall's outer boundary; NaN likewise.
    """

    image: NDArray[np.float16]
    lumen: NDArray[np.float32]
    outer: NDArray[np.float32]


def draw_stretches(close_up: CloseUp, rng: np.random.Generator, count: int) -> list[Stretch]:
    """Stretches at random places of a close-up, along centerlines that are off as found ones are."""
    return [one for _ in range(count) if (one := _draw(close_up, rng)) is not None]


def _draw(close_up: CloseUp, rng: np.random.Generator) -> Stretch | None:
    internal, external = close_up.internal, close_up.external
    own, other = internal, external
    claimed_from = np.inf
    course = None
    if external is not None:
        # The other centerline begins some way above, seldom below, where the arteries part.
        late = rng.normal(1.5, 3.0) if rng.random() < 0.85 else rng.uniform(-4, 12)
        claimed_from = float(external.points_mm[0, 2]) + late
        if rng.random() < 0.3:
            own, other = external, internal
        if rng.random() < 0.04:
            claimed_from = np.inf  # nobody found it
    if own is external:
        course = _off(own, rng)
        course = course[course[:, 2] > claimed_from] if np.isfinite(claimed_from) else course
        if len(course) < 4:
            return None
    else:
        course = _off(own, rng)
    window = _window(close_up)
    course = course[(course[:, 2] > window[0]) & (course[:, 2] < window[1])]
    if len(course) < 4:
        return None
    planes = Planes.across(course, STEP_MM)
    if len(planes) < PLANES:
        return None
    start = int(rng.integers(len(planes) - PLANES + 1))
    planes = planes.part(slice(start, start + PLANES))
    shown = None
    if other is not None:
        shown = _dense(_off(other, rng))
        if other is external:
            shown = shown[shown[:, 2] > claimed_from]
    image = plane_images(close_up.volume, planes, shown)
    lumen, outer = (np.full((PLANES, RAYS), np.nan) for _ in range(2))
    for k, rays in enumerate(planes.directions(RAYS)):
        center = planes.centers[k]
        joined = own is internal and external is not None and center[2] < claimed_from
        bodies = (own, external) if joined and external is not None else (own,)
        wall = union(tuple(b.wall for b in bodies))
        outer[k] = exit_radii(wall, center, rays, REACH_MM)
        if own.open:
            lumen[k] = exit_radii(union(tuple(b.lumen for b in bodies)), center, rays, REACH_MM)
        else:
            lumen[k] = np.where(np.isfinite(outer[k]), 0, np.nan)
    known = np.isfinite(lumen).all(axis=1) & (outer < LARGEST_MM).all(axis=1)
    if known.sum() < PLANES // 2:
        return None
    lumen[~known] = outer[~known] = np.nan
    return Stretch(
        image.astype(np.float16),
        lumen.astype(np.float32),
        np.maximum(lumen, outer).astype(np.float32),
    )


def _window(close_up: CloseUp) -> tuple[float, float]:
    grid = close_up.volume.grid
    low = grid.world_from_index(np.zeros(3))[2]
    high = grid.world_from_index(np.array(grid.shape) - 1.0)[2]
    return float(min(low, high)), float(max(low, high))


def _dense(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve's points, half a millimetre apart."""
    return Planes.across(curve, 0.5).centers


def _off(artery: CourseTruth, rng: np.random.Generator) -> NDArray[np.float64]:
    """The artery's course with an error that a found centerline may have, (n, 3) R-A-S mm."""
    points = artery.points_mm
    usual = rng.random() < 0.6
    size = rng.uniform(0, 0.35) if usual else rng.uniform(0.2, 1.3)
    size = min(size, 0.65 * float(np.median(artery.radius_mm)))
    error = np.zeros((len(points), 3))
    for axis in (0, 1):
        error[:, axis] = 0.6 * rng.normal() + _wave(points[:, 2], rng)
    if rng.random() < 0.2:
        place = rng.uniform(points[0, 2], points[-1, 2])
        bump = np.exp(-0.5 * ((points[:, 2] - place) / rng.uniform(3, 8)) ** 2)
        error[:, :2] += rng.normal(0, 2.0, 2) * bump[:, None]
    length = np.linalg.norm(error, axis=1)
    error *= (np.minimum(length, 2.2) / np.maximum(length, 1e-9))[:, None]
    return points + size * error / 1.2


def _wave(z: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.zeros(len(z))
    for _ in range(3):
        out += np.sin(2 * np.pi * z / rng.uniform(10, 60) + rng.uniform(0, 2 * np.pi))
    return out * 0.6

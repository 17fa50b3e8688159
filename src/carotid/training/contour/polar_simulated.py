"""Polar samples of simulated close-ups: the known architecture can learn from the same necks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.close_up import simulate_close_up
from carotid.simulation.surfaces import exit_radii, union
from carotid.training.contour.polar_items import PolarSample
from carotid.training.contour.polar_targets import half_rays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.polar import Rays
    from carotid.simulation.close_up import CloseUp
    from carotid.simulation.truth import TrueArtery

STREAM_LENGTH = 1_000_000
"""Close-ups per stream, as for planes: the same stream and number are the same neck."""

SAMPLES_PER_DRAW = 24

_REACH_MM = 20.0


@dataclass(frozen=True)
class SimulatedPolar:
    """Polar samples of close-ups, each another one.

    Attributes:
        stream: Which stream of seeds.
        rays: How images are drawn.
        count: Samples of one close-up.
    """

    stream: int
    rays: Rays
    count: int = SAMPLES_PER_DRAW

    def __call__(self, number: int) -> list[PolarSample]:
        """The samples of the close-up of this number."""
        close_up = simulate_close_up(self.stream * STREAM_LENGTH + number)
        rng = np.random.default_rng([self.stream, number])
        array = close_up.volume.array.astype(np.float32, copy=False)
        low, high = np.percentile(array, [rng.uniform(1, 8), rng.uniform(91, 98.5)])
        scaled = np.clip((array - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32)
        bright = CloseUpView(close_up, scaled)
        made = [bright.sample(self.rays, rng) for _ in range(self.count)]
        return [one for one in made if one is not None]


@dataclass(frozen=True, eq=False)
class CloseUpView:
    """A close-up with its intensities brought to 0 … 1."""

    close_up: CloseUp
    scaled: NDArray[np.float32]

    def sample(self, rays: Rays, rng: np.random.Generator) -> PolarSample | None:
        """A cross-section at a random height; None where there is none to be seen whole."""
        internal, external = self.close_up.internal, self.close_up.external
        artery = external if external is not None and rng.random() < 0.3 else internal
        low, high = self._heights()
        z = rng.uniform(low, high)
        course = artery.points_mm
        if artery.lumen is None or not course[0, 2] < z < course[-1, 2]:
            return None
        middle = np.array([*(np.interp(z, course[:, 2], course[:, k]) for k in (0, 1)), z])
        bodies = [artery]
        if external is not None and self._joined(z):
            if artery is external:
                return None
            bodies.append(external)
        radius = float(np.interp(z, course[:, 2], artery.radius_mm))
        turn, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, radius / 2)
        center = middle + length * np.array([np.cos(turn), np.sin(turn), 0])
        voxel_mm = rng.uniform(0.3, 0.7)
        target = _target(bodies, center, rays, voxel_mm)
        if target is None:
            return None
        return PolarSample(self._image(center, rays, voxel_mm, rng), target)

    def _heights(self) -> tuple[float, float]:
        grid = self.close_up.volume.grid
        ends = grid.world_from_index(np.array([[0.0, 0, 0], np.array(grid.shape) - 1.0]))[:, 2]
        return float(ends.min()), float(ends.max())

    def _joined(self, z: float) -> bool:
        """Whether the lumens of both arteries are one at a height."""
        internal, external = self.close_up.internal, self.close_up.external
        if external is None or internal.lumen is None or external.lumen is None:
            return False
        if not external.points_mm[0, 2] <= z <= external.points_mm[-1, 2]:
            return False
        ends = [
            np.array([*(np.interp(z, a.points_mm[:, 2], a.points_mm[:, k]) for k in (0, 1)), z])
            for a in (internal, external)
        ]
        line = ends[0] + np.linspace(0, 1, 33)[:, None] * (ends[1] - ends[0])
        return bool((union((internal.lumen, external.lumen))(line) < 0).all())

    def _image(
        self, center: NDArray[np.float64], rays: Rays, voxel_mm: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        from scipy.ndimage import map_coordinates

        x, y = rays.offsets
        through = voxel_mm * rng.uniform(0.8, 1.3)
        z = rays.heights * through
        at = np.empty((rays.length, rays.n_angles, rays.polar_ray, 3))
        at[..., 0] = center[0] + x * voxel_mm
        at[..., 1] = center[1] + y * voxel_mm
        at[..., 2] = center[2] + z[:, None, None]
        index = self.close_up.volume.grid.index_from_world(at.reshape(-1, 3)).T
        values = map_coordinates(self.scaled, index, output=np.float32, order=1, mode="nearest")
        return np.asarray(values.reshape(at.shape[:3]))


def _target(
    bodies: list[TrueArtery], center: NDArray[np.float64], rays: Rays, voxel_mm: float
) -> NDArray[np.float32] | None:
    directions = np.column_stack([half_rays(rays), np.zeros(rays.n_angles)])
    lumens = tuple(body.lumen for body in bodies if body.lumen is not None)
    inner = exit_radii(union(lumens), center, directions, _REACH_MM)
    outer = exit_radii(union(tuple(b.wall for b in bodies)), center, directions, _REACH_MM)
    if not (np.isfinite(inner).all() and np.isfinite(outer).all()):
        return None
    per_mm = rays.polar_ray / rays.cartesian_ray / voxel_mm
    return (np.stack([inner, np.maximum(outer - inner, 0)]) * per_mm).astype(np.float32)

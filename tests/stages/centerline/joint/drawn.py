"""A drawn side of a neck: where its arteries are, and the heatmaps that a perfect network makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Heatmaps, SideHeatmaps
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.stages.centerline.joint.levels import SideVolume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName

EXTENT_MM = (60.0, 36.0, 48.0)
PEAK = float(np.exp(6.0))


@dataclass(frozen=True)
class Drawn:
    """Two arteries with a bifurcation.

    Attributes:
        spacing_mm: The canonical voxel.
        fork_mm: Height of the bifurcation from the first slice.
        middle_mm: x of the common carotid.
        leftward: Whether it is the left side, which lies at small x.
    """

    spacing_mm: tuple[float, float, float] = (0.6, 0.6, 0.6)
    fork_mm: float = 20.0
    middle_mm: float = 17.0
    leftward: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """Canonical voxels."""
        x, y, z = (int(e / s) for e, s in zip(EXTENT_MM, self.spacing_mm, strict=True))
        return x, y, z

    def centers_mm(self, channel: int) -> NDArray[np.float64]:
        """(slices, 2) x and y from the first voxel: a bow, from which both leave at the fork."""
        z_mm = np.arange(self.shape[2]) * self.spacing_mm[2]
        sign = (-1, 1)[channel] * (1 if self.leftward else -1)
        apart = np.minimum(np.maximum(0, z_mm - self.fork_mm) * 0.35, 6.0)
        x = self.middle_mm + 2 * np.sin(z_mm / 20) + sign * apart * 0.7
        y = 18 + 1.5 * np.cos(z_mm / 15) + (-1, 1)[channel] * apart * 0.6
        return np.column_stack([x, y])

    def heat(self, *, internal: bool = True, external: bool = True) -> NDArray[np.float32]:
        """(2, x, y, z) heights, 403 on the artery, 0 at 16 mm."""
        x = np.arange(self.shape[0])[:, None, None] * self.spacing_mm[0]
        y = np.arange(self.shape[1])[None, :, None] * self.spacing_mm[1]
        heat = np.zeros((2, *self.shape))
        for channel, shown in enumerate((internal, external)):
            if shown:
                at = self.centers_mm(channel)
                gap = np.hypot(x - at[:, 0], y - at[:, 1])
                heat[channel] = np.maximum(np.exp(6 * (1 - gap / 16)) - 1, 0)
        return heat.astype(np.float32)

    def volume(self, heat: NDArray[np.float32] | None = None) -> SideVolume:
        """Its heatmaps, or others on its grid."""
        return SideVolume(self.heat() if heat is None else heat, self.spacing_mm, self.leftward)


def maxima_of(heat: NDArray[np.float32]) -> NDArray[np.int64]:
    """(1, 2, slices, 2) x and y of the largest value of each channel and slice."""
    channels, x, y, z = heat.shape
    flat = heat.reshape(channels, x * y, z).argmax(axis=1)
    return np.stack(np.unravel_index(flat, (x, y)), axis=-1)[None].astype(np.int64)


def heatmaps_of(
    heats: dict[SideName, NDArray[np.float32]],
    spacing_mm: tuple[float, float, float],
    tilt: NDArray[np.float64] | None = None,
    order: str = CANONICAL,
) -> Heatmaps:
    """Both sides' heatmaps, stored in some order on a grid that may be tilted."""
    shape = heats["left"].shape[1:]
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if tilt is None else tilt) * np.array(spacing_mm)
    grid = Grid((shape[0], shape[1], shape[2]), affine)
    way = Reordering.between(grid, order)
    sides = {
        name: SideHeatmaps(
            np.ascontiguousarray(way.view(heat, 1)).astype(np.float32),
            np.zeros_like(way.view(heat, 1)),
            maxima_of(heat),
        )
        for name, heat in heats.items()
    }
    return Heatmaps(sides["left"], sides["right"], way.grid(grid))

"""What a polar network is trained on: annotated cross-sections and the images around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.intensity import intensity_range
from carotid.geometry.polar import PolarSampler
from carotid.storage.raw import load_scan
from carotid.training.contour.polar_targets import compatible_targets, exact_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.geometry.sides import SideName
    from carotid.stages.polar.parameters import PolarParameters
    from carotid.training.contour.annotations import ContourSource


@dataclass(frozen=True, eq=False)
class PolarItem:
    """One annotated cross-section.

    Attributes:
        source: The side that it belongs to.
        label, z: Which artery and slice.
        lumen: (m, 2) vertices, canonical voxel indices.
        wall: (k, 2) vertices of the wall's outer boundary.
        center: (3,) mean of the lumen's vertices, and z.
        largest_offset: How far training may move the center, voxels.
    """

    source: ContourSource
    label: str
    z: int
    lumen: NDArray[np.float64]
    wall: NDArray[np.float64]
    center: NDArray[np.float64]
    largest_offset: float

    @property
    def side(self) -> SideName:
        """Which side."""
        return self.source.side


@dataclass(frozen=True, eq=False)
class PolarSample:
    """What a polar network sees and what it should answer.

    Attributes:
        image: (length, n_angles, polar_ray) float32, one row an angle.
        target: (2, n_angles) float32, in samples.
    """

    image: NDArray[np.float32]
    target: NDArray[np.float32]


def items_of(sources: Sequence[ContourSource]) -> list[PolarItem]:
    """The cross-sections of annotated sides, which are whole, in the order of the tables."""
    items = []
    for source in sources:
        for section in source.sections:
            if section.lumen is None or section.wall is None:
                continue
            lumen = section.lumen.points
            middle = lumen.mean(axis=0)
            nearest = float(np.linalg.norm(lumen - middle, axis=1).min())
            center = np.array([*middle, section.z])
            walls = section.wall.points
            items.append(
                PolarItem(source, section.label, section.z, lumen, walls, center, nearest / 2)
            )
    return items


@dataclass(frozen=True, eq=False)
class PolarDrawer:
    """Draws samples around items; scans are read once and stay in memory.

    Attributes:
        parameters: How images are drawn.
        compatible: Whether targets are those of the known tool.
    """

    parameters: PolarParameters
    compatible: bool
    _samplers: dict[str, PolarSampler] = field(default_factory=dict, repr=False)

    def sample(self, item: PolarItem, move: NDArray[np.float64] | None = None) -> PolarSample:
        """One sample.

        Args:
            item: What is looked at.
            move: (2,) x and y by which the center is off, voxels.

        Raises:
            InputError: The scan cannot be used.
        """
        center = item.center.copy()
        if move is not None:
            center[:2] += move
        image = self._sampler(item.source).images(center[None])[0]
        return PolarSample(image, self.target(item, center).astype(np.float32))

    def target(self, item: PolarItem, center: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the network should answer for a center."""
        rays, at = self.parameters.rays, center[:2]
        if self.compatible:
            resolution = self.parameters.annotation_resolution
            return compatible_targets(item.lumen, item.wall, at, rays, resolution)
        return exact_targets(item.lumen, item.wall, at, rays)

    def _sampler(self, source: ContourSource) -> PolarSampler:
        name = source.participant
        if name not in self._samplers:
            volume = load_scan(source.scan)
            percentiles = source.rescaling.percentiles
            intensities = (
                None if percentiles is None else intensity_range(volume.array, *percentiles)
            )
            self._samplers[name] = PolarSampler(
                volume, intensities, self.parameters.rays, self.parameters.sampling
            )
        return self._samplers[name]


def random_move(item: PolarItem, rng: np.random.Generator) -> NDArray[np.float64]:
    """How far training moves the center this time: (2,) x and y, voxels."""
    length, turn = rng.uniform(0, item.largest_offset), rng.uniform(0, 2 * np.pi)
    return np.asarray(length * np.array([np.cos(turn), np.sin(turn)]))


def too_large(items: Sequence[PolarItem], parameters: PolarParameters) -> list[str]:
    """The items whose contours reach beyond their rays, in words."""
    half = parameters.cartesian_ray / 2
    return [
        f"{item.source.participant} {item.side} {item.label} {item.z}: reaches "
        f"{_reach(item):.1f} voxels from its center"
        for item in items
        if _reach(item) + item.largest_offset >= half
    ]


def _reach(item: PolarItem) -> float:
    every = np.concatenate([item.lumen, item.wall])
    return float(np.linalg.norm(every - item.center[:2], axis=1).max())

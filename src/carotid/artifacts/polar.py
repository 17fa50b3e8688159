"""Polar images around centers: read from files, or drawn as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from carotid.artifacts.noun import require_array, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from carotid.artifacts.centerlines import Centerlines
    from carotid.artifacts.heatmaps import Scan
    from carotid.artifacts.labels import Label
    from carotid.geometry.grid import Grid
    from carotid.geometry.polar import Rays, Sampling
    from carotid.geometry.sides import SideName


@dataclass(frozen=True, eq=False)
class PolarBlock:
    """Polar images of some slices of one side, in order of label (external first), then z.

    Attributes:
        labels: The artery of each slice.
        centers: (k, centers, 3) float64, canonical voxel indices; 1 or 9 centers a slice.
        images: (k, centers, length, n_angles, polar_ray) float32, one row an angle; see
            `carotid.geometry.polar`.
    """

    __repr__ = short

    labels: tuple[Label, ...]
    centers: NDArray[np.float64]
    images: NDArray[np.float32]

    def __post_init__(self) -> None:
        require_array("centers", self.centers, (len(self.labels), None, 3))
        require_array("images", self.images, (*self.centers.shape[:2], None, None, None))


class PolarImages(Protocol):
    """Polar images of a participant: read from files, or drawn as they are asked for."""

    @property
    def canonical(self) -> Grid:
        """The scan's grid in canonical order, to which centers refer."""

    @property
    def stored(self) -> Grid | None:
        """The scan's stored grid; None where it is unknown."""

    @property
    def rays(self) -> Rays:
        """How the rays are drawn."""

    @property
    def sampling(self) -> Sampling | None:
        """How values are taken between voxels; None where it is unknown."""

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        """The images of one side, a block at a time."""


@runtime_checkable
class FromScan(Protocol):
    """Images that are drawn as they are asked for: what they are drawn from can be looked at."""

    @property
    def scan(self) -> Scan:
        """What they are drawn from."""

    @property
    def centerlines(self) -> Centerlines:
        """Where images are drawn."""

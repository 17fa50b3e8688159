"""Contours of lumen and outer wall from polar images, by an ensemble of networks.

Images come a block at a time, whether they are read or drawn as they are asked for, and all
networks look at a block before the next one comes. So memory holds a block and the outlines.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.artifacts import Contours, CrossSection
from carotid.errors import InputError
from carotid.geometry.outlines import inside
from carotid.geometry.polar import IMAGES_PER_BLOCK
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.polar_cnn import dropper
from carotid.stages.contour.decode import Decoding, averaged, clouds, fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import PolarBlock, PolarImages
    from carotid.geometry.sides import SideName
    from carotid.network.polar_cnn import Drop
    from carotid.network.polar_pyramid import PolarNetwork
    from carotid.stages.contour.decode import Outlines
    from carotid.stages.contour.parameters import ContourParameters

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PolarEnsemble:
    """Networks that are ready to predict.

    Attributes:
        networks: The members, all of one variant.
        decoding: What their outputs mean.
        device: Where they compute.
    """

    networks: Sequence[PolarNetwork]
    decoding: Decoding
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def outputs(
        self, images: NDArray[np.float32], repeats: int = 1, drop: Drop | None = None
    ) -> NDArray[np.float32]:
        """What the networks say of images.

        Args:
            images: (k, length, n_angles, polar_ray), one row an angle.
            repeats: Predictions of each network for each image.
            drop: What takes the place of dropout layers; None leaves them out.

        Returns:
            (k, networks · repeats, 2, n_angles).
        """
        count = max(1, IMAGES_PER_BLOCK // repeats)
        parts = []
        for start in range(0, len(images), count):
            part = torch.from_numpy(np.ascontiguousarray(images[start : start + count]))
            rays = part.to(self.device)
            found = [network(rays, repeats, drop).cpu() for network in self.networks]
            parts.append(torch.cat(found, 1).numpy())
        return np.concatenate(parts)


def find_contours(
    images: PolarImages, ensemble: PolarEnsemble, parameters: ContourParameters
) -> Contours:
    """Outlines of lumen and outer wall in every slice that has polar images.

    Args:
        images: The images of both sides.
        ensemble: The networks; they fit the images (`carotid.stages.contour.fit`).
        parameters: How outlines are made from what the networks say.

    Raises:
        InputError: A center lies between slices, or the networks give no numbers for an image.
    """
    left, right = (
        _side(images.blocks(side), side, images, ensemble, parameters) for side in SIDE_NAMES
    )
    return Contours(left, right, images.canonical, images.stored)


def _side(
    blocks: Iterable[PolarBlock],
    side: SideName,
    images: PolarImages,
    ensemble: PolarEnsemble,
    parameters: ContourParameters,
) -> tuple[CrossSection, ...]:
    drop, repeats = None, 1
    if parameters.dropout and all(one.variant.dropout for one in ensemble.networks):
        generator = torch.Generator(ensemble.device).manual_seed(parameters.seed)
        drop, repeats = dropper(generator), parameters.n_repeats
    spacing = images.canonical.spacing_mm[:2]
    sections: list[CrossSection] = []
    doubtful = _Doubtful()
    for block in blocks:
        used = slice(1) if parameters.single_center else slice(None)
        centers, rays = block.centers[:, used], block.images[:, used]
        heights = _heights(centers[:, 0, 2])
        k, count = centers.shape[:2]
        outputs = ensemble.outputs(rays.reshape(k * count, *rays.shape[2:]), repeats, drop)
        if not np.isfinite(outputs).all():
            raise InputError(
                f"the networks give no numbers for a polar image of the {side} side",
                found=f"intensities up to {np.abs(rays).max():.3g}",
                remedy="rescale intensities with a parameters.json in RAW_DIR",
            )
        outputs = outputs.reshape(k, count, *outputs.shape[1:])
        if parameters.takes_mean:
            lumen, wall = averaged(outputs[:, 0], centers[:, 0], ensemble.decoding, spacing)
        else:
            lumen, wall = (
                fitted(cloud, images.rays.n_angles, parameters.delta_theta, spacing)
                for cloud in clouds(ensemble.decoding.radii(outputs), centers)
            )
        sections += map(CrossSection, block.labels, heights, lumen.each(), wall.each())
        doubtful.count(lumen, wall)
    doubtful.tell(side)
    return tuple(sections)


def _heights(z: NDArray[np.float64]) -> list[int]:
    """Slices of centers.

    Raises:
        InputError: One lies between slices: outlines lie in axial slices.
    """
    between = np.flatnonzero(z != np.rint(z))
    if len(between):
        raise InputError(
            "a center lies between two slices, and contours lie in slices",
            found=f"z = {z[between[0]]:g}",
            expected="a whole number",
            remedy="make the centerlines again with whole slices",
        )
    return [int(one) for one in z]


@dataclass
class _Doubtful:
    """Counts points that cannot be right; lumen and wall are made each for itself."""

    points: int = 0
    inside: int = 0
    negative: int = 0

    def count(self, lumen: Outlines, wall: Outlines) -> None:
        """Look at some cross-sections."""
        self.points += wall.radii.size
        self.inside += int(inside(wall.points, lumen.points).sum())
        self.negative += int((lumen.radii <= 0).sum() + (wall.radii <= 0).sum())

    def tell(self, side: SideName) -> None:
        """Say what was found; nothing is repaired."""
        for count, total, what in (
            (self.inside, self.points, "points of the wall lie inside the lumen"),
            (self.negative, 2 * self.points, "radii are not above zero"),
        ):
            if count:
                logger.warning(
                    "%s: %d of %d %s (%.1f %%); they are written as they are",
                    side,
                    count,
                    total,
                    what,
                    100 * count / total,
                )

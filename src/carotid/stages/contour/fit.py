"""Whether contour networks and polar images fit each other, and what one should know if they do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carotid.errors import ConfigurationError
from carotid.network.polar_cnn import ANGLES, SAMPLES, SLICES
from carotid.stages.contour.decode import Decoding

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.grid import Grid
    from carotid.geometry.polar import Rays, Sampling
    from carotid.network.contour_models import ContourModels
    from carotid.network.polar_cnn import Variant
    from carotid.stages.contour.parameters import ContourParameters

logger = logging.getLogger(__name__)

_SHIFT_VOXELS = 0.45
"""How far `compatible` sampling moved the lumen with early weights of the known tool."""

_SAME_SIZE = 0.01


def check_fit(models: ContourModels, rays: Rays, where: Path | str) -> None:
    """Refuse images that the networks cannot take, or that are not those of their training.

    Args:
        models: The networks.
        rays: How the images are drawn.
        where: The images or the settings, for messages.

    Raises:
        ConfigurationError: Names the key of `[polar_transform]`.
    """
    check_size(models.variant, rays, where)
    for key in ("n_angles", "polar_ray", "cartesian_ray", "length"):
        trained = models.polar.get(key, getattr(rays, key))
        if trained != getattr(rays, key):
            raise ConfigurationError(
                f"the networks were trained on polar images of another {key}",
                where=where,
                found=getattr(rays, key),
                expected=trained,
                remedy=f"set {key} = {trained} in [polar_transform]",
            )


def check_size(variant: Variant, rays: Rays, where: Path | str) -> None:
    """Refuse images of a size that networks cannot take.

    Args:
        variant: Which networks.
        rays: How the images are drawn.
        where: The images or the settings, for messages.

    Raises:
        ConfigurationError: Names the key of `[polar_transform]`.
    """
    needed = {"n_angles": ANGLES, "polar_ray": SAMPLES}
    if variant.dimension == 3:
        needed["length"] = SLICES
    for key, size in needed.items():
        if getattr(rays, key) != size:
            raise ConfigurationError(
                f"contour networks in {variant.dimension}D take polar images of another {key}",
                where=where,
                found=getattr(rays, key),
                expected=size,
                remedy=f"set {key} = {size} in [polar_transform]",
            )


def decoding_of(models: ContourModels, rays: Rays, parameters: ContourParameters) -> Decoding:
    """What the networks' outputs mean."""
    per_voxel = rays.polar_ray / rays.cartesian_ray
    if models.version == 1:
        return Decoding(per_voxel, far_end=rays.polar_ray / 2)
    lacking = models.lacks_half_a_sample and rays.polar_ray % 2 == 1
    missing = 0.5 if lacking and parameters.radius == "corrected" else 0.0
    return Decoding(per_voxel, far_end=None, missing=missing)


def tell_of_run(
    models: ContourModels, rays: Rays, sampling: Sampling | None, parameters: ContourParameters
) -> None:
    """Log what one should know before the first participant."""
    if parameters.dropout and not models.variant.dropout:
        logger.warning("dropout: the networks have no dropout layers; it is off")
    if parameters.interpolation_method == "mean" and not parameters.single_center:
        logger.warning(
            'interpolation_method = "mean" counts with single_center = true only: contours are '
            "polynomial"
        )
    if sampling is not None and models.sampling is not None and sampling != models.sampling:
        logger.warning(
            "the networks were trained on images of %s sampling, these are %s",
            models.sampling,
            sampling,
        )
    elif models.sampling is None:
        logger.info(
            "sampling is %s; the weights do not say which they were trained on. Compatible "
            "sampling, the known tool's, moves contours by up to %.2f voxels to the patient's "
            "right of linear ones",
            sampling or "unknown",
            _SHIFT_VOXELS,
        )
    if models.lacks_half_a_sample:
        voxels = 0.5 * rays.cartesian_ray / rays.polar_ray
        logger.info(
            "radius is %s: weights of version 2 give radii %.3f voxels too small, which is %s",
            parameters.radius,
            voxels,
            "added" if decoding_of(models, rays, parameters).missing else "left as it is",
        )


def tell_of_scan(
    models: ContourModels, rays: Rays, grid: Grid, parameters: ContourParameters
) -> None:
    """Log what one should know of a scan, with lengths in mm.

    Args:
        models: The networks.
        rays: How the images are drawn.
        grid: The scan's grid in canonical order.
        parameters: How contours are made.
    """
    across, front = grid.spacing_mm[:2]
    voxel_mm = (across * front) ** 0.5
    missing = decoding_of(models, rays, parameters).missing
    if missing:
        logger.info(
            "radii are made %.3f mm longer: half a sample that the weights lack",
            missing * rays.cartesian_ray / rays.polar_ray * voxel_mm,
        )
    trained = models.voxel_mm
    if trained is not None and abs(voxel_mm - trained) > _SAME_SIZE * trained:
        logger.warning(
            "voxels are %.3f mm wide, those in training were %.3f mm: the networks see sizes in "
            "voxels",
            voxel_mm,
            trained,
        )

"""What the plane network is trained to: cells inside of lumen and wall, and radii in mm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from carotid.network.plane_cnn import occupancy
from carotid.stages.planes.images import SAMPLE_MM

if TYPE_CHECKING:
    from torch import Tensor

    from carotid.training.contour.parameters import LossWeights

THICK_MM = 1.5
"""From this thickness of the wall on a plane counts as thick."""

_MOST_EXTRA_MM = 3.0
_BETA_MM = 0.2
_LEAST_CHANCE = 1e-5


def plane_loss(logits: Tensor, lumen: Tensor, outer: Tensor, weights: LossWeights) -> Tensor:
    """Mean loss over the rays of planes whose radii are known.

    Args:
        logits: (batch, 2, planes, rays, samples).
        lumen: (batch, planes, rays) true radii, mm; NaN in planes that do not count.
        outer: (batch, planes, rays) likewise.
        weights: What counts how much.
    """
    known = torch.isfinite(lumen).all(dim=-1) & torch.isfinite(outer).all(dim=-1)
    lumen, outer = torch.nan_to_num(lumen), torch.nan_to_num(outer)
    wall = outer - lumen
    thick = (wall.amax(dim=-1) - THICK_MM).clamp(0, 1)
    share = known.float() * (1 + weights.thick * thick)
    share = share[..., None] * (1 + weights.plaque * (wall - THICK_MM).clamp(0, _MOST_EXTRA_MM))
    share = share / share.sum().clamp_min(1e-6)
    seen = occupancy(logits)
    total = logits.new_zeros((), dtype=torch.float32)
    for chance, radius in ((seen.lumen, lumen), (seen.outer, outer)):
        cells = functional.binary_cross_entropy(
            chance.clamp(_LEAST_CHANCE, 1 - _LEAST_CHANCE),
            inside_share(radius, chance.shape[-1]),
            reduction="none",
        ).mean(dim=-1)
        lengths = functional.smooth_l1_loss(
            chance.sum(dim=-1) * SAMPLE_MM, radius, beta=_BETA_MM, reduction="none"
        )
        total = total + ((cells + weights.radius * lengths) * share).sum()
    if weights.thickness > 0:
        found = (seen.outer - seen.lumen).sum(dim=-1) * SAMPLE_MM
        error = functional.smooth_l1_loss(found, wall, beta=_BETA_MM, reduction="none")
        total = total + weights.thickness * (error * share).sum()
    return total


def inside_share(radius_mm: Tensor, samples: int) -> Tensor:
    """Share of each cell along a ray that lies within a radius, (…, samples)."""
    start = torch.arange(samples, device=radius_mm.device, dtype=radius_mm.dtype) * SAMPLE_MM
    return ((radius_mm[..., None] - start) / SAMPLE_MM).clamp(0, 1)

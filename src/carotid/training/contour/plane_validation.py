"""How good a plane network is on necks that it was not trained on, in millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.network.plane_cnn import occupancy
from carotid.stages.planes.images import SAMPLE_MM
from carotid.stages.planes.predict import median_radii
from carotid.training.contour.plane_job import stacked
from carotid.training.contour.plane_loss import THICK_MM, plane_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from carotid.training.contour.parameters import LossWeights
    from carotid.training.contour.plane_samples import PlaneSample

_BATCH = 8


@dataclass(frozen=True)
class PlaneValidation:
    """What was found on the validation samples.

    Attributes:
        loss: Mean loss.
        metrics: Errors in mm: median and 95th percentile of the radii's, mean of the walls'
            thickness, and of the largest thickness in planes of thick wall; found minus true.
    """

    loss: float
    metrics: dict[str, float]


def validate_planes(
    network: nn.Module, samples: Sequence[PlaneSample], weights: LossWeights
) -> PlaneValidation:
    """Loss and errors of a network in evaluation mode."""
    device = next(network.parameters()).device
    losses, found, true = [], [], []
    with torch.no_grad():
        for start in range(0, len(samples), _BATCH):
            image, lumen, outer = stacked(samples[start : start + _BATCH])
            logits = network(image.to(device)).cpu()
            losses.append(float(plane_loss(logits, lumen, outer, weights)) * len(image))
            seen = occupancy(logits)
            radii = (seen.lumen.sum(dim=-1).numpy() * SAMPLE_MM, median_radii(seen.outer.numpy()))
            found.append(np.stack(radii).reshape(2, -1, radii[0].shape[-1]))
            true.append(torch.stack([lumen, outer]).flatten(1, 2).numpy())
    return PlaneValidation(
        sum(losses) / len(samples),
        plane_errors(np.concatenate(found, axis=1), np.concatenate(true, axis=1)),
    )


def plane_errors(found: NDArray[np.floating], true: NDArray[np.floating]) -> dict[str, float]:
    """Errors of radii, (2, planes, rays) mm: lumen and outer wall; planes with NaN do not count."""
    known = np.isfinite(true).all(axis=(0, 2))
    found, true = found[:, known], true[:, known]
    if not found.size:
        return {}
    out: dict[str, float] = {}
    for name, error in zip(("lumen", "outer"), np.abs(found - true), strict=True):
        out[f"{name}_median_mm"] = float(np.median(error))
        out[f"{name}_p95_mm"] = float(np.quantile(error, 0.95))
    wall_found, wall_true = found[1] - found[0], true[1] - true[0]
    out["wall_bias_mm"] = float((wall_found - wall_true).mean())
    thick = wall_true.max(axis=1) > THICK_MM
    if thick.any():
        gap = wall_found[thick].max(axis=1) - wall_true[thick].max(axis=1)
        out["thick_bias_mm"] = float(gap.mean())
    return out

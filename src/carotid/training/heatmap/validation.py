"""How good a network is on sides that it was not trained on, with windows as at inference."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.evaluation.distances import SliceErrors, Summary, slice_errors, slice_maxima, summarize
from carotid.network.windows.plan import WindowPlan
from carotid.network.windows.predict import predict
from carotid.training.heatmap.blocks import from_blocks, to_blocks
from carotid.training.heatmap.crops import WINDOW, cut_crop
from carotid.training.heatmap.forward import blocked_forward
from carotid.training.heatmap.losses import HEIGHT_SCALE, heatmap_loss
from carotid.training.heatmap.targets import RADIUS_VOXEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from carotid.network.unet import UNet
    from carotid.training.heatmap.crops import Side
    from carotid.training.heatmap.parameters import Phase

OVERLAP = 0.6
"""The heatmap transform's default overlap."""

VOXEL_MM = 0.5


@dataclass(frozen=True)
class Validation:
    """What was found on the validation sides.

    Attributes:
        loss: Mean loss.
        summary: The figures that count.
    """

    loss: float
    summary: Summary

    @property
    def metrics(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self.summary)


def validate(
    network: UNet,
    sides: Iterable[Side],
    phase: Phase,
    *,
    window: tuple[int, int, int] = WINDOW,
) -> Validation:
    """Loss and figures of a network that predicts heights / 100.

    Args:
        network: In evaluation mode.
        sides: What to validate on.
        phase: Tells the loss's weights.
        window: Size of the windows.
    """
    losses, errors = [], []
    for side in sides:
        heat = predict_side([network], side, window)[0]
        target = cut_crop(side, side.image.shape, (0, 0, 0))
        losses.append(_loss(heat, target.target, target.counted, phase))
        errors.append(errors_of(heat.numpy() * np.float32(HEIGHT_SCALE), side))
    return Validation(float(np.mean(losses)), summarize(errors))


def predict_side(
    networks: Sequence[UNet], side: Side, window: tuple[int, int, int] = WINDOW
) -> list[Tensor]:
    """Heights / 100 of each network, (2, s, p, l) float32."""
    image = torch.from_numpy(np.ascontiguousarray(side.image, dtype=np.float32))
    shape = (image.shape[0], image.shape[1], image.shape[2])
    plan = WindowPlan.of(shape, window, OVERLAP)
    heats = []
    for network in networks:
        device = next(network.parameters()).device

        def forward(x: Tensor, network: UNet = network) -> Tensor:
            return from_blocks(blocked_forward(network, x))

        heats.append(predict(forward, image.to(device), plan, 2).cpu())
    return heats


def errors_of(
    heatmap: np.ndarray[tuple[int, ...], np.dtype[np.float32]], side: Side
) -> SliceErrors:
    """Compare a side's heatmap, (2, s, p, l), with its centers.

    A center outside of the side's image is no vessel there; where it is so near that its target
    reaches into the image, the slice does not count.
    """
    maxima, peaks = slice_maxima(heatmap)
    last = np.array(side.image.shape[1:]) - 1
    beyond = np.linalg.norm(side.centers - np.clip(side.centers, 0, last), axis=2)
    centers = np.where((beyond > 0)[..., None], np.float32(np.nan), side.centers)
    doubtful = (beyond > 0) & (beyond < RADIUS_VOXEL)
    counted = side.annotated & ~doubtful.any(axis=1)
    above = (np.arange(side.image.shape[0]) - side.bifurcation) * VOXEL_MM
    return slice_errors(maxima, peaks, centers, counted, above, (VOXEL_MM, VOXEL_MM))


def _loss(
    heat: Tensor,
    target: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    counted: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    phase: Phase,
) -> float:
    odd = [side % 2 for side in heat.shape[1:]]
    pad = (0, odd[2], 0, odd[1], 0, odd[0])
    with torch.no_grad():
        value = heatmap_loss(
            to_blocks(torch.nn.functional.pad(heat, pad)[None]),
            to_blocks(torch.nn.functional.pad(torch.from_numpy(target) / HEIGHT_SCALE, pad)[None]),
            torch.nn.functional.pad(torch.from_numpy(counted), (0, odd[0]))[None],
            height_weight=phase.height_weight,
            difference_weight=phase.difference_weight,
            empty_weight=phase.empty_weight,
        )
    return float(value)

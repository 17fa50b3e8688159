"""How far a prediction is from its target.

Two terms, both on heights divided by 100 and over counted slices alone: the squared error, in which
a voxel of target height h counts 1 + h / `height_weight` (without it everything collapses to zero,
for the peaks are few), and the squared error of internal minus external, in which a voxel counts
1 + 3 |difference of the targets| (without it both channels settle on the same vessel).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

HEIGHT_SCALE = 100.0
"""Networks are trained to predict heights divided by this."""

DIFFERENCE_GAIN = 3.0
"""Further weight, in the second term, of a voxel per unit of difference of the targets."""


def heatmap_loss(
    prediction: Tensor,
    target: Tensor,
    counted: Tensor,
    *,
    height_weight: float,
    difference_weight: float,
    empty_weight: float = 1.0,
) -> Tensor:
    """The mean loss over counted voxels, with its gradient to the prediction.

    Args:
        prediction: (n, 16, s/2 + 1, p/2 + 1, l/2 + 1) in blocks; heights / 100.
        target: The same shape, float32, heights / 100, zero beyond the borders.
        counted: (n, s) bool, slices that have a say; in main memory, so that nobody has to wait
            for a GPU to know how many they are.
        height_weight: See above, in heights.
        difference_weight: Weight of the second term.
        empty_weight: In the first term, what a voxel counts where the slice's target is zero. The
            weight of heights alone makes a vessel that may be there or not be drawn high.
    """
    terms = (height_weight, difference_weight, empty_weight)
    return cast("Tensor", _HeatmapLoss.apply(prediction, target, counted, *terms))  # type: ignore[no-untyped-call]


class _HeatmapLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        prediction: Tensor,
        target: Tensor,
        counted: Tensor,
        height_weight: float,
        difference_weight: float,
        empty_weight: float,
    ) -> Tensor:
        # Channels last, as both lie in memory: every pass below runs straight through it.
        drawn = target.permute(0, 2, 3, 4, 1)
        error = torch.sub(prediction.permute(0, 2, 3, 4, 1), drawn)
        voxels = _silence(error.permute(0, 4, 1, 2, 3), counted)
        gradient = torch.addcmul(error, error, drawn, value=HEIGHT_SCALE / height_weight)
        if empty_weight != 1:
            _scale_empty_slices(gradient, drawn, empty_weight)
        loss = torch.dot(gradient.reshape(-1), error.reshape(-1)) / (2 * voxels)
        gradient *= 1 / voxels
        if difference_weight:
            half = error.shape[-1] // 2
            apart = error[..., :half] - error[..., half:]
            gap = (drawn[..., :half] - drawn[..., half:]).abs_()
            pull = torch.addcmul(apart, gap, apart, value=DIFFERENCE_GAIN)
            share = torch.dot(pull.reshape(-1), apart.reshape(-1)) / voxels
            loss = loss + difference_weight * share
            gradient[..., :half].add_(pull, alpha=2 * difference_weight / voxels)
            gradient[..., half:].sub_(pull, alpha=2 * difference_weight / voxels)
        ctx.save_for_backward(gradient.to(prediction.dtype).permute(0, 4, 1, 2, 3))
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0], None, None, None, None, None


def _scale_empty_slices(array: Tensor, target: Tensor, factor: float) -> None:
    """Multiply slices (of blocks) in which the target of a channel is zero, in place."""
    n, s, p, l, channels = array.shape  # noqa: E741
    highest = target.reshape(n, s, p * l, channels).amax(2)
    empty = highest.view(n, s, channels // 4, 4).amax(3) <= 0
    factors = torch.where(empty, factor, 1.0).to(array.dtype).repeat_interleave(4, 2)
    array.mul_(factors[:, :, None, None, :])


def _silence(error: Tensor, counted: Tensor) -> float:
    """Zero the error where it does not count; return the number of counted voxels."""
    n, channels, s, p, l = error.shape  # noqa: E741
    parts = error.view(n, channels // 8, 2, 2, 2, s, p, l)
    slices = torch.nn.functional.pad(counted.float(), (1, 1)).view(n, s, 2)
    slices = slices.permute(0, 2, 1).to(error.device, non_blocking=True)
    parts *= slices[:, None, :, None, None, :, None, None]
    parts[:, :, :, 0, :, :, 0] = 0
    parts[:, :, :, 1, :, :, -1] = 0
    parts[:, :, :, :, 0, :, :, 0] = 0
    parts[:, :, :, :, 1, :, :, -1] = 0
    return max(float(counted.sum()), 1.0) * (2 * p - 2) * (2 * l - 2)

"""How good a polar network is, in evaluation mode: losses of every item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.training.contour.polar_job import answers, stacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from carotid.training.contour.polar_items import PolarSample

_BATCH = 32


@dataclass(frozen=True)
class PolarValidation:
    """What was found.

    Attributes:
        loss: Mean smooth L1 over the items.
        metrics: Means over the items of MSE and L1, in samples.
    """

    loss: float
    metrics: dict[str, float]


def item_losses(network: nn.Module, samples: Iterable[PolarSample]) -> NDArray[np.float64]:
    """(n, 3) MSE, L1 and smooth L1 of every sample."""
    rows: list[NDArray[np.float64]] = []
    batch: list[PolarSample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == _BATCH:
            rows.append(_losses(network, batch))
            batch = []
    if batch:
        rows.append(_losses(network, batch))
    return np.concatenate(rows)


def _losses(network: nn.Module, samples: Sequence[PolarSample]) -> NDArray[np.float64]:
    device = next(network.parameters()).device
    images, targets = stacked(samples)
    with torch.no_grad():
        gap = (answers(network, images.to(device)).cpu() - targets).abs().double()
    smooth = torch.where(gap < 1, gap**2 / 2, gap - 0.5)
    means = [values.mean(dim=(1, 2)) for values in (gap**2, gap, smooth)]
    return np.asarray(torch.stack(means, dim=1).numpy())


def validate_polar(network: nn.Module, samples: Iterable[PolarSample]) -> PolarValidation:
    """Mean losses of a network in evaluation mode."""
    mse, l1, smooth = item_losses(network, samples).mean(axis=0)
    return PolarValidation(float(smooth), {"MSE": float(mse), "L1": float(l1)})

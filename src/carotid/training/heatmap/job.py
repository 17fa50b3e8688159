"""What `carotid train heatmap` tells the engine: crops of sides, the U-Net and its loss."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import torch

from carotid.network.unet import UNet
from carotid.training.heatmap.blocks import to_blocks
from carotid.training.heatmap.forward import blocked_forward
from carotid.training.heatmap.losses import HEIGHT_SCALE, heatmap_loss
from carotid.training.heatmap.on_device import CropBatch, DeviceStream
from carotid.training.heatmap.stream import CropStream, Stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from carotid.training.engine.ahead import DrawsAhead
    from carotid.training.heatmap.crops import Side
    from carotid.training.heatmap.parameters import Phase, TrainingParameters
    from carotid.training.heatmap.stream import StoredSide


@dataclass(frozen=True)
class HeatmapJob:
    """Training of one heatmap network through one phase.

    Attributes:
        draw: Makes the k-th side.
        seed: Where crops start from.
        phase: The phase that is trained.
        parameters: The settings.
    """

    draw: Callable[[int], Side]
    seed: int
    phase: Phase
    parameters: TrainingParameters

    def build(self) -> UNet:
        """The U-Net, without dropout."""
        return untrained()

    def trained(self, network: nn.Module) -> list[nn.Parameter]:
        """All weights but biases that a normalisation cancels."""
        return trained_parameters(network)

    def batches(self, worker: int, workers: int) -> CropBatches:
        """The crops of a worker."""
        return CropBatches(self, worker, workers)

    def batches_on(self, device: torch.device, ahead: DrawsAhead) -> DeviceBatches:
        """All crops, cut on the device, of sides that are made ahead."""
        return DeviceBatches(self, device, ahead(Stored(self.draw)))


class CropBatches:
    """The crops of one worker, step after step."""

    def __init__(self, job: HeatmapJob, worker: int, workers: int) -> None:
        self._job = job
        self._stream = CropStream(
            job.draw,
            seed=job.seed,
            worker=worker,
            workers=workers,
            pool_size=job.parameters.pool_size,
            steps_per_side=job.parameters.steps_per_side,
            augment=job.parameters.augment,
        )

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        """Add the mean gradient over a step's crops to the weights' `grad`; return the loss."""
        job = self._job
        crops = self._stream.crops(step, job.phase, job.parameters.crops_per_worker)
        total = torch.zeros((), dtype=torch.float64)
        for crop in crops:
            image, target = torch.from_numpy(crop.image), torch.from_numpy(crop.target)
            batch = CropBatch(image[None, None], target[None], torch.from_numpy(crop.counted)[None])
            loss = mean_loss(cast("UNet", network), batch, job)
            (loss / len(crops)).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total / len(crops)


class DeviceBatches:
    """The crops of a device that computes all gradients, step after step."""

    def __init__(
        self, job: HeatmapJob, device: torch.device, draw: Callable[[int], StoredSide]
    ) -> None:
        self._job = job
        self._stream = DeviceStream(draw, job.seed, device, job.parameters, job.phase)

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        """Add the mean gradient over a step's crops to the weights' `grad`; return the loss."""
        loss = mean_loss(cast("UNet", network), self._stream.crops(step), self._job)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


untrained = partial(UNet, dropout=0.0)
"""Makes the network that is trained, with random weights."""


def trained_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The weights that training moves: all but biases that a normalisation cancels."""
    names = dict(network.named_parameters())
    cancelled = {
        name
        for name in names
        if name.endswith(".conv.bias")
        and f"{name.removesuffix('.conv.bias')}.adn.A.weight" in names
    }
    return [weight for name, weight in names.items() if name not in cancelled]


def mean_loss(network: UNet, crops: CropBatch, job: HeatmapJob) -> Tensor:
    """The mean of the losses of crops, each the mean over its own counted voxels."""
    targets = to_blocks(crops.targets.mul(1 / HEIGHT_SCALE))
    low = job.parameters.precision == "bfloat16"
    device = crops.images.device.type
    with torch.autocast(device, dtype=torch.bfloat16) if low else nullcontext():
        heat = blocked_forward(network, crops.images)
    losses = [
        heatmap_loss(
            *one,
            height_weight=job.phase.height_weight,
            difference_weight=job.phase.difference_weight,
            empty_weight=job.phase.empty_weight,
        )
        for one in zip(*(torch.split(x, 1) for x in (heat, targets, crops.counted)), strict=True)
    ]
    return torch.stack(losses).mean()

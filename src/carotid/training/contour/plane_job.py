"""What training of plane networks tells the engine: samples, the network and its loss."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from carotid.network.plane_cnn import PlaneCNN
from carotid.training.contour.plane_loss import plane_loss
from carotid.training.contour.plane_samples import PLANES, PlaneSample
from carotid.training.contour.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from carotid.training.contour.parameters import ContourTraining, LossWeights
    from carotid.training.engine.ahead import DrawsAhead


@dataclass(frozen=True)
class PlaneJob:
    """Training of one plane network.

    Attributes:
        draw: Makes the samples of the k-th neck or scan.
        seed: Of order and variation.
        weights: What counts how much in the loss.
        parameters: The settings.
    """

    draw: Callable[[int], Sequence[PlaneSample]]
    seed: int
    weights: LossWeights
    parameters: ContourTraining

    def build(self) -> PlaneCNN:
        """The network."""
        return PlaneCNN()

    def trained(self, network: nn.Module) -> list[nn.Parameter]:
        """All weights."""
        return list(network.parameters())

    def batches(self, worker: int, workers: int) -> PlaneBatches:
        """The samples of a worker."""
        return PlaneBatches(self, worker, workers)

    def batches_on(self, device: torch.device, ahead: DrawsAhead) -> PlaneBatches:
        """All samples, stacked in main memory, of draws that are made ahead."""
        return replace(self, draw=ahead(self.draw)).batches(0, 1)


class PlaneBatches:
    """The samples of one worker, step after step."""

    def __init__(self, job: PlaneJob, worker: int, workers: int) -> None:
        self._job = job
        self._worker = worker
        self._pool = Pool(job.draw, job.parameters.pool, worker, workers)

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        """Add the mean gradient over a step's samples to the weights' `grad`; return the loss."""
        parameters = self._job.parameters
        rng = np.random.default_rng([self._job.seed, step, self._worker])
        chosen = self._pool.choose(step, parameters.batch_size, rng)
        samples = [varied(one, rng, parameters.planes) for one in chosen]
        loss = batch_loss(
            cast("PlaneCNN", network), samples, self._job.weights, parameters.precision
        )
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def batch_loss(
    network: nn.Module, samples: Sequence[PlaneSample], weights: LossWeights, precision: str
) -> Tensor:
    """Mean loss of samples of equal size."""
    device = next(network.parameters()).device
    image, lumen, outer = (tensor.to(device) for tensor in stacked(samples))
    low = precision == "bfloat16"
    with torch.autocast(device.type, dtype=torch.bfloat16) if low else nullcontext():
        logits = network(image)
    return plane_loss(logits, lumen, outer, weights)


def stacked(samples: Sequence[PlaneSample]) -> tuple[Tensor, Tensor, Tensor]:
    """Images, lumens and outer walls of samples of equal size, float32."""
    image = torch.from_numpy(np.stack([one.image.astype(np.float32) for one in samples]))
    lumen = torch.from_numpy(np.stack([one.lumen for one in samples]))
    return image, lumen, torch.from_numpy(np.stack([one.outer for one in samples]))


def varied(sample: PlaneSample, rng: np.random.Generator, planes: int) -> PlaneSample:
    """Some planes of a sample, turned, mirrored, of another contrast and with more noise."""
    planes = min(planes, PLANES)
    start = int(rng.integers(PLANES - planes + 1))
    part = slice(start, start + planes)
    image, lumen, outer = sample.image[:, part], sample.lumen[part], sample.outer[part]
    turn = int(rng.integers(image.shape[2]))
    image = np.roll(image, turn, axis=2).astype(np.float32)
    lumen, outer = np.roll(lumen, turn, axis=1), np.roll(outer, turn, axis=1)
    if rng.random() < 0.5:
        image, lumen, outer = image[:, :, ::-1], lumen[:, ::-1], outer[:, ::-1]
    seen = image[0]
    if rng.random() < 0.5:
        seen = np.sign(seen) * np.abs(seen) ** np.float32(rng.uniform(0.7, 1.4))
    seen = seen * np.float32(rng.uniform(0.75, 1.3))
    if rng.random() < 0.5:
        seen = seen + np.float32(rng.uniform(-0.15, 0.15))
    if rng.random() < 0.2:
        noise = rng.standard_normal(seen.shape, dtype=np.float32)
        seen = seen + np.float32(rng.uniform(0.01, 0.1)) * noise
    return PlaneSample(
        np.stack([seen, image[1]]),
        np.ascontiguousarray(lumen),
        np.ascontiguousarray(outer),
    )

"""What training of polar networks tells the engine: samples, the network and its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.nn import functional

from carotid.geometry.polar import with_repeated_rows
from carotid.network.polar_cnn import PolarCNN, Variant
from carotid.training.contour.polar_items import PolarSample, random_move

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from carotid.training.contour.parameters import ContourTraining
    from carotid.training.contour.polar_items import PolarDrawer, PolarItem
    from carotid.training.contour.pool import Pool
    from carotid.training.engine.ahead import DrawsAhead


class Chooser(Protocol):
    """The samples of one worker's steps."""

    def __call__(self, step: int, /) -> list[PolarSample]:
        """Those of a step; they depend on its number alone."""


class Choosers(Protocol):
    """Where the samples of all workers come from."""

    def __call__(self, worker: int, workers: int) -> Chooser:
        """The samples of a worker, of so many workers."""

    def ahead(self, ahead: DrawsAhead) -> Chooser:
        """All samples, made ahead."""


@dataclass(frozen=True)
class PolarJob:
    """Training of one polar network.

    Attributes:
        choosers: Make the samples of a worker.
        seed: Of everything random.
        parameters: The settings.
    """

    choosers: Choosers
    seed: int
    parameters: ContourTraining

    def build(self) -> PolarCNN:
        """The network."""
        return PolarCNN(Variant(self.parameters.dimension, self.parameters.dropout))

    def trained(self, network: nn.Module) -> list[nn.Parameter]:
        """All weights."""
        return list(network.parameters())

    def batches(self, worker: int, workers: int) -> PolarBatches:
        """The samples of a worker."""
        return PolarBatches(self.choosers(worker, workers))

    def batches_on(self, device: torch.device, ahead: DrawsAhead) -> PolarBatches:
        """All samples, stacked in main memory and made ahead."""
        return PolarBatches(self.choosers.ahead(ahead))


@dataclass(frozen=True)
class PolarBatches:
    """The samples of one worker, step after step."""

    choose: Chooser

    def add_gradients(self, network: nn.Module, step: int) -> Tensor:
        """Add the mean gradient over a step's samples to the weights' `grad`; return the loss."""
        images, targets = stacked(self.choose(step))
        device = next(network.parameters()).device
        loss = polar_loss(answers(network, images.to(device)), targets.to(device))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def answers(network: nn.Module, images: Tensor) -> Tensor:
    """What a network says of (b, length, n_angles, polar_ray) images: (b, 2, n_angles)."""
    complete = torch.from_numpy(with_repeated_rows(images.cpu().numpy())).to(images.device)
    if isinstance(network, PolarCNN) and network.variant.dimension == 2:
        complete = complete[:, complete.shape[1] // 2]
    found: Tensor = network(complete[:, None])
    return found


def polar_loss(found: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 with β = 1, mean over all numbers."""
    return functional.smooth_l1_loss(found, target)


def stacked(samples: Sequence[PolarSample]) -> tuple[Tensor, Tensor]:
    """Images and targets of several samples."""
    images = torch.from_numpy(np.stack([one.image.astype(np.float32) for one in samples]))
    return images, torch.from_numpy(np.stack([one.target for one in samples]))


@dataclass(frozen=True, eq=False)
class ItemChooser:
    """Samples of annotated items: all of them once an epoch, in another order each time.

    Attributes:
        items: The items of a fold.
        drawer: Draws around them.
        seed: Of order and centers.
        batch_size: Items of a step, over all workers.
        worker: Which worker this is, of so many `workers`.
        workers: See above.
    """

    items: tuple[PolarItem, ...]
    drawer: PolarDrawer
    seed: int
    batch_size: int
    worker: int = 0
    workers: int = 1

    def __call__(self, step: int) -> list[PolarSample]:
        """The samples of a step; the last one of an epoch may have fewer."""
        epoch, batch = divmod(step, steps_per_epoch(len(self.items), self.batch_size))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.items))
        mine = order[batch * self.batch_size : (batch + 1) * self.batch_size]
        mine = mine[self.worker :: self.workers] if len(mine) >= self.workers else mine
        samples = []
        for k in mine:
            item = self.items[int(k)]
            rng = np.random.default_rng([self.seed, epoch, int(k)])
            samples.append(self.drawer.sample(item, random_move(item, rng)))
        return samples


def steps_per_epoch(items: int, batch_size: int) -> int:
    """Steps in which all items are seen once."""
    return -(-items // batch_size)


@dataclass(frozen=True, eq=False)
class PoolChooser:
    """Samples from a pool of necks that are made on the way.

    Attributes:
        pool: The necks.
        seed: Of the choice.
        batch_size: Samples of a step.
    """

    pool: Pool[PolarSample]
    seed: int
    batch_size: int

    def __call__(self, step: int) -> list[PolarSample]:
        """The samples of a step."""
        rng = np.random.default_rng([self.seed, step, self.pool.worker])
        return self.pool.choose(step, self.batch_size, rng)

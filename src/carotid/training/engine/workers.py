"""Gradients from several processes, one core each.

Two single-threaded processes with a crop each finish sooner than one process with two threads (the
network's arrays are too small for threads to pay, and threads wait for each other at every
operation), and a core that is busy elsewhere delays a step once, not at every operation. Weights
go out and gradients come back through shared memory; the gradients are averaged in a fixed order.
"""

from __future__ import annotations

import multiprocessing
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor

from carotid.errors import CarotidError, ResourceError
from carotid.network.unet import UNet
from carotid.training.engine.stream import CropStream
from carotid.training.heatmap.blocks import to_blocks
from carotid.training.heatmap.forward import blocked_forward
from carotid.training.heatmap.losses import HEIGHT_SCALE, heatmap_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

    from carotid.training.engine.parameters import Phase, TrainingParameters
    from carotid.training.heatmap.crops import Crop, Side


@dataclass(frozen=True)
class WorkOrder:
    """What every worker needs to know; it travels to other processes.

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

    def stream(self, worker: int) -> CropStream:
        """The crops of a worker."""
        return CropStream(
            self.draw,
            seed=self.seed,
            worker=worker,
            workers=max(self.parameters.workers, 1),
            pool_size=self.parameters.pool_size,
            steps_per_side=self.parameters.steps_per_side,
            augment=self.parameters.augment,
        )


def trained_parameters(network: UNet) -> list[torch.nn.Parameter]:
    """The weights that training moves: all but biases that a normalisation cancels."""
    names = dict(network.named_parameters())
    cancelled = {
        id(weight)
        for name, weight in network.named_parameters()
        if name.endswith(".conv.bias")
        and f"{name.removesuffix('.conv.bias')}.adn.A.weight" in names
    }
    return [weight for weight in network.parameters() if id(weight) not in cancelled]


def add_gradients(network: UNet, crops: Sequence[Crop], order: WorkOrder) -> float:
    """Add the mean gradient over crops to the weights' `grad`; returns the mean loss."""
    device = next(network.parameters()).device
    total = 0.0
    for crop in crops:
        image = torch.from_numpy(crop.image)[None, None].to(device)
        target = torch.from_numpy(crop.target)[None].to(device)
        target = to_blocks(target.mul(1 / HEIGHT_SCALE))
        low = order.parameters.precision == "bfloat16"
        context = torch.autocast(device.type, dtype=torch.bfloat16) if low else nullcontext()
        with context:
            heat = blocked_forward(network, image)
        loss = heatmap_loss(
            heat,
            target,
            torch.from_numpy(crop.counted)[None].to(device),
            height_weight=order.phase.height_weight,
            difference_weight=order.phase.difference_weight,
            empty_weight=order.phase.empty_weight,
        )
        (loss / len(crops)).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total / len(crops)


class InProcess:
    """Computes gradients in this process: for GPUs, tests and single cores."""

    def __init__(self, network: UNet, order: WorkOrder) -> None:
        self._network = network
        self._order = order
        self._stream = order.stream(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, number: int) -> float:
        """Put the gradient of a step into the weights' `grad`; returns the loss."""
        for weight in self._network.parameters():
            weight.grad = None
        crops = self._stream.crops(
            number, self._order.phase, self._order.parameters.crops_per_worker
        )
        return add_gradients(self._network, crops, self._order)


class Workers:
    """Computes gradients in processes of their own; use as a context.

    Args:
        network: Its weights are sent out at every step and receive the gradients.
        order: What to train on; must be picklable.
    """

    def __init__(self, network: UNet, order: WorkOrder) -> None:
        self._weights = trained_parameters(network)
        size = sum(weight.numel() for weight in self._weights)
        count = order.parameters.workers
        self._shared = _shared_zeros(size)
        self._gradients = [_shared_zeros(size) for _ in range(count)]
        start = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
        context = multiprocessing.get_context("spawn")
        self._links: list[Connection] = []
        self._processes = []
        for k, gradient in enumerate(self._gradients):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, self._shared, gradient, start, order, k),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._links.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for link in self._links:
            with suppress(OSError):
                link.send(None)
            link.close()
        for process in self._processes:
            process.join(5)
            if process.is_alive():
                process.terminate()
                process.join()

    def step(self, number: int) -> float:
        """Put the gradient of a step into the weights' `grad`; returns the loss.

        Raises:
            CarotidError: What went wrong in a worker.
        """
        self._shared.copy_(torch.nn.utils.parameters_to_vector(self._weights).detach())
        for link in self._links:
            link.send(number)
        losses = [self._answer(link) for link in self._links]
        mean = self._gradients[0].clone()
        for gradient in self._gradients[1:]:
            mean += gradient
        mean /= len(self._gradients)
        offset = 0
        for weight in self._weights:
            part = mean[offset : offset + weight.numel()]
            weight.grad = part.view(weight.shape)
            offset += weight.numel()
        return sum(losses) / len(losses)

    def _answer(self, link: Connection) -> float:
        try:
            answer = link.recv()
        except (EOFError, OSError) as error:
            raise ResourceError(
                "a training process ended unexpectedly",
                remedy="check the memory, lower pool_size or workers, and run the same command "
                "again; training goes on from its last epoch",
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return float(answer)


def _shared_zeros(size: int) -> Tensor:
    return cast("Tensor", torch.zeros(size).share_memory_())  # type: ignore[no-untyped-call]


def _work(
    link: Connection,
    shared: Tensor,
    gradient: Tensor,
    start: Tensor,
    order: WorkOrder,
    worker: int,
) -> None:
    """A worker's life: receive a step's number, answer with its loss, until told to stop."""
    torch.set_num_threads(1)
    network = UNet(dropout=0.0)
    torch.nn.utils.vector_to_parameters(start, network.parameters())
    weights = trained_parameters(network)
    stream = order.stream(worker)
    while True:
        try:
            number: Any = link.recv()
        except (EOFError, KeyboardInterrupt):
            return
        if number is None:
            return
        try:
            _load(weights, shared)
            crops = stream.crops(number, order.phase, order.parameters.crops_per_worker)
            loss = add_gradients(network, crops, order)
            _store(weights, gradient)
        except KeyboardInterrupt:
            return
        except CarotidError as error:
            link.send(error)
        except Exception as error:  # noqa: BLE001 - crosses to the main process
            link.send(RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            link.send(loss)


def _load(weights: list[torch.nn.Parameter], shared: Tensor) -> None:
    offset = 0
    with torch.no_grad():
        for weight in weights:
            weight.copy_(shared[offset : offset + weight.numel()].view(weight.shape))
            weight.grad = None
            offset += weight.numel()


def _store(weights: list[torch.nn.Parameter], gradient: Tensor) -> None:
    offset = 0
    for weight in weights:
        part = gradient[offset : offset + weight.numel()].view(weight.shape)
        if weight.grad is None:
            part.zero_()
        else:
            part.copy_(weight.grad)
        offset += weight.numel()

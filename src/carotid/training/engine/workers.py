"""Gradients from several processes, one core each.

Two single-threaded processes with a sample each finish sooner than one process with two threads
(the networks' arrays are too small for threads to pay, and threads wait for each other at every
operation), and a core that is busy elsewhere delays a step once, not at every operation. Weights
go out, gradients and what networks measure themselves (running means of norms) come back through
shared memory; they are averaged in a fixed order.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from carotid.errors import ResourceError
from carotid.training.engine.ahead import DrawsAhead
from carotid.training.engine.processes import Processes, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from carotid.training.engine.job import Batches, Job


class InProcess:
    """Computes gradients in this process: for GPUs, tests and single cores.

    Args:
        network: Receives the gradients.
        batches: The samples.
        seed: Of PyTorch's random numbers.
    """

    def __init__(self, network: nn.Module, batches: Batches, seed: int) -> None:
        self._network = network
        self._batches = batches
        self._seed = seed

    def step(self, number: int) -> Tensor:
        """Put the gradient of a step into the weights' `grad`; returns the loss."""
        return _gradients(self._network, self._batches, number, (self._seed, number, 0))


class Workers:
    """Computes gradients in processes of their own; use as a context.

    Args:
        network: Its weights are sent out at every step and receive the gradients.
        job: What to train on; must be picklable.
        count: How many processes.
    """

    def __init__(self, network: nn.Module, job: Job, count: int) -> None:
        self._weights = job.trained(network)
        self._measured = _measured(network)
        self._shared = _shared_zeros(_size([*self._weights, *self._measured]))
        self._results = [_shared_zeros(len(self._shared)) for _ in range(count)]
        start = {name: value.detach().cpu() for name, value in network.state_dict().items()}
        self._processes = Processes(
            _work,
            [
                (self._shared, result, start, job, (k, count))
                for k, result in enumerate(self._results)
            ],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.end()

    def step(self, number: int) -> Tensor:
        """Put the gradient of a step into the weights' `grad`; returns the loss.

        Raises:
            CarotidError: What went wrong in a worker.
        """
        _pack([*self._weights, *self._measured], self._shared)
        workers = range(len(self._results))
        for k in workers:
            self._processes.ask(k, number)
        losses = [self._processes.answer(k) for k in workers]
        mean = self._results[0].clone()
        for result in self._results[1:]:
            mean += result
        mean /= len(self._results)
        for weight in self._weights:
            weight.grad = torch.empty_like(weight)
        _unpack(mean, [*(cast("Tensor", w.grad) for w in self._weights), *self._measured])
        return torch.tensor(sum(losses) / len(losses), dtype=torch.float64)


Source = InProcess | Workers
"""Where the gradients of a step come from."""


@contextmanager
def gradients(network: nn.Module, job: Job, workers: int, device: torch.device) -> Iterator[Source]:
    """Compute gradients while the block lasts: in `workers` processes, or on a GPU."""
    if device.type != "cpu":
        with gradients_on(network, job, workers, device) as source:
            yield source
    elif workers:
        with Workers(network, job, workers) as source:
            yield source
    else:
        yield InProcess(network, job.batches(0, 1), job.seed)


@contextmanager
def gradients_on(
    network: nn.Module, job: Job, workers: int, device: torch.device
) -> Iterator[InProcess]:
    """Compute gradients on one device, for which `workers` processes make draws ahead."""
    tried_before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True  # of several ways to convolve, the quickest is taken
    try:
        with DrawsAhead(workers) as ahead:
            yield InProcess(network, job.batches_on(device, ahead), job.seed)
    except torch.cuda.OutOfMemoryError as error:
        raise ResourceError(
            "the GPU's memory is not enough",
            remedy="lower pool_size or the size of a step's batch, and begin anew with --force",
        ) from error
    finally:
        torch.backends.cudnn.benchmark = tried_before


def _work(
    link: Connection,
    shared: Tensor,
    result: Tensor,
    start: dict[str, Tensor],
    job: Job,
    place: tuple[int, int],
) -> None:
    """A worker's life: receive a step's number, answer with its loss, until told to stop."""
    torch.set_num_threads(1)
    network = job.build()
    network.load_state_dict(start)
    network.train()
    weights, measured = job.trained(network), _measured(network)
    batches = job.batches(*place)

    def step(number: int) -> float:
        _unpack(shared, [*weights, *measured])
        loss = _gradients(network, batches, number, (job.seed, number, place[0]))
        _pack([*(_gradient(weight) for weight in weights), *measured], result)
        return float(loss)

    serve(link, step)


def _gradients(
    network: nn.Module, batches: Batches, step: int, seeds: tuple[int, int, int]
) -> Tensor:
    for weight in network.parameters():
        weight.grad = None
    with _seeded(seeds, next(network.parameters()).device):
        return batches.add_gradients(network, step)


@contextmanager
def _seeded(seeds: tuple[int, int, int], device: torch.device) -> Iterator[None]:
    """Let PyTorch's random numbers, such as those of dropout, depend on the step alone."""
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> 1))
        yield


def _measured(network: nn.Module) -> list[Tensor]:
    """What a network measures while it is trained."""
    return [value for value in network.buffers() if value.is_floating_point()]


def _gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _size(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _shared_zeros(size: int) -> Tensor:
    return cast("Tensor", torch.zeros(size).share_memory_())  # type: ignore[no-untyped-call]


def _pack(tensors: Sequence[Tensor], numbers: Tensor) -> None:
    """Copy tensors into one long row of numbers."""
    with torch.no_grad():
        for tensor, part in zip(tensors, _parts(numbers, tensors), strict=True):
            part.copy_(tensor.reshape(-1))


def _unpack(numbers: Tensor, tensors: Sequence[Tensor]) -> None:
    """Copy a long row of numbers into tensors."""
    with torch.no_grad():
        for tensor, part in zip(tensors, _parts(numbers, tensors), strict=True):
            tensor.copy_(part.view(tensor.shape))


def _parts(numbers: Tensor, tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    return torch.split(numbers, [tensor.numel() for tensor in tensors])

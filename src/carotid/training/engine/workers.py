"""Gradients from several processes, one core each.

Two single-threaded processes with a sample each finish sooner than one process with two threads
(the networks' arrays are too small for threads to pay, and threads wait for each other at every
operation), and a core that is busy elsewhere delays a step once, not at every operation. Weights
go out, gradients and what networks measure themselves (running means of norms) come back through
shared memory; they are averaged in a fixed order.
"""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from carotid.errors import CarotidError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

    from carotid.training.engine.job import Batches, Job


class InProcess:
    """Computes gradients in this process: for GPUs, tests and single cores."""

    def __init__(self, network: nn.Module, job: Job) -> None:
        self._network = network
        self._seed = job.seed
        self._batches = job.batches(0, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, number: int) -> float:
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
        context = multiprocessing.get_context("spawn")
        self._links: list[Connection] = []
        self._processes = []
        for k, result in enumerate(self._results):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work,
                args=(theirs, self._shared, result, start, job, (k, count)),
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
        _pack([*self._weights, *self._measured], self._shared)
        for link in self._links:
            link.send(number)
        losses = [self._answer(link) for link in self._links]
        mean = self._results[0].clone()
        for result in self._results[1:]:
            mean += result
        mean /= len(self._results)
        for weight in self._weights:
            weight.grad = torch.empty_like(weight)
        _unpack(mean, [*(cast("Tensor", w.grad) for w in self._weights), *self._measured])
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
    while True:
        try:
            number: Any = link.recv()
        except (EOFError, KeyboardInterrupt):
            return
        if number is None:
            return
        try:
            _unpack(shared, [*weights, *measured])
            loss = _gradients(network, batches, number, (job.seed, number, place[0]))
            _pack([*(_gradient(weight) for weight in weights), *measured], result)
        except KeyboardInterrupt:
            return
        except CarotidError as error:
            link.send(error)
        except Exception as error:  # noqa: BLE001 - crosses to the main process
            link.send(RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            link.send(loss)


def _gradients(
    network: nn.Module, batches: Batches, step: int, seeds: tuple[int, int, int]
) -> float:
    for weight in network.parameters():
        weight.grad = None
    with _seeded(seeds):
        return batches.add_gradients(network, step)


@contextmanager
def _seeded(seeds: tuple[int, int, int]) -> Iterator[None]:
    """Let PyTorch's random numbers, such as those of dropout, depend on the step alone."""
    with torch.random.fork_rng():
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

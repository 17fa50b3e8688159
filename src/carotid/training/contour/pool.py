"""The samples that a worker trains on: a pool whose content depends on the step number alone.

Necks are made, or scans read, while a network trains: after every few steps the oldest draw leaves
the pool and a new one comes in. Nothing depends on when a draw was ready, so interrupted and
resumed training sees the same samples as an unbroken run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

Sample = TypeVar("Sample")

FIRST_DRAWS = 12
"""Draws in the pool at the first step, where the pool may hold that many."""


@dataclass(frozen=True)
class PoolSize:
    """How many draws are kept, and for how long.

    Attributes:
        draws: Draws that are kept.
        steps_per_draw: Steps after which a new draw comes in.
    """

    draws: int
    steps_per_draw: int

    def numbers(self, step: int) -> range:
        """The draws that are in the pool at a step."""
        end = min(FIRST_DRAWS, self.draws) + step // self.steps_per_draw
        return range(max(end - self.draws, 0), end)


@dataclass(eq=False)
class Pool(Generic[Sample]):
    """Samples of one worker.

    Attributes:
        draw: Makes the samples of the k-th draw; the same k gives the same samples.
        size: How many draws are kept.
        worker: Number of this worker, of so many workers; worker w takes the draws w, w + workers,
            w + 2 workers, …
        workers: How many workers there are.
    """

    draw: Callable[[int], Sequence[Sample]]
    size: PoolSize
    worker: int = 0
    workers: int = 1
    _kept: dict[int, Sequence[Sample]] = field(default_factory=dict)

    def choose(self, step: int, count: int, rng: np.random.Generator) -> list[Sample]:
        """So many samples of the pool as it is at a step; some of them twice in a small pool.

        Raises:
            UsageError: No draw of the pool gave a sample.
        """
        numbers = self.size.numbers(step)
        for old in set(self._kept) - set(numbers):
            del self._kept[old]
        for number in numbers:
            if number not in self._kept:
                self._kept[number] = self.draw(number * self.workers + self.worker)
        every = [sample for number in numbers for sample in self._kept[number]]
        if not every:
            raise UsageError(
                "nothing to train on came out of the draws",
                found=f"{len(numbers)} draws without a sample",
                remedy="annotate longer stretches of the arteries, or raise pool_size",
            )
        chosen = rng.choice(len(every), size=count, replace=count > len(every))
        return [every[int(k)] for k in chosen]

"""The sides that a worker trains on: a pool whose content depends on the step number alone.

Because nothing depends on when a side was ready, interrupted and resumed training sees the same
crops as an unbroken run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from carotid.training.heatmap.crops import Crop, Side, crop_shape, random_crop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from carotid.training.heatmap.parameters import CropKind, Phase

Kept = TypeVar("Kept")

FIRST_SIDES = 6
"""Sides in the pool at the first step, where the pool may hold that many."""


@dataclass(frozen=True, eq=False)
class StoredSide:
    """A side kept in memory, its intensities in half precision.

    Attributes:
        image: (s, p, l) float16.
        centers: (s, 2, 2) float32, see `crops.Side`.
        annotated: (s,) bool.
        bifurcation: Slice of the bifurcation.
    """

    image: NDArray[np.float16]
    centers: NDArray[np.float32]
    annotated: NDArray[np.bool_]
    bifurcation: float

    @classmethod
    def of(cls, side: Side) -> StoredSide:
        """Take over a side."""
        return cls(side.image.astype(np.float16), side.centers, side.annotated, side.bifurcation)


@dataclass(frozen=True)
class Stored:
    """Makes sides as they are stored: processes that make them send half as much, without PyTorch.

    Attributes:
        draw: Makes the k-th side.
    """

    draw: Callable[[int], Side]

    def __call__(self, number: int) -> StoredSide:
        """The side of this number."""
        return StoredSide.of(self.draw(number))


class SidePool(Generic[Kept]):
    """The sides that are there at a step: after every few steps the oldest leaves for a new one.

    Args:
        take: Makes the k-th side as it is kept.
        size: Sides kept.
        steps_per_side: Steps after which one of them is replaced.
        first: Sides at the first step, where the pool may hold that many.
    """

    def __init__(
        self,
        take: Callable[[int], Kept],
        size: int,
        steps_per_side: int,
        first: int = FIRST_SIDES,
    ) -> None:
        self._take = take
        self._size = size
        self._steps_per_side = steps_per_side
        self._first = min(first, size)
        self._kept: dict[int, Kept] = {}

    def at(self, step: int) -> list[Kept]:
        """The sides of a step, the oldest first."""
        end = self._first + step // self._steps_per_side
        numbers = range(max(end - self._size, 0), end)
        for old in set(self._kept) - set(numbers):
            del self._kept[old]
        for number in numbers:
            if number not in self._kept:
                self._kept[number] = self._take(number)
        return [self._kept[number] for number in numbers]


def choose_kind(phase: Phase, seed: int, step: int) -> CropKind:
    """The kind of crop that all workers cut in a step."""
    shares = np.array([kind.share for kind in phase.crops])
    rng = np.random.default_rng([seed, step])
    return phase.crops[int(rng.choice(len(shares), p=shares / shares.sum()))]


class CropStream:
    """Crops for one worker.

    Args:
        draw: Makes the k-th side; the same k gives the same side.
        seed: Where crops start from.
        worker: Number of this worker.
        workers: How many there are; worker w draws the sides w, w + workers, w + 2 workers, …
        pool_size: Sides kept.
        steps_per_side: Steps after which one of them is replaced.
        augment: Whether crops are varied.
    """

    def __init__(
        self,
        draw: Callable[[int], Side],
        *,
        seed: int,
        worker: int,
        workers: int,
        pool_size: int,
        steps_per_side: int,
        augment: bool,
    ) -> None:
        self._draw = draw
        self._seed = seed
        self._worker = worker
        self._workers = workers
        self._augment = augment
        self._pool = SidePool(self._take, pool_size, steps_per_side)

    def crops(self, step: int, phase: Phase, count: int) -> list[Crop]:
        """The crops of one step: so many, where their kind does not say how many."""
        sides = self._pool.at(step)
        kind = choose_kind(phase, self._seed, step)
        count = kind.batch or count
        rng = np.random.default_rng([self._seed, step, self._worker])
        chosen = rng.choice(len(sides), size=count, replace=count > len(sides))
        return [
            random_crop(sides[k], crop_shape(sides[k], kind.shape), rng, augment=self._augment)
            for k in chosen
        ]

    def _take(self, number: int) -> StoredSide:
        return StoredSide.of(self._draw(number * self._workers + self._worker))

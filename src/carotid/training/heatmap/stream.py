"""The sides that a worker trains on: a pool whose content depends on the step number alone.

Because nothing depends on when a side was ready, interrupted and resumed training sees the same
crops as an unbroken run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.training.heatmap.crops import Crop, Side, crop_shape, random_crop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from carotid.training.heatmap.parameters import Phase

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
        self._pool_size = pool_size
        self._steps_per_side = steps_per_side
        self._augment = augment
        self._pool: dict[int, StoredSide] = {}

    def crops(self, step: int, phase: Phase, count: int) -> list[Crop]:
        """The crops of one step; all workers cut the same kind of crop in the same step."""
        numbers = self._fill(step)
        kinds = phase.crops
        shares = np.array([kind.share for kind in kinds])
        common = np.random.default_rng([self._seed, step])
        shape = kinds[int(common.choice(len(kinds), p=shares / shares.sum()))].shape
        own = np.random.default_rng([self._seed, step, self._worker])
        chosen = own.choice(numbers, size=count, replace=count > len(numbers))
        sides = [self._pool[int(number)] for number in chosen]
        return [
            random_crop(side, crop_shape(side, shape), own, augment=self._augment) for side in sides
        ]

    def _fill(self, step: int) -> list[int]:
        """Bring the pool to its content at a step; returns the numbers of its sides."""
        end = min(FIRST_SIDES, self._pool_size) + step // self._steps_per_side
        numbers = list(range(max(end - self._pool_size, 0), end))
        for old in set(self._pool) - set(numbers):
            del self._pool[old]
        for number in numbers:
            if number not in self._pool:
                side = self._draw(number * self._workers + self._worker)
                self._pool[number] = StoredSide.of(side)
        return numbers

"""Where sides come from: the simulator, or annotated scans on disk. Both travel to workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.training.heatmap.samples import AnnotatedSide, load_side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carotid.training.heatmap.crops import Side
    from carotid.training.heatmap.stream import StoredSide

STREAM_LENGTH = 1_000_000
"""Sides per stream of simulated sides; seeds of different streams do not meet."""

VALIDATION_STREAM = 1_000_000
"""Stream of the simulated sides that only validate."""


@dataclass(frozen=True)
class SimulatedSides:
    """Sides of simulated necks, each another one.

    Attributes:
        simulate: Makes a side from a seed; a function of a module, so that workers can have it.
        stream: Which stream of seeds.
    """

    simulate: Callable[[int], Side]
    stream: int

    def __call__(self, number: int) -> Side:
        """The side of this number."""
        return self.simulate(self.stream * STREAM_LENGTH + number)


@dataclass(frozen=True)
class ScannedSides:
    """Sides of scans on disk, shuffled anew each time all have been seen.

    Attributes:
        sides: What there is.
        seed: Of the order.
    """

    sides: tuple[AnnotatedSide, ...]
    seed: int

    def __call__(self, number: int) -> StoredSide:
        """The side of this number in the endless shuffled order."""
        turn, place = divmod(number, len(self.sides))
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.sides))
        return load_side(self.sides[int(order[place])])


def folds(
    sides: Sequence[AnnotatedSide], n_splits: int, seed: int
) -> list[tuple[tuple[AnnotatedSide, ...], tuple[AnnotatedSide, ...]]]:
    """Split participants into folds.

    Args:
        sides: All annotated sides.
        n_splits: How many folds; at most the number of participants. One means a single split
            that holds out a fifth of the participants.
        seed: Of the shuffling.

    Returns:
        Training and validation sides per split; no participant is in both.
    """
    participants = sorted({side.scan.participant_id for side in sides})
    order = np.random.default_rng(seed).permutation(len(participants))
    parts = n_splits if n_splits > 1 else min(5, len(participants))
    result = []
    for k in range(n_splits):
        held_out = {participants[int(i)] for i in order[k::parts]}
        training = tuple(one for one in sides if one.scan.participant_id not in held_out)
        validation = tuple(one for one in sides if one.scan.participant_id in held_out)
        result.append((training, validation))
    return result

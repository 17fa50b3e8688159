"""Where plane samples come from: simulated close-ups or annotated scans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.close_up import simulate_close_up
from carotid.training.contour.annotated import load_annotated
from carotid.training.contour.plane_samples import draw_plane_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.training.contour.annotated import AnnotatedSide
    from carotid.training.contour.annotations import ContourSource
    from carotid.training.contour.plane_samples import PlaneSample

STREAM_LENGTH = 1_000_000
"""Close-ups per stream; seeds of different streams do not meet."""

VALIDATION_STREAM = 900_000
"""Stream of the close-ups that only validate."""

CALIBRATION_STREAM = 900_001
"""Stream of the close-ups from which spreads are calibrated."""

SAMPLES_PER_DRAW = 5

_TRIES = 4
"""So often a draw of a side is tried, where by chance no place of it can be used."""


@dataclass(frozen=True)
class SimulatedPlanes:
    """Samples of simulated close-ups, each another one.

    Attributes:
        stream: Which stream of seeds.
        count: Samples of one close-up.
    """

    stream: int
    count: int = SAMPLES_PER_DRAW

    def __call__(self, number: int) -> list[PlaneSample]:
        """The samples of the close-up of this number."""
        seed = self.stream * STREAM_LENGTH + number
        rng = np.random.default_rng([self.stream, number])
        return draw_plane_samples(simulate_close_up(seed), rng, self.count)


@dataclass(frozen=True, eq=False)
class AnnotatedPlanes:
    """Samples of annotated sides, shuffled anew each time all have been seen.

    Attributes:
        sources: The sides.
        seed: Of the order and of places.
        count: Samples of one side at a time.
    """

    sources: tuple[ContourSource, ...]
    seed: int
    count: int = SAMPLES_PER_DRAW
    _kept: dict[int, AnnotatedSide | None] = field(default_factory=dict, repr=False)

    def __call__(self, number: int) -> list[PlaneSample]:
        """The samples of the side of this number in the endless shuffled order."""
        turn, place = divmod(number, len(self.sources))
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.sources))
        side = self._side(int(order[place]))
        if side is None:
            return []
        rng = np.random.default_rng([self.seed, number])
        for _ in range(_TRIES):
            samples = draw_plane_samples(side, rng, self.count)
            if samples:
                return samples
        return []

    def _side(self, k: int) -> AnnotatedSide | None:
        """One side; what is around its arteries stays in memory."""
        if k not in self._kept:
            self._kept[k] = load_annotated(self.sources[k])
        return self._kept[k]


@dataclass(frozen=True, eq=False)
class MixedPlanes:
    """Annotated sides, with simulated close-ups between them at even distances.

    A few annotated scans have few plaques; among close-ups networks do not forget what others look
    like.

    Attributes:
        annotated: Where samples of annotated sides come from.
        simulated: Where those of close-ups come from.
        share: Share of the draws that are close-ups.
    """

    annotated: Callable[[int], list[PlaneSample]]
    simulated: Callable[[int], list[PlaneSample]]
    share: float

    def __call__(self, number: int) -> list[PlaneSample]:
        """The samples of the draw of this number."""
        before = int(number * self.share)
        if int((number + 1) * self.share) > before:
            return self.simulated(before)
        return self.annotated(number - before)

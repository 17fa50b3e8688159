"""The course of both arteries through the levels: the cheapest one, and how likely all others are.

From below to above, a level shows in this order: nothing, the common carotid (one point for both
channels), internal and external apart, one of them alone, nothing. Any of them may be left out. A
course costs what its states cost in each level, what the arteries move from level to level, and
something for every change. With costs as minus the logarithm of a probability, the cheapest course
is the most likely one, and sums over all courses tell how likely each place is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Least = Callable[[NDArray[np.float64], int | tuple[int, ...]], NDArray[np.float64]]
    """What becomes of the ways that lead to a state: `hard` or `soft`."""

NEVER = 1e9
"""Cost of what is impossible."""

TEMPERATURE = 4.0
"""Costs are divided by this where courses are summed over: those of neighbouring levels depend on
each other, so that the costs by themselves say too surely which course is right."""

NOTHING, COMMON, APART, INTERNAL, EXTERNAL = range(5)
"""What a level shows."""


class State(NamedTuple):
    """A number for each state of a level, such as the least cost of all courses that lead to it.

    Attributes:
        below: () nothing yet, below the arteries.
        common: (m,) the common carotid, at each of its candidates.
        apart: (k, k) both arteries, at each pair of candidates, internal first.
        internal: (k,) the internal carotid alone.
        external: (k,) the external carotid alone.
        above: () nothing any more, above the arteries.
    """

    below: NDArray[np.float64]
    common: NDArray[np.float64]
    apart: NDArray[np.float64]
    internal: NDArray[np.float64]
    external: NDArray[np.float64]
    above: NDArray[np.float64]

    def plus(self, other: State) -> State:
        """The sum, state by state."""
        return State._make(np.add(a, b) for a, b in zip(self.parts, other.parts, strict=True))

    @property
    def parts(self) -> tuple[NDArray[np.float64], ...]:
        """The states in order."""
        return tuple(self)


@dataclass(frozen=True, eq=False)
class Steps:
    """What it costs to go from one level to the next.

    Attributes:
        common: (m, m') moving from each candidate of the common carotid to each of the next level.
        to_internal: (m, k') from the common carotid to the internal one.
        to_external: (m, k').
        internal: (k, k').
        external: (k, k').
        changes: What changes of state cost.
    """

    common: NDArray[np.float64]
    to_internal: NDArray[np.float64]
    to_external: NDArray[np.float64]
    internal: NDArray[np.float64]
    external: NDArray[np.float64]
    changes: Changes


@dataclass(frozen=True)
class Changes:
    """What changes of state cost.

    Attributes:
        begin: The arteries begin, or end, within the volume.
        fork: The common carotid divides.
        drop: One of two arteries ends.
        fork_and_drop: The common carotid goes on as one artery alone.
    """

    begin: float
    fork: float
    drop: float
    fork_and_drop: float


def hard(values: NDArray[np.float64], axis: int | tuple[int, ...]) -> NDArray[np.float64]:
    """The least value along some axes: for the cheapest course."""
    return np.asarray(values.min(axis=axis))


def soft(values: NDArray[np.float64], axis: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Minus the logarithm of the sum of exp(−value) along some axes, in units of `TEMPERATURE`."""
    least = values.min(axis=axis, keepdims=True)
    total = np.exp((least - values) / TEMPERATURE).sum(axis=axis)
    return np.asarray(np.squeeze(least, axis=axis) - TEMPERATURE * np.log(total))


def forwards(before: State, steps: Steps, least: Least) -> State:
    """What a level's states cost to reach from those of the level below, without their own cost."""
    change = steps.changes
    begin = before.below + change.begin
    internal = least(before.internal[:, None] + steps.internal, 0)
    external = least(before.external[:, None] + steps.external, 0)
    still_apart = least(before.apart[:, None, :] + steps.internal[:, :, None], 0)
    still_apart = least(still_apart[:, :, None] + steps.external, 1)
    both = steps.to_internal[:, :, None] + steps.to_external[:, None, :] + change.fork
    forked = least(before.common[:, None, None] + both, 0)
    only_internal = least(least(before.apart, 1)[:, None] + steps.internal, 0) + change.drop
    only_external = least(least(before.apart, 0)[:, None] + steps.external, 0) + change.drop
    to_internal = least(before.common[:, None] + steps.to_internal, 0) + change.fork_and_drop
    to_external = least(before.common[:, None] + steps.to_external, 0) + change.fork_and_drop
    common = least(before.common[:, None] + steps.common, 0)
    ends = [least(a.ravel(), 0) for a in before[1:5]]
    return State(
        before.below,
        _least_of(least, common, begin),
        _least_of(least, still_apart, forked, begin),
        _least_of(least, internal, only_internal, to_internal, begin),
        _least_of(least, external, only_external, to_external, begin),
        least(np.array([before.above, *(end + change.begin for end in ends)]), 0),
    )


def backwards(after: State, steps: Steps, least: Least) -> State:
    """What is still to be paid from a level's states on, from those of the level above.

    Args:
        after: The same of the level above, with that level's own cost.
        steps: From this level to the one above.
        least: `hard` or `soft`.
    """
    change = steps.changes
    end = after.above + change.begin
    internal = least(after.internal + steps.internal, 1)
    external = least(after.external + steps.external, 1)
    apart = least(after.apart + steps.external[:, None, :], 2)  # (k of external, k' of internal)
    apart = least(apart[None] + steps.internal[:, None, :], 2)
    both = steps.to_internal[:, :, None] + steps.to_external[:, None, :] + change.fork
    forked = least(after.apart + both, (1, 2))
    to_internal = least(after.internal + steps.to_internal, 1) + change.fork_and_drop
    to_external = least(after.external + steps.to_external, 1) + change.fork_and_drop
    common = least(after.common + steps.common, 1)
    starts = [least(a.ravel(), 0) for a in after[1:5]]
    drop_external, drop_internal = internal[:, None] + change.drop, external + change.drop
    return State(
        least(np.array([after.below, *(start + change.begin for start in starts)]), 0),
        _least_of(least, common, forked, to_internal, to_external, end),
        _least_of(least, apart, drop_external, drop_internal, end),
        _least_of(least, internal, end),
        _least_of(least, external, end),
        after.above,
    )


def _least_of(least: Least, *values: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return least(np.stack(np.broadcast_arrays(*values)), 0)

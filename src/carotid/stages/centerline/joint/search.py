"""The cheapest course of both arteries through the levels, and how sure its places are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.joint.course import (
    APART,
    COMMON,
    EXTERNAL,
    INTERNAL,
    NEVER,
    NOTHING,
    TEMPERATURE,
    State,
    backwards,
    forwards,
    hard,
    soft,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.costs import LevelCosts
    from carotid.stages.centerline.joint.course import Least

_KINDS = (NOTHING, COMMON, APART, INTERNAL, EXTERNAL, NOTHING)
"""What a level shows in each part of a `State`."""

MOST_SPREAD_MM = 10.0
"""A place further away than this counts as this far in the spread of the alternatives."""


@dataclass(frozen=True, eq=False)
class Course:
    """The most likely course of both arteries.

    Attributes:
        shows: (levels,) what each level shows: NOTHING, COMMON, APART, INTERNAL or EXTERNAL.
        place_mm: (levels, 2, 2) x and y of internal and external carotid, both those of the common
            one where it is shown; NaN where there is none.
        spread_mm: (levels, 2) root mean square distance of all courses' places from these ones.
        common: (levels,) probability that the level shows the common carotid.
    """

    shows: NDArray[np.int64]
    place_mm: NDArray[np.float64]
    spread_mm: NDArray[np.float64]
    common: NDArray[np.float64]


def find_course(costs: LevelCosts) -> Course:
    """The most likely course, and what is known about the others."""
    best = [here.plus(rest) for here, rest in zip(*_passes(costs, hard), strict=True)]
    levels = len(best)
    shows = np.full(levels, NOTHING)
    place_mm = np.full((levels, 2, 2), np.nan)
    for level, state in enumerate(best):
        least = [float(part.min()) for part in state.parts]
        kind = _KINDS[int(np.argmin(least))]
        shows[level] = kind
        if kind == COMMON:
            place_mm[level] = costs.common_mm[level, state.common.argmin()]
        elif kind == APART:
            pair = np.unravel_index(int(state.apart.argmin()), state.apart.shape)
            place_mm[level] = costs.point_mm[level, (0, 1), pair]
        elif kind == INTERNAL:
            place_mm[level, 0] = costs.point_mm[level, 0, state.internal.argmin()]
        elif kind == EXTERNAL:
            place_mm[level, 1] = costs.point_mm[level, 1, state.external.argmin()]
    spread, common = _alternatives(costs, place_mm)
    return Course(shows, place_mm, spread, common)


def _passes(costs: LevelCosts, least: Least) -> tuple[list[State], list[State]]:
    """For each level what its states cost up to there, and from there on."""
    here = [costs.own[0]._replace(above=np.array(NEVER))]
    for own, steps in zip(costs.own[1:], costs.steps, strict=True):
        here.append(forwards(here[-1], steps, least).plus(own))
    rest = [State._make(np.zeros_like(part) for part in costs.own[-1].parts)]
    for own, steps in zip(costs.own[:0:-1], costs.steps[::-1], strict=True):
        rest.append(backwards(rest[-1].plus(own), steps, least))
    return here, rest[::-1]


def _alternatives(
    costs: LevelCosts, place_mm: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread of each artery's places, and probability of the common carotid."""
    levels = len(place_mm)
    spread = np.full((levels, 2), np.nan)
    common = np.zeros(levels)
    for level, (here, rest) in enumerate(zip(*_passes(costs, soft), strict=True)):
        state = here.plus(rest)
        least = min(float(part.min()) for part in state.parts)
        likely = State._make(np.exp((least - part) / TEMPERATURE) for part in state.parts)
        total = sum(float(part.sum()) for part in likely.parts)
        common[level] = likely.common.sum() / total
        each = (
            likely.internal + likely.apart.sum(axis=1),
            likely.external + likely.apart.sum(axis=0),
        )
        for channel in (0, 1):
            places = np.concatenate([costs.common_mm[level], costs.point_mm[level, channel]])
            weight = np.concatenate([likely.common, each[channel]])
            gap = np.linalg.norm(places - place_mm[level, channel], axis=1)
            known = np.isfinite(gap) & (weight > 0)
            if known.any():
                square = np.minimum(gap[known], MOST_SPREAD_MM) ** 2
                mean = (weight[known] * square).sum() / weight[known].sum()
                spread[level, channel] = np.sqrt(mean)
    return spread, common

"""Sums and minima over courses, against all courses written out."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.stages.centerline.joint.costs import LevelCosts
from carotid.stages.centerline.joint.course import (
    APART,
    COMMON,
    EXTERNAL,
    INTERNAL,
    NEVER,
    NOTHING,
    TEMPERATURE,
    Changes,
    State,
    Steps,
)
from carotid.stages.centerline.joint.search import MOST_SPREAD_MM, find_course

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS, COMMONS, PLACES = 4, 2, 2
CHANGES = Changes(begin=0.6, fork=0.4, drop=1.1, fork_and_drop=1.7)

BELOW, ABOVE = "below", "above"
Where = tuple[str | int, int, int]
"""Kind, place of the common or internal carotid, place of the external one."""

STATES: list[Where] = [
    (BELOW, 0, 0),
    *((COMMON, m, m) for m in range(COMMONS)),
    *((APART, a, b) for a in range(PLACES) for b in range(PLACES)),
    *((INTERNAL, a, 0) for a in range(PLACES)),
    *((EXTERNAL, 0, b) for b in range(PLACES)),
    (ABOVE, 0, 0),
]


def made_up(seed: int) -> LevelCosts:
    rng = np.random.default_rng(seed)

    def cost(*shape: int) -> NDArray[np.float64]:
        return np.asarray(rng.uniform(0, 3, shape))

    own = []
    for _ in range(LEVELS):
        nothing = cost()
        common, apart = cost(COMMONS), cost(PLACES, PLACES)
        own.append(State(nothing, common, apart, cost(PLACES), cost(PLACES), nothing))
    own[1].apart[0, 1] = NEVER
    steps = [
        Steps(
            cost(COMMONS, COMMONS),
            cost(COMMONS, PLACES),
            cost(COMMONS, PLACES),
            cost(PLACES, PLACES),
            cost(PLACES, PLACES),
            CHANGES,
        )
        for _ in range(LEVELS - 1)
    ]
    return LevelCosts(
        own,
        steps,
        rng.uniform(0, 30, (LEVELS, COMMONS, 2)),
        rng.uniform(0, 30, (LEVELS, 2, PLACES, 2)),
    )


def own_cost(state: State, where: Where) -> float:
    kind, a, b = where
    if kind in (BELOW, ABOVE):
        return float(state.below)
    if kind == COMMON:
        return float(state.common[a])
    if kind == APART:
        return float(state.apart[a, b])
    return float(state.internal[a] if kind == INTERNAL else state.external[b])


def step_cost(steps: Steps, here: Where, there: Where) -> float:
    """What it costs to go from one state to another of the next level, rule by rule."""
    (kind, a, b), (then, a2, b2) = here, there
    if kind == BELOW:
        return {BELOW: 0.0, ABOVE: np.inf}.get(str(then), CHANGES.begin)
    if then == ABOVE:
        return 0.0 if kind == ABOVE else CHANGES.begin
    if kind == ABOVE or then == BELOW:
        return np.inf
    internal, external = float(steps.internal[a, a2]), float(steps.external[b, b2])
    table = {
        (COMMON, COMMON): lambda: float(steps.common[a, a2]),
        (COMMON, APART): lambda: (
            float(steps.to_internal[a, a2]) + float(steps.to_external[a, b2]) + CHANGES.fork
        ),
        (COMMON, INTERNAL): lambda: float(steps.to_internal[a, a2]) + CHANGES.fork_and_drop,
        (COMMON, EXTERNAL): lambda: float(steps.to_external[a, b2]) + CHANGES.fork_and_drop,
        (APART, APART): lambda: internal + external,
        (APART, INTERNAL): lambda: internal + CHANGES.drop,
        (APART, EXTERNAL): lambda: external + CHANGES.drop,
        (INTERNAL, INTERNAL): lambda: internal,
        (EXTERNAL, EXTERNAL): lambda: external,
    }
    rule = table.get((int(kind), int(then)))
    return np.inf if rule is None else rule()


def all_courses(costs: LevelCosts) -> list[tuple[tuple[Where, ...], float]]:
    found = []
    for course in itertools.product(STATES, repeat=LEVELS):
        if course[0][0] == ABOVE:
            continue
        total = sum(own_cost(state, where) for state, where in zip(costs.own, course, strict=True))
        for steps, (here, there) in zip(costs.steps, itertools.pairwise(course), strict=True):
            total += step_cost(steps, here, there)
            if total > NEVER / 2:
                break
        else:
            found.append((course, total))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_course_is_the_cheapest_and_the_sums_are_over_all(seed: int) -> None:
    costs = made_up(seed)
    courses = all_courses(costs)
    best, _ = min(courses, key=lambda one: one[1])
    found = find_course(costs)
    kinds = [NOTHING if kind in (BELOW, ABOVE) else kind for kind, _, _ in best]
    assert found.shows.tolist() == kinds

    weight = np.exp(-np.array([total for _, total in courses]) / TEMPERATURE)
    weight /= weight.sum()
    for level, (kind, a, b) in enumerate(best):
        there = [course[level] for course, _ in courses]
        common = sum(w for w, one in zip(weight, there, strict=True) if one[0] == COMMON)
        assert found.common[level] == pytest.approx(common)
        for channel, alone in enumerate((INTERNAL, EXTERNAL)):
            shown = np.array([one[0] in (COMMON, APART, alone) for one in there])
            if kind not in (COMMON, APART, alone):
                assert np.isnan(found.place_mm[level, channel]).all()
                continue
            places = costs.common_mm if kind == COMMON else costs.point_mm[:, channel]
            place = places[level, (a, b)[channel]]
            np.testing.assert_array_equal(found.place_mm[level, channel], place)
            at = [
                (costs.common_mm[level] if one[0] == COMMON else costs.point_mm[level, channel])[
                    one[1 + channel]
                ]
                for one in there
            ]
            gap = np.minimum(np.linalg.norm(np.array(at) - place, axis=1), MOST_SPREAD_MM)
            mean = (weight * gap**2)[shown].sum() / weight[shown].sum()
            assert found.spread_mm[level, channel] == pytest.approx(np.sqrt(mean))

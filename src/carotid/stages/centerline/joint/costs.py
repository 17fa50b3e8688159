"""What each place costs as a common, internal or external carotid, and what it costs to move.

Costs are minus logarithms of probabilities. What the heatmaps say costs per millimetre of height,
and a height counts by its *depth*: the logarithm of how often it goes into the height that the
side's peaks usually have, so that networks with high and with low peaks are treated alike. An
artery costs the more the deeper its place lies, and the higher a rival is that it does not explain.
Where the two are apart, each channel should be low at the other's place: a place that is high in
both is the common carotid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.joint.course import NEVER, Changes, State, Steps
from carotid.stages.centerline.joint.weights import WEIGHTS, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.candidates import Candidates
    from carotid.stages.centerline.joint.levels import SideVolume

USUAL_PERCENTILE = 75
"""Of the levels' largest heights, that which is taken for the usual one."""

LEAST_USUAL = 100.0
"""The usual height is never taken to be less: a side that shows nothing has low maxima, too."""

MOST_COMMON = 12
"""Candidates of a level for the common carotid."""

SAME_MM = 1.0
"""Candidates of two channels that are closer than this are one place."""

RIVAL_MM = 3.0
"""A candidate further away than this from another one shows another vessel."""

LEAST_APART_MM = 1.5
"""Internal and external carotid are at least this far apart where they count as two."""

FAR_APART_MM = 15.0
"""From here on it costs more the further they are apart."""

FREE_MM, FREE_SLOPE = 0.5, 1.2
"""How far an artery moves sideways without extra cost: so much, and so much per height."""

_HIGHEST, _DEEPEST = -0.3, 3.2
"""Depths beyond these count no more."""

_MOST_RIVAL = 2.5
"""Logarithm of a rival's height over one's own beyond which it counts no more."""

_BEYOND_MM = 20.0
"""Distance beyond the middle of the scan from which on it costs no more."""

_PER_MM = 10.0
"""Unit of the costs per distance, mm."""


@dataclass(frozen=True, eq=False)
class LevelCosts:
    """All that the course through the levels is found from.

    Attributes:
        own: What each level's states cost by themselves.
        steps: What it costs to go from each level to the next.
        common_mm: (levels, MOST_COMMON, 2) candidates of the common carotid.
        point_mm: (levels, 2, candidates, 2) candidates of internal and external carotid.
    """

    own: list[State]
    steps: list[Steps]
    common_mm: NDArray[np.float64]
    point_mm: NDArray[np.float64]


def level_costs(
    volume: SideVolume, candidates: Candidates, weights: Weights = WEIGHTS
) -> LevelCosts:
    """The costs of all states of all levels."""
    point_mm, height = candidates.point_mm, candidates.height
    usual = usual_heights(candidates)
    common_mm, common_height = _common_candidates(candidates)
    astray = weights.lateral * _beyond_middle(volume, common_mm)
    common = weights.common + 2 * astray
    alone = []
    for c, slope in enumerate((weights.depth_internal, weights.depth_external)):
        own, rival = common_height[..., c], _rival(candidates, common_mm, c)
        common = common + slope * _depth(own, usual[c]) + weights.rival_common * _over(rival, own)
        own, rival = height[:, c, :, c], _rival(candidates, point_mm[:, c], c)
        astray = weights.lateral * _beyond_middle(volume, point_mm[:, c])
        alone.append(
            slope * _depth(own, usual[c]) + weights.rival_apart * _over(rival, own) + astray
        )
    echo = [
        weight * np.maximum(0, 1 - _depth(height[:, c, :, 1 - c], usual[1 - c]))
        for c, weight in enumerate((weights.echo_internal, weights.echo_external))
    ]
    apart = (alone[0] + echo[0])[:, :, None] + (alone[1] + echo[1])[:, None, :]
    apart = apart + _pair_costs(volume, point_mm, weights)
    states = common, apart, alone[0] + weights.no_external, alone[1] + weights.no_internal
    level_mm = volume.level_mm
    nothing = np.array(2 * weights.nothing * level_mm)
    of_levels = [np.where(np.isnan(a), NEVER, a * level_mm) for a in states]
    own_costs = [State._make((nothing, *each, nothing)) for each in zip(*of_levels, strict=True)]
    return LevelCosts(
        own_costs, _steps(common_mm, point_mm, level_mm, weights), common_mm, point_mm
    )


def usual_heights(candidates: Candidates) -> NDArray[np.float64]:
    """(2,) how high each channel's peaks usually are on this side."""
    high = np.percentile(candidates.highest, USUAL_PERCENTILE, axis=0)
    return np.asarray(np.maximum(high, LEAST_USUAL), np.float64)


def _depth(height: NDArray[np.float64], usual: float) -> NDArray[np.float64]:
    """How deep below the usual height, as a logarithm; NaN stays."""
    return np.clip(np.log(usual / np.maximum(height, 1.0)), _HIGHEST, _DEEPEST)


def _over(rival: NDArray[np.float64], own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of how often one's own height goes into a rival's, 0 where the rival is lower."""
    ratio = np.maximum(rival, 1.0) / np.maximum(own, 1.0)
    return np.clip(np.log(ratio), 0, _MOST_RIVAL)


def _rival(
    candidates: Candidates, places_mm: NDArray[np.float64], channel: int
) -> NDArray[np.float64]:
    """(levels, n) the largest height of a channel's candidates that are no part of each place."""
    others = candidates.point_mm[:, channel]
    gap = np.linalg.norm(places_mm[:, :, None] - others[:, None], axis=3)
    elsewhere = np.nan_to_num(gap) > RIVAL_MM
    return np.asarray(
        np.where(elsewhere, candidates.height[:, None, channel, :, channel], 0).max(axis=2)
    )


def _common_candidates(
    candidates: Candidates,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places of both channels, the highest first: (levels, MOST_COMMON, 2) mm and heights."""
    first, second = candidates.point_mm[:, 0], candidates.point_mm[:, 1]
    gap = np.linalg.norm(second[:, :, None] - first[:, None], axis=3)
    same = (np.nan_to_num(gap, nan=np.inf) < SAME_MM).any(axis=2)
    places = np.concatenate([first, np.where(same[..., None], np.nan, second)], axis=1)
    height = np.concatenate([candidates.height[:, 0], candidates.height[:, 1]], axis=1)
    score = np.sqrt(np.maximum(height, 1)).sum(axis=2)
    score = np.where(np.isfinite(places[..., 0]), score, -1)
    order = np.argsort(-score, axis=1, kind="stable")[:, :MOST_COMMON, None]
    return np.take_along_axis(places, order, 1), np.take_along_axis(height, order, 1)


def _beyond_middle(volume: SideVolume, places_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far on the other side of the scan's middle, in cm."""
    over_mm = places_mm[..., 0] - volume.width_mm / 2
    return np.clip(over_mm if volume.leftward else -over_mm, 0, _BEYOND_MM) / _PER_MM


def _pair_costs(
    volume: SideVolume, point_mm: NDArray[np.float64], weights: Weights
) -> NDArray[np.float64]:
    """(levels, k, k) what internal and external carotid cost by how they lie to each other."""
    offset = point_mm[:, 0, :, None] - point_mm[:, 1, None]
    gap = np.linalg.norm(offset, axis=3)
    lateral = -offset[..., 0] if volume.leftward else offset[..., 0]
    posterior = -offset[..., 1]
    against = -(lateral + posterior) / np.sqrt(2) / np.maximum(gap, 1e-6)
    cost = weights.far_apart * np.maximum(0, gap - FAR_APART_MM) / _PER_MM
    cost += weights.direction * np.maximum(0, against)
    return np.where(gap >= LEAST_APART_MM, cost, np.nan)


def _steps(
    common_mm: NDArray[np.float64],
    point_mm: NDArray[np.float64],
    level_mm: float,
    weights: Weights,
) -> list[Steps]:
    """The costs of going from each level to the next."""

    def moves(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = np.linalg.norm(here[:-1, :, None] - there[1:, None], axis=3)
        jump = np.maximum(0, moved - FREE_SLOPE * level_mm - FREE_MM)
        cost = weights.move * moved**2 / level_mm + weights.jump * jump
        return np.where(np.isnan(cost), NEVER, cost)

    internal, external = point_mm[:, 0], point_mm[:, 1]
    changes = Changes(weights.begin, weights.fork, weights.drop, weights.fork_and_drop)
    ways = (
        moves(common_mm, common_mm),
        moves(common_mm, internal),
        moves(common_mm, external),
        moves(internal, internal),
        moves(external, external),
    )
    return [Steps(cc, ci, ce, ii, ee, changes) for cc, ci, ce, ii, ee in zip(*ways, strict=True)]

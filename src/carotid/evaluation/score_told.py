"""The parts that made a participant's heatmap score, in words, so that a doubt has a reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.artifacts import LABELS
from carotid.evaluation.figures import NEAR, score_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carotid.evaluation.figures import ChannelFigures, SideFigures
    from carotid.geometry.sides import SideName

TOLD = 2
"""How many parts are told: the largest."""

_LEAST_POINTS = 1.0


@dataclass(frozen=True)
class ScorePart:
    """One part of a score.

    Attributes:
        points: How much it counts.
        words: What it is about.
    """

    points: float
    words: str


def score_parts(sides: Mapping[SideName, SideFigures], between_mm: float) -> list[ScorePart]:
    """What makes a participant's score, the largest part first.

    These are the parts of the worse side, which has the score, and that of sides close together.

    Args:
        sides: Figures of both sides.
        between_mm: Distance of the sides' internal maxima; NaN where it is unknown.
    """
    worse = max(sides, key=lambda side: sides[side].score)
    figures = sides[worse]
    points = score_points(figures.internal, figures.external)
    found = [ScorePart(value, _words(key, worse, figures)) for key, value in points.items()]
    if not math.isnan(between_mm):
        found.append(ScorePart(NEAR.points(between_mm), near_words(between_mm)))
    told = [part for part in found if part.points >= _LEAST_POINTS]
    return sorted(told, key=lambda part: -part.points)


def near_words(between_mm: float) -> str:
    """That both sides' internal maxima lie close together, and why that may be."""
    words = f"left and right only {between_mm:.0f} mm apart"
    if between_mm >= NEAR.bad:
        return words
    return f"{words}, one and the same vessel (a scan of one side only? give --sides)"


def _words(key: str, side: SideName, figures: SideFigures) -> str:
    if key in ("internal_share", "external_share"):
        label = key.removesuffix("_share")
        one: ChannelFigures = getattr(figures, label)
        return f"a peak in {one.peak_share:.0%} of slices only, {side} {label}"
    field = {"rival": "rival_share", "apart": "apart_share", "jumps": "jumps_per_dm"}[key]
    values = {label: getattr(getattr(figures, label), field) for label in LABELS}
    known = {label: value for label, value in values.items() if not math.isnan(value)}
    if not known:
        return f"no slice has a peak, {side}"
    label = max(known, key=lambda one: known[one])
    value, where = known[label], f"{side} {label}"
    if key == "rival":
        return f"another place nearly as high in {value:.0%} of slices, {where}"
    if key == "jumps":
        return f"{value:.0f} jumps along 100 mm, {where}"
    far_mm = getattr(figures, label).disagreement_p95_mm
    return f"members disagree by up to {far_mm:.0f} mm in {value:.0%} of slices, {where}"

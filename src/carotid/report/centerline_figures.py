"""Figures of centerlines that predict trouble, as far as the method states how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.figures import NAN, Part
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import SideCenterlines
    from carotid.geometry.sides import SideName

UNSURE_MM = 2.0
"""Expected error from which on a center is called unsure: it may lie outside of the lumen."""


@dataclass(frozen=True)
class CenterlineFigures:
    """One side's centerlines in numbers; NaN where nothing is known.

    Attributes:
        internal_points, external_points: Slices with a center.
        uncertainty_median_mm, uncertainty_p90_mm: Of the internal's expected errors.
        unsure_share: Share of the internal's centers with an expected error above 2 mm.
        bifurcation_uncertainty_mm: Of its height; NaN too where no bifurcation was found.
        score: 0 (nothing stands out) to 100.
    """

    internal_points: int
    external_points: int
    uncertainty_median_mm: float
    uncertainty_p90_mm: float
    unsure_share: float
    bifurcation_uncertainty_mm: float
    score: float


UNSURE_PART = Part("internal centerline: share with an expected error above 2 mm", 70, 0.1, 0.7, "")
"""What makes a side's score; all 100 points without an internal centerline."""


def centerline_figures(side: SideCenterlines) -> CenterlineFigures:
    """One side's figures."""
    known = side.internal.uncertainty_mm
    known = known[np.isfinite(known)]
    unsure = float((known > UNSURE_MM).mean()) if known.size else NAN
    points = 0.0 if np.isnan(unsure) else UNSURE_PART.points(unsure)
    fork = side.bifurcation
    return CenterlineFigures(
        internal_points=len(side.internal),
        external_points=len(side.external),
        uncertainty_median_mm=_percentile(known, 50),
        uncertainty_p90_mm=_percentile(known, 90),
        unsure_share=unsure,
        bifurcation_uncertainty_mm=NAN if fork is None else fork.uncertainty_mm,
        score=points if len(side.internal) else 100.0,
    )


def centerline_score(figures: Mapping[SideName, CenterlineFigures]) -> float:
    """A participant's: the worse side's."""
    return max(figures[name].score for name in SIDE_NAMES)


def centerline_reasons(side: SideName, figures: CenterlineFigures) -> list[str]:
    """What stands out, in words."""
    if not figures.internal_points:
        return [f"{side}: no internal centerline"]
    if figures.score >= 0.4 * UNSURE_PART.weight:
        return [
            f"{side}: center expected wrong by over 2 mm in {figures.unsure_share:.0%} of slices"
        ]
    return []


def _percentile(values: NDArray[np.float64], percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else NAN

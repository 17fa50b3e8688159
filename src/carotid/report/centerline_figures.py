"""Figures of centerlines that predict trouble, as far as the method states how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.ends import missing_mm, short_mm
from carotid.evaluation.faint import faint_mm
from carotid.evaluation.figures import NAN, Part
from carotid.geometry.grid import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, SideCenterlines
    from carotid.geometry.sides import SideName

UNSURE_MM = 2.0
"""Expected error from which on a center is called unsure: it may lie outside of the lumen."""


_WORTH_A_WORD = 0.4
"""Share of a part's points from which it is named as a reason."""


@dataclass(frozen=True)
class CenterlineFigures:
    """One side's centerlines in numbers; NaN where nothing is known.

    Attributes:
        internal_points, external_points: Slices with a center.
        uncertainty_median_mm, uncertainty_p90_mm: Of the internal's expected errors.
        unsure_share: Share of the internal's centers with an expected error above 2 mm.
        bifurcation_uncertainty_mm: Of its height; NaN too where no bifurcation was found.
        faint_mm: Longest stretch of the internal that heatmaps hardly show, between two that they
            show.
        short_mm: How much lower the internal ends than the other side's, or than the external.
        missing_mm: How far it goes on above where the other side's external begins, where this side
            has none there.
        score: 0 (nothing stands out) to 100.
    """

    internal_points: int
    external_points: int
    uncertainty_median_mm: float
    uncertainty_p90_mm: float
    unsure_share: float
    bifurcation_uncertainty_mm: float
    faint_mm: float
    short_mm: float
    missing_mm: float
    score: float


UNSURE_PART = Part("internal centerline: share with an expected error above 2 mm", 70, 0.1, 0.7, "")
FAINT_PART = Part("internal centerline: longest stretch hardly seen", 30, 3.0, 8.0, "mm")
SHORT_PART = Part("internal centerline: ends below the arteries beside it by", 30, 10.0, 20.0, "mm")
MISSING_PART = Part(
    "no external centerline, though the other side's begins lower by", 30, 5.0, 15.0, "mm"
)
"""What makes a side's score; all 100 points without an internal centerline."""


def figures_of_side(centerlines: Centerlines, name: SideName) -> CenterlineFigures:
    """One side's figures."""
    grid = centerlines.grid
    slice_mm = NAN if grid is None else grid.reoriented(CANONICAL).spacing_mm[2]
    short = short_mm(centerlines, name, slice_mm)
    missing = missing_mm(centerlines, name, slice_mm)
    return centerline_figures(centerlines.side(name), slice_mm, short, missing)


def centerline_figures(
    side: SideCenterlines, slice_mm: float, short: float = 0.0, missing: float = 0.0
) -> CenterlineFigures:
    """The same; NaN for an unknown distance of the slices."""
    known = side.internal.uncertainty_mm
    known = known[np.isfinite(known)]
    unsure = float((known > UNSURE_MM).mean()) if known.size else NAN
    faint = faint_mm(side.internal, slice_mm)
    points = sum(
        0.0 if np.isnan(value) else part.points(value)
        for part, value in (
            (UNSURE_PART, unsure),
            (FAINT_PART, faint),
            (SHORT_PART, short),
            (MISSING_PART, missing),
        )
    )
    fork = side.bifurcation
    return CenterlineFigures(
        internal_points=len(side.internal),
        external_points=len(side.external),
        uncertainty_median_mm=_percentile(known, 50),
        uncertainty_p90_mm=_percentile(known, 90),
        unsure_share=unsure,
        bifurcation_uncertainty_mm=NAN if fork is None else fork.uncertainty_mm,
        faint_mm=faint,
        short_mm=short,
        missing_mm=missing,
        score=min(points, 100.0) if len(side.internal) else 100.0,
    )


def centerline_score(figures: Mapping[SideName, CenterlineFigures]) -> float:
    """A participant's: the worse side's."""
    return max(one.score for one in figures.values())


def centerline_reasons(side: SideName, figures: CenterlineFigures) -> list[str]:
    """What stands out, in words."""
    if not figures.internal_points:
        return [f"{side}: no internal centerline"]
    words = []
    if _stands_out(UNSURE_PART, figures.unsure_share):
        words.append(
            f"{side}: center expected wrong by over 2 mm in {figures.unsure_share:.0%} of slices"
        )
    if _stands_out(FAINT_PART, figures.faint_mm):
        words.append(
            f"{side}: the heatmaps hardly show the internal over {figures.faint_mm:.0f} mm: "
            "is it kinked?"
        )
    if _stands_out(SHORT_PART, figures.short_mm):
        words.append(
            f"{side}: the internal ends {figures.short_mm:.0f} mm below the arteries beside it: "
            "is it kinked or occluded?"
        )
    if _stands_out(MISSING_PART, figures.missing_mm):
        words.append(
            f"{side}: no external carotid where the other side has one: "
            "the bifurcation is missing or wrong"
        )
    return words


def _stands_out(part: Part, value: float) -> bool:
    """Whether a figure is worth a word; one that is unknown is none."""
    return not np.isnan(value) and part.points(value) >= _WORTH_A_WORD * part.weight


def _percentile(values: NDArray[np.float64], percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else NAN

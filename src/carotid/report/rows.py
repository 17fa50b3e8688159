"""One participant in numbers and words, and the order of the page: worst first."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from carotid.evaluation.figures import CHECK, judged
from carotid.report.centerline_figures import centerline_score
from carotid.report.contour_figures import contour_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carotid.evaluation.figures import SideFigures
    from carotid.geometry.sides import SideName
    from carotid.report.centerline_figures import CenterlineFigures
    from carotid.report.contour_figures import ContourFigures
    from carotid.report.measured import ArteryFigures

Group = Literal["doubtful", "check", "plausible", "no score", "no result"]

NAN = float("nan")


@dataclass(frozen=True)
class KnownDistance:
    """How far one side's maxima lie from known centers.

    Attributes:
        median_mm: Median over slices and channels.
        right_share: Share within 2 mm.
    """

    median_mm: float
    right_share: float


@dataclass(frozen=True)
class Row:
    """One participant in the table.

    Attributes:
        participant_id: Whose.
        result: See `sources.Subject`, or unreadable.
        reason: Why there are no results, or what the last run said.
        number: Of the participant in the order of ids, from 1: a name for links.
        members: Size of the ensemble of heatmaps; 0 without heatmaps.
        sides: Figures of the heatmaps; empty without.
        between_mm: Distance between the sides.
        heatmap_score: What the heatmaps say; NaN without.
        centerlines: Figures of the centerlines; empty without.
        contours: Figures of the contours; empty without.
        arteries: Key measurements; empty without.
        truth: Distances from known centers, where there are any.
        unlike: In what the scan differs from those that the models were trained on.
        shown: Whether there is anything to show.
        why: What makes the score, the largest part first, in words; empty where it is plausible.
        view: Whether the participant's page in 3D lies beside the page.
    """

    participant_id: str
    result: str
    reason: str
    number: int
    members: int = 0
    sides: Mapping[SideName, SideFigures] = field(default_factory=dict)
    between_mm: float = NAN
    heatmap_score: float = NAN
    centerlines: Mapping[SideName, CenterlineFigures] = field(default_factory=dict)
    contours: Mapping[SideName, ContourFigures] = field(default_factory=dict)
    arteries: Mapping[SideName, ArteryFigures] = field(default_factory=dict)
    truth: Mapping[SideName, KnownDistance] = field(default_factory=dict)
    unlike: tuple[str, ...] = ()
    shown: bool = False
    why: tuple[str, ...] = ()
    view: bool = False

    @property
    def contour_score(self) -> float:
        """What the contours say; NaN without."""
        return contour_score(self.contours) if self.contours else NAN

    @property
    def centerline_score(self) -> float:
        """What the centerlines say; NaN without."""
        return centerline_score(self.centerlines) if self.centerlines else NAN

    @property
    def score(self) -> float:
        """What orders the page: the largest score of all stages; NaN where there is none."""
        scores = (self.heatmap_score, self.centerline_score, self.contour_score)
        known = [score for score in scores if not math.isnan(score)]
        return max(known, default=NAN)

    @property
    def group(self) -> Group:
        """In a word, what the score says, and whether the models know such scans."""
        if not self.shown:
            return "no result"
        if self.unlike:
            return "doubtful"
        if self.incomplete or self.doubted:
            return judged(self._place)
        if math.isnan(self.score):
            return "no score"
        return judged(self.score)

    @property
    def incomplete(self) -> bool:
        """Whether the last run failed, or results are missing or cannot be read."""
        return bool(self.reason) or self.result == "unreadable"

    @property
    def doubted(self) -> bool:
        """Whether a stenosis is not told, or not to be taken as it stands."""
        return any(one.doubts for one in self.arteries.values())

    @property
    def _place(self) -> float:
        """The score; what lacks something is worth a check, however good the rest looks."""
        known = -1.0 if math.isnan(self.score) else self.score
        return max(known, CHECK) if self.incomplete or self.doubted else known

    @property
    def word(self) -> str:
        """The group, why there are no results, or that the models do not know such scans."""
        if self.group == "no result":
            return self.result
        return "unlike training" if self.unlike else self.group


def worst_first(rows: list[Row]) -> list[Row]:
    """The order of the page.

    Those without results, those unlike all that the models know, then by falling score and id;
    those without a score last.
    """

    def place(row: Row) -> tuple[bool, bool, float, str]:
        return row.shown, not row.unlike, -row._place, row.participant_id

    return sorted(rows, key=place)

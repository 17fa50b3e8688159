"""Why a participant is to be looked at, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.evaluation.figures import CHECK
from carotid.evaluation.score_told import TOLD, score_parts
from carotid.report.centerline_figures import centerline_reasons, figures_of_side
from carotid.report.contour_case import contour_reasons
from carotid.report.heatmap_case import heatmap_reasons
from carotid.report.heatmap_pictures import on_screen

if TYPE_CHECKING:
    from carotid.report.case import Findings
    from carotid.report.contour_pictures import ContourScene
    from carotid.report.rows import Row
    from carotid.report.sources import Subject


def all_reasons(
    row: Row, subject: Subject, found: Findings, scene: ContourScene | None
) -> list[str]:
    """What stands out at every stage; where nothing does by itself, what makes the score."""
    words = [
        f"{side}: {doubt}"
        for side in on_screen(row.arteries)
        for doubt in row.arteries[side].doubts
    ]
    words += [] if scene is None else contour_reasons(scene)
    if found.centerlines is not None:
        for name in on_screen(subject.sides):
            words += centerline_reasons(name, figures_of_side(found.centerlines, name))
    if found.exam is not None:
        words += heatmap_reasons(found.exam)
    elif subject.recorded_score >= CHECK:
        parts = "; ".join(subject.recorded_parts[:TOLD])
        words.append(
            f"heatmaps, which were not kept, had a score of {subject.recorded_score:.0f}"
            + (f": {parts}" if parts else "")
        )
    return words or list(row.why)


def largest_parts(
    row: Row, subject: Subject, found: Findings, scene: ContourScene | None
) -> tuple[str, ...]:
    """What makes a score that is worth a look, from the stage that has the largest one."""
    doubts = [f"{side}: {doubt}" for side, one in row.arteries.items() for doubt in one.doubts[:1]]
    if not row.score >= CHECK:
        return tuple(doubts)
    if row.score == row.heatmap_score:
        parts = (
            list(subject.recorded_parts)
            if found.exam is None
            else [part.words for part in score_parts(row.sides, found.exam.between_mm)]
        )
    elif row.score == row.contour_score and scene is not None:
        parts = contour_reasons(scene)
    else:
        parts = [
            words
            for side, figures in row.centerlines.items()
            for words in centerline_reasons(side, figures)
        ]
    return (*doubts, *parts[:TOLD])

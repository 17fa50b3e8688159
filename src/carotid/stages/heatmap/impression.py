"""What the maxima of a scan and the scan itself say about how far its heatmaps can be trusted.

Made while a scan is computed, from what is in memory anyway, so that a run can say at its end which
participants are to be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.evaluation.distances import HIGH_PEAK
from carotid.evaluation.figures import (
    DOUBTFUL,
    NAN,
    Course,
    left_right_mm,
    make_course,
    participant_score,
    rival_heights,
    side_figures,
)
from carotid.evaluation.likeness import (
    above_zero,
    below_zero,
    differences,
    geometry_facts,
    intensity_facts,
    uneven_sides,
)
from carotid.evaluation.score_told import TOLD, score_parts
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.evaluation.score_told import ScorePart
    from carotid.geometry.frame import NetworkFrame
    from carotid.geometry.sides import Side
    from carotid.stages.heatmap.prepare import PreparedScan
    from carotid.stages.heatmap.trace import SideTraces, Trace

_NEAR_VOXELS = 1
_RING_MM = (3.0, 6.0)
"""Around a maximum: what is taken for blood, and what for its surroundings."""

LOWEST_SHARE = 0.13
"""Of the height of the lowest scan in training: what a scan has at least whose end slices are
repeated up to there. For the package's models that is 8 mm, 4 slices of 2 mm."""

_SAMPLES = 200
"""Maxima around which blood is looked at; regularly chosen."""


@dataclass(frozen=True)
class Impression:
    """What people should know of a participant.

    Attributes:
        score: As on the report's page, from 0 to 100.
        parts: What makes the score, the largest part first.
        facts: What the scan is like, by name.
        unlike: In what it differs from those of training, in words.
    """

    score: float
    parts: Sequence[ScorePart]
    facts: Mapping[str, float]
    unlike: tuple[str, ...]

    def as_context(self) -> dict[str, Any]:
        """What the record says."""
        known = {name: round(v, 4) for name, v in self.facts.items() if not np.isnan(v)}
        return {
            "score": round(self.score, 1),
            "score_parts": [
                {"points": round(part.points, 1), "words": part.words} for part in self.parts
            ],
            "scan": known,
            "unlike_training": list(self.unlike),
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the closing table says."""
        told = [f"unlike training: {one}" for one in self.unlike]
        if self.score >= DOUBTFUL:
            words = "; ".join(part.words for part in self.parts[:TOLD])
            told.append(f"doubtful: heatmaps score {self.score:.0f} of 100: {words}")
        return tuple(told)


def impression(
    scan: PreparedScan,
    traces: Mapping[Side, SideTraces],
    seen: Mapping[str, tuple[float, float]],
    *,
    repeated: bool = False,
    faults: tuple[str, ...] = (),
) -> Impression:
    """Look at a scan and its maxima.

    Args:
        scan: As the networks saw it.
        traces: Of every side that networks looked at.
        seen: Ranges that training had.
        repeated: Whether its end slices were repeated, see `min_height`.
        faults: What is wrong with the scan as it is stored, in words.
    """
    frame = scan.frame
    courses = [_course(frame, side, found) for side, found in traces.items()]
    figures = {
        side.name: side_figures(course, HIGH_PEAK)
        for side, course in zip(traces, courses, strict=True)
    }
    between = left_right_mm(courses[0], courses[1], HIGH_PEAK) if len(courses) > 1 else NAN
    spacing_mm = frame.grid.reoriented(CANONICAL).spacing_mm
    height, depth, width = (stop - start for start, stop in frame.kept)
    contrast = [
        _blood_contrasts(scan.side_image(side), found.members, _voxel_mm(frame))
        for side, found in traces.items()
    ]
    known = np.concatenate(contrast)
    facts = {
        **geometry_facts((width, depth, height), spacing_mm),
        **intensity_facts(scan.side_image(next(iter(traces)))[::3, ::3, ::3]),
        "blood_contrast": float(np.median(known)) if len(known) else float("nan"),
    }
    score = participant_score([one.score for one in figures.values()], between)
    unlike = differences(facts, seen, _shares(frame, repeated=repeated))
    if seen and scan.intensities is not None:
        unlike += below_zero(scan.intensities) + above_zero(scan.intensities)
    by_side = {
        side.name: float(np.median(one)) if len(one) else NAN
        for side, one in zip(traces, contrast, strict=True)
    }
    unlike = (*faults, *uneven_sides(by_side), *unlike)
    return Impression(score, score_parts(figures, between), facts, unlike)


def _shares(frame: NetworkFrame, *, repeated: bool) -> dict[str, tuple[float, float]]:
    """Which shares of training's ranges hold for such a scan.

    One of a single side is as wide as that side was there. One whose end slices are repeated may be
    lower.
    """
    found = {}
    if frame.shown != "both":
        found["width_mm"] = (SIDE_SHARE, SIDE_SHARE)
    if repeated:
        found["height_mm"] = (LOWEST_SHARE, 1.0)
    return found


def _voxel_mm(frame: NetworkFrame) -> tuple[float, float, float]:
    """(s, p, l) of the network's frame."""
    s, p, columns = (
        n * mm / len(axis)
        for n, mm, axis in zip(
            frame.raw_shape, frame.reordering.grid(frame.grid).spacing_mm, frame.forth, strict=True
        )
    )
    return s, p, columns


def _course(frame: NetworkFrame, side: Side, found: SideTraces) -> Course:
    """The maxima of the mean heatmap along a side, in the scan's own axial slices.

    So thick slices are judged by what lies in them, and the score is the page's, which knows these.
    """
    _, p_mm, l_mm = _voxel_mm(frame)
    slice_mm = frame.reordering.grid(frame.grid).spacing_mm[0]
    kept = slice(*frame.kept[0])
    slices = frame.back[0].nearest()[kept] - frame.seen[0][0]
    over_l, over_p = (one[:, slices] for one in found.mean.arrays())
    peaks = np.stack([over_p.argmax(2), over_l.argmax(2)], axis=-1).swapaxes(0, 1)  # s, 2, l and p
    ridges = over_p.swapaxes(1, 2), over_l.swapaxes(1, 2)
    rival = rival_heights(*ridges, peaks, (l_mm, p_mm))
    members = np.stack([one.positions()[:, slices] for one in found.members])[..., ::-1].copy()
    for indices in (peaks, members):
        if side.mirrored:
            indices[..., 0] = side.width - 1 - indices[..., 0]
        indices[..., 0] += side.start
    return make_course(over_l.max(2).T, peaks, rival, members, (l_mm, p_mm, slice_mm))


def _blood_contrasts(
    image: NDArray[np.float32], members: Sequence[Trace], voxel_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """(n,) how much brighter the surroundings of internal maxima are than they themselves."""
    heights, positions = members[0].heights(), members[0].positions()
    chosen = np.flatnonzero(heights[0] > HIGH_PEAK)
    chosen = chosen[:: max(1, len(chosen) // _SAMPLES)]
    return np.array([blood_contrast(image[s], positions[0, s], voxel_mm[1:]) for s in chosen])


def blood_contrast(
    plane: NDArray[np.float32], center: NDArray[np.int64], voxel_mm: tuple[float, float]
) -> float:
    """The mean of a ring about a place minus the mean of the place."""
    p, column = int(center[0]), int(center[1])
    reach = [int(np.ceil(_RING_MM[1] / mm)) for mm in voxel_mm]
    rows = slice(max(p - reach[0], 0), p + reach[0] + 1)
    columns = slice(max(column - reach[1], 0), column + reach[1] + 1)
    part = plane[rows, columns]
    at_p = (np.arange(part.shape[0]) + rows.start - p) * voxel_mm[0]
    at_l = (np.arange(part.shape[1]) + columns.start - column) * voxel_mm[1]
    away = np.hypot(at_p[:, None], at_l[None, :])
    near = away <= _NEAR_VOXELS * max(voxel_mm) + 1e-6
    ring = (away >= _RING_MM[0]) & (away <= _RING_MM[1])
    return float(part[ring].mean() - part[near].mean())

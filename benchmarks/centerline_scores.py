"""What centerlines are worth, against the truth of simulated necks: figures per side and pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.neck_heatmaps import TrueCenters
    from carotid.artifacts import SideCenterlines

RIGHT_MM = 2.0
"""A center at most this far from its artery's is right."""

SURE_MM, UNSURE_MM = 1.0, 4.0
"""Uncertainties of centers that should be right, and of those that may well be wrong."""

ABOVE_MM = 5.0
"""Rows higher than this above the bifurcation show whether they lie on the right artery."""


@dataclass(frozen=True, eq=False)
class SideScores:
    """One side's centers against the truth.

    Attributes:
        name: Which neck and side.
        error_mm: (n,) in-plane error of each row whose slice shows its artery.
        uncertainty_mm: (n,) what was said about it.
        wrong: (m,) of the rows well above the bifurcation, whether they are nearer to the other
            artery.
        true_found: (t,) of the true centers, whether there is a row within 2 mm.
        both_right: (s,) of the slices that show both arteries, whether both rows are within 2 mm.
        empty_rows: Rows in slices that do not show their artery.
        ended_rows: Those of them in which the external carotid has ended.
        ended_slices: Slices in which it has ended and the internal one has not.
        steps: How many pairs of rows lie in neighbouring slices.
        steep: How many of them are more than 45° apart.
        fork_mm: Error of the bifurcation's height; NaN where there is none to be found, or none
            was found.
        fork_there: Whether the bifurcation lies in the volume, with an artery above and below it.
    """

    name: str
    error_mm: NDArray[np.float64]
    uncertainty_mm: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    true_found: NDArray[np.bool_]
    both_right: NDArray[np.bool_]
    empty_rows: int
    ended_rows: int
    ended_slices: int
    steps: int
    steep: int
    fork_mm: float
    fork_there: bool


def score_side(
    name: str, found: SideCenterlines, truth: TrueCenters, spacing_mm: tuple[float, float, float]
) -> SideScores:
    """Set one side's centers against the truth.

    Args:
        name: Which neck and side.
        found: Its centerlines.
        truth: What is known.
        spacing_mm: The canonical voxel.
    """
    spacing = np.array(spacing_mm)
    slices = len(truth.centers)
    rows = np.full((slices, 2, 2), np.nan)
    doubt = np.full((slices, 2), np.nan)
    steps = steep = 0
    for channel, label in enumerate(LABELS):
        artery = found.artery(label)
        z = artery.points[:, 2].astype(int)
        rows[z, channel] = artery.points[:, :2]
        doubt[z, channel] = artery.uncertainty_mm
        neighbours = np.diff(z) == 1
        moved = np.hypot(*(np.diff(artery.points[:, :2], axis=0) * spacing[:2]).T)[neighbours]
        steps += len(moved)
        steep += int((moved > spacing[2]).sum())
    own = np.linalg.norm((rows - truth.centers) * spacing[:2], axis=2)
    other = np.linalg.norm((rows - truth.centers[:, ::-1]) * spacing[:2], axis=2)
    there, true = np.isfinite(rows[..., 0]), np.isfinite(truth.centers[..., 0])
    above = ((np.arange(slices) - truth.fork[2]) * spacing[2] > ABOVE_MM)[:, None]
    both = true.all(axis=1)
    ends = np.flatnonzero(true[:, 1])
    ended = ~true[:, 1] & true[:, 0]
    ended &= np.arange(slices) > (ends[-1] if len(ends) else slices)
    below = true[: max(int(np.ceil(truth.fork[2])), 0), 0].any()
    return SideScores(
        name=name,
        error_mm=own[there & true],
        uncertainty_mm=doubt[there & true],
        wrong=(other < own)[there & true & true[:, ::-1] & above],
        true_found=(own <= RIGHT_MM)[true],
        both_right=(own <= RIGHT_MM).all(axis=1)[both],
        empty_rows=int((there & ~true).sum()),
        ended_rows=int((ended & there[:, 1]).sum()),
        ended_slices=int(ended.sum()),
        steps=steps,
        steep=steep,
        fork_mm=_fork_error(found, truth, spacing[2]),
        fork_there=bool(below and both.any()),
    )


def _fork_error(found: SideCenterlines, truth: TrueCenters, slice_mm: float) -> float:
    if found.bifurcation is not None:
        at = float(found.bifurcation.point[2])
    elif len(found.external) and len(found.internal):
        at = float(found.external.points[0, 2])
    else:
        return float("nan")
    return abs(at - float(truth.fork[2])) * slice_mm


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """How well a score ranks the positive ones above the others; NaN without both."""
    from scipy.stats import rankdata

    yes, no = int(positive.sum()), int((~positive).sum())
    if not yes or not no:
        return float("nan")
    return float((rankdata(score)[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def table(scores: Sequence[SideScores]) -> list[tuple[str, str]]:
    """The figures of many sides: what, and the value in words."""
    error = np.concatenate([one.error_mm for one in scores])
    doubt = np.concatenate([one.uncertainty_mm for one in scores])
    forks = np.array([one.fork_mm for one in scores if one.fork_there])
    medians = np.array([np.median(one.error_mm) if len(one.error_mm) else np.nan for one in scores])
    shares = np.array([one.true_found.mean() for one in scores if len(one.true_found)])
    known = np.isfinite(doubt)
    steps = sum(one.steps for one in scores)
    found_forks = forks[np.isfinite(forks)]
    return [
        ("median error, mm", f"{np.median(error):.3f}"),
        ("95th percentile, mm", f"{np.percentile(error, 95):.2f}"),
        ("true slices with a center within 2 mm", _share([one.true_found for one in scores])),
        ("both right at once", _share([one.both_right for one in scores])),
        ("wrong artery, > 5 mm above the bifurcation", _share([one.wrong for one in scores])),
        ("slices beyond the external's end", str(sum(one.ended_slices for one in scores))),
        ("rows in them", str(sum(one.ended_rows for one in scores))),
        ("rows in slices without their artery", str(sum(one.empty_rows for one in scores))),
        ("bifurcation, median error in height, mm", f"{_median(found_forks):.2f}"),
        ("bifurcation, found", f"{len(found_forks)} of {len(forks)}"),
        ("bifurcation, worst, mm", f"{found_forks.max(initial=0):.1f}"),
        ("steps steeper than 45°", f"{100 * sum(one.steep for one in scores) / steps:.2f} %"),
        (
            "AUROC of the uncertainty for errors > 2 mm",
            f"{auroc(doubt[known], (error > RIGHT_MM)[known]):.3f}",
        ),
        ("sides: with errors > 2 mm", f"{_with_errors(scores)} of {len(scores)}"),
        ("errors > 2 mm where it is below 1 mm", _counted(error[doubt < SURE_MM])),
        ("errors > 2 mm where it is above 4 mm", _counted(error[doubt > UNSURE_MM])),
        ("sides: worst median error, mm", f"{np.nanmax(medians):.2f}"),
        ("sides: fewest true slices within 2 mm", f"{100 * shares.min():.1f} %"),
        ("sides: with less than 95 % of them", f"{int((shares < 0.95).sum())} of {len(shares)}"),
    ]


def _with_errors(scores: Sequence[SideScores]) -> int:
    return sum(bool((one.error_mm > RIGHT_MM).any()) for one in scores)


def _counted(error: NDArray[np.float64]) -> str:
    return f"{int((error > RIGHT_MM).sum())} of {len(error)}"


def _share(parts: Sequence[NDArray[np.bool_]]) -> str:
    every = np.concatenate(parts)
    return f"{100 * every.mean():.2f} %" if len(every) else "-"


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")

"""Stretches of an artery that heatmaps hardly show, though they show it below and above.

Centers there lie on a line between what was seen, which cuts the corner where the artery kinks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation.distances import HIGH_PEAK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Centerline

FAINT_MM = 5.0
"""Stretches from this length on are told."""


def faint_stretch(line: Centerline) -> tuple[int, int] | None:
    """The last slice below and the first one above the longest stretch with low heatmaps.

    A center counts as seen where the mean heatmap is above `HIGH_PEAK`, or unknown.

    Returns:
        None where all centers between the lowest and the highest seen one are seen.
    """
    seen = _seen(line)
    steps = np.diff(seen)
    if not (steps > 1).any():
        return None
    longest = int(steps.argmax())
    return int(seen[longest]), int(seen[longest + 1])


def faint_mm(line: Centerline, slice_mm: float) -> float:
    """Its length; 0 without one."""
    ends = faint_stretch(line)
    return 0.0 if ends is None else (ends[1] - ends[0] - 1) * slice_mm


def faint_slices(line: Centerline, slice_mm: float) -> NDArray[np.int64]:
    """The slices of all such stretches of `FAINT_MM` and more."""
    seen = _seen(line)
    between = [
        np.arange(low + 1, high)
        for low, high in pairwise(seen.tolist())
        if (high - low - 1) * slice_mm >= FAINT_MM
    ]
    return np.concatenate([np.empty(0, np.int64), *between])


def _seen(line: Centerline) -> NDArray[np.int64]:
    return np.asarray(line.points[~(line.mean_value <= HIGH_PEAK), 2], np.int64)

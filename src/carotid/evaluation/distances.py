"""Distances from a heatmap's maxima to annotated centers, slice by slice, and what they add up to.

Everything is counted per slice. A slice's maximum is right when it lies within `RIGHT_MM` of the
center of its own vessel. Below the bifurcation both channels have the common carotid as theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RIGHT_MM = 2.0
"""A maximum at most this far from its vessel's center is right."""

ABOVE_MM = 10.0
"""Slices higher than this above the bifurcation show whether the labels are right."""

HIGH_PEAK = 100.0
"""Height that later steps need a peak to have."""

LOW_PEAK = 50.0
"""Height that a peak should stay below where there is no vessel."""


@dataclass(frozen=True, eq=False)
class SliceErrors:
    """One side's maxima against its annotated centers.

    Channel 0 is the internal carotid, channel 1 the external one, both with the common carotid.

    Attributes:
        distance_mm: (s, 2) from each channel's maximum to its own vessel; NaN where there is none.
        other_mm: (s, 2) from each channel's maximum to the other channel's vessel; NaN likewise.
        peak: (s, 2) height of each channel's maximum.
        counted: (s,) whether the slice is annotated: with vessels, or as being without.
        above_mm: (s,) height above the bifurcation, NaN where unknown.
    """

    distance_mm: NDArray[np.float64]
    other_mm: NDArray[np.float64]
    peak: NDArray[np.float64]
    counted: NDArray[np.bool_]
    above_mm: NDArray[np.float64]


def slice_maxima(
    heatmap: NDArray[np.floating],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where each slice's maximum lies and how high it is.

    Args:
        heatmap: (2, s, a, b), slices along axis 1.

    Returns:
        (s, 2, 2) a and b per slice and channel, and (s, 2) heights. The first maximum in (a, b)
        order counts.
    """
    channels, slices, _, columns = heatmap.shape
    flat = heatmap.reshape(channels, slices, -1)
    best = flat.argmax(axis=2)
    heights = np.take_along_axis(flat, best[..., None], axis=2)[..., 0]
    positions = np.stack([best // columns, best % columns], axis=-1).transpose(1, 0, 2)
    return positions, heights.T.astype(np.float64)


def slice_errors(
    maxima: NDArray[np.number],
    peak: NDArray[np.floating],
    centers: NDArray[np.floating],
    counted: NDArray[np.bool_],
    above_mm: NDArray[np.floating],
    spacing_mm: tuple[float, float],
) -> SliceErrors:
    """Compare maxima with centers.

    Args:
        maxima: (s, 2, 2) indices per slice and channel.
        peak: (s, 2) heights there.
        centers: (s, 2, 2) annotated centers, the same axes, fractional; NaN where absent. Below
            the bifurcation both channels have the common carotid's.
        counted: (s,) whether the slice is annotated.
        above_mm: (s,) height above the bifurcation.
        spacing_mm: Voxel size along the two in-plane axes.
    """
    spacing = np.array(spacing_mm)
    own = np.linalg.norm((maxima - centers) * spacing, axis=2)
    other = np.linalg.norm((maxima - centers[:, ::-1]) * spacing, axis=2)
    return SliceErrors(
        own,
        other,
        np.asarray(peak, dtype=np.float64),
        np.asarray(counted, dtype=np.bool_),
        np.asarray(above_mm, dtype=np.float64),
    )


def disagreement_mm(
    max_indices: NDArray[np.integer], spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """How far the members of an ensemble disagree on where a slice's maximum is.

    Args:
        max_indices: (members, 2, s, 2) indices of each member's maxima.
        spacing_mm: Voxel size along the two in-plane axes.

    Returns:
        (s, 2) mean distance of the members' maxima from their centroid; 0 for one member.
    """
    each = np.asarray(max_indices, dtype=np.float64) * np.array(spacing_mm)
    apart = np.linalg.norm(each - each.mean(axis=0), axis=-1).mean(axis=0)
    return np.asarray(apart.T, np.float64)


@dataclass(frozen=True)
class Summary:
    """What the errors of many sides add up to; shares are from 0 to 1, NaN where nothing counts.

    Attributes:
        slices: Slice maxima with a vessel of their own, both channels.
        within_2_mm: Share of them within 2 mm of the true center.
        median_mm: Median of their distance.
        above_slices: Slices more than 10 mm above the bifurcation that show both vessels.
        both_right: Share of those in which both channels are within 2 mm of their own vessel.
        same_vessel: Share of those in which both channels are within 2 mm of the same vessel.
        high_peaks: Share of maxima with a vessel whose peak is above 100.
        empty_slices: Maxima in annotated slices without a vessel for that channel.
        low_peaks: Share of those whose peak is below 50.
    """

    slices: int
    within_2_mm: float
    median_mm: float
    above_slices: int
    both_right: float
    same_vessel: float
    high_peaks: float
    empty_slices: int
    low_peaks: float


def summarize(errors: Sequence[SliceErrors]) -> Summary:
    """Pool the slices of all sides."""
    own = np.concatenate([one.distance_mm for one in errors] or [np.empty((0, 2))])
    other = np.concatenate([one.other_mm for one in errors] or [np.empty((0, 2))])
    peak = np.concatenate([one.peak for one in errors] or [np.empty((0, 2))])
    counted = np.concatenate([one.counted for one in errors] or [np.empty(0, np.bool_)])
    above_mm = np.concatenate([one.above_mm for one in errors] or [np.empty(0)])
    vessel = np.isfinite(own) & counted[:, None]
    empty = ~np.isfinite(own) & counted[:, None]
    above = vessel[:, 0] & vessel[:, 1] & (above_mm > ABOVE_MM)
    right: NDArray[np.bool_] = np.less_equal(own, RIGHT_MM)
    same = (right[:, 0] & (other[:, 1] <= RIGHT_MM)) | (right[:, 1] & (other[:, 0] <= RIGHT_MM))
    return Summary(
        slices=int(vessel.sum()),
        within_2_mm=_share(right[vessel]),
        median_mm=float(np.median(own[vessel])) if vessel.any() else float("nan"),
        above_slices=int(above.sum()),
        both_right=_share((right[:, 0] & right[:, 1])[above]),
        same_vessel=_share(same[above]),
        high_peaks=_share(peak[vessel] > HIGH_PEAK),
        empty_slices=int(empty.sum()),
        low_peaks=_share(peak[empty] < LOW_PEAK),
    )


def _share(condition: NDArray[np.bool_]) -> float:
    return float(np.mean(condition)) if condition.size else float("nan")

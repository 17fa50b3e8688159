"""Both arteries of one side, from heatmaps to a center in every slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.joint.course import APART, COMMON, EXTERNAL, INTERNAL
from carotid.stages.centerline.joint.fork import BELOW_MM, meeting_height
from carotid.stages.centerline.joint.refine import refined
from carotid.stages.centerline.joint.smooth import smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.levels import SideVolume
    from carotid.stages.centerline.joint.search import Course

BELOW_FORK_MM = 15.0
"""How much of the common carotid the external one is smoothed with, so that it leaves evenly."""

_FAINT = 0.01
"""Weight of a point whose peak is not high at all."""

_INTERNAL, _EXTERNAL = 0, 1
"""The channels of a heatmap."""


@dataclass(frozen=True, eq=False)
class Curve:
    """An artery's centers in neighbouring slices.

    Attributes:
        slices: (n,) slices, rising without a gap.
        point_mm: (n, 2) x and y from the first voxel.
    """

    slices: NDArray[np.int64]
    point_mm: NDArray[np.float64]

    def above(self, lowest: int) -> Curve:
        """The part from a slice on."""
        kept = self.slices >= lowest
        return Curve(self.slices[kept], self.point_mm[kept])


@dataclass(frozen=True, eq=False)
class Traced:
    """Both arteries of a side.

    Attributes:
        internal: With the common carotid; may have no points.
        external: From the bifurcation up; may have no points.
        fork: Height of the bifurcation in slices, fractional; NaN where it is not seen.
    """

    internal: Curve
    external: Curve
    fork: float


def trace(volume: SideVolume, course: Course, usual: NDArray[np.float64]) -> Traced:
    """Centers of both arteries in every slice that shows them.

    Args:
        volume: The heatmaps.
        course: Where the arteries are, level by level.
        usual: (2,) the usual height of each channel's peaks.
    """
    shows = np.repeat(course.shows, volume.step)[: volume.slices]
    fork = _fork(volume, course, shows)
    raised = (shows == COMMON) & (np.arange(volume.slices) >= fork)
    shows = np.where(raised, APART, shows)

    common = np.flatnonzero(shows == COMMON)
    internal = np.flatnonzero((shows == APART) | (shows == INTERNAL))
    external = np.flatnonzero((shows == APART) | (shows == EXTERNAL))
    lower = _peaks(volume, course, common, _INTERNAL, (_INTERNAL, _EXTERNAL))
    reach = BELOW_FORK_MM / volume.spacing_mm[2]
    near = common >= (external[0] - reach if len(external) else np.inf)
    upper = [
        _peaks(volume, course, own, channel, (channel,))
        for channel, own in ((_INTERNAL, internal), (_EXTERNAL, external))
    ]
    slices = np.concatenate([common, internal])
    inner = _smooth_curve(volume, slices, np.concatenate([lower, upper[0]]), _INTERNAL, usual)
    slices = np.concatenate([common[near], external])
    outer = _smooth_curve(volume, slices, np.concatenate([lower[near], upper[1]]), _EXTERNAL, usual)
    return Traced(inner, outer.above(external[0]) if len(external) else outer, fork)


def _fork(volume: SideVolume, course: Course, shows: NDArray[np.int64]) -> float:
    """Height of the bifurcation in slices, NaN where it is not seen."""
    slice_mm = volume.spacing_mm[2]
    common, apart = np.flatnonzero(shows == COMMON), np.flatnonzero(shows == APART)
    if not (len(common) and len(apart)):
        return float("nan")
    seen = np.concatenate([common[common >= apart[0] - BELOW_MM / slice_mm], apart])
    peaks = [_peaks(volume, course, seen, c, (c,)) for c in (_INTERNAL, _EXTERNAL)]
    separation_mm = np.linalg.norm(peaks[0] - peaks[1], axis=1)
    return meeting_height(seen * slice_mm, separation_mm, apart[0] * slice_mm) / slice_mm


def _peaks(
    volume: SideVolume,
    course: Course,
    slices: NDArray[np.int64],
    artery: int,
    channels: tuple[int, ...],
) -> NDArray[np.float64]:
    """(n, 2) mm: the peaks of some channels' heatmaps nearest to an artery's course."""
    if not len(slices):
        return np.empty((0, 2))
    known = np.isfinite(course.place_mm[:, artery, 0])
    start_mm = np.stack(
        [
            np.interp(slices, volume.middles[known], course.place_mm[known, artery, axis])
            for axis in (0, 1)
        ],
        axis=1,
    )
    return refined(volume, slices, start_mm, channels)


def _smooth_curve(
    volume: SideVolume,
    slices: NDArray[np.int64],
    point_mm: NDArray[np.float64],
    channel: int,
    usual: NDArray[np.float64],
) -> Curve:
    """A smooth curve through an artery's peaks, by weights that grow with their height."""
    if not len(slices):
        return Curve(slices, point_mm)
    height = volume.heights(slices, point_mm)[:, channel]
    weight = np.clip(height / usual[channel], 0, 1) ** 2 + _FAINT
    return Curve(slices, smoothed(point_mm, weight, volume.spacing_mm[2]))

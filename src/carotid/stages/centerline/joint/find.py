"""The joint method: what a side's heatmaps say about both of its arteries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Bifurcation
from carotid.stages.centerline.centers import ArteryCenters, SideCenters
from carotid.stages.centerline.joint.branch import without_branch
from carotid.stages.centerline.joint.candidates import find_candidates
from carotid.stages.centerline.joint.costs import level_costs, usual_heights
from carotid.stages.centerline.joint.doubt import fork_uncertainty_mm, uncertainty_mm
from carotid.stages.centerline.joint.search import find_course
from carotid.stages.centerline.joint.trace import Curve, Traced, trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.centerline.joint.levels import SideVolume
    from carotid.stages.centerline.joint.search import Course


def joint_centers(volume: SideVolume, max_indices: NDArray[np.int64]) -> SideCenters:
    """Centers of both arteries, the bifurcation, and how sure each center is.

    Args:
        volume: One side's mean heatmaps.
        max_indices: (members, 2, axial slices, 2) canonical x and y of each member's maxima.

    Raises:
        InputError: The heatmaps hold NaN or infinity.
    """
    candidates = find_candidates(volume)
    course = without_branch(find_course(level_costs(volume, candidates)))
    traced = trace(volume, course, usual_heights(candidates))
    arteries = [
        _centers(volume, course, curve, channel, max_indices)
        for channel, curve in enumerate((traced.internal, traced.external))
    ]
    return SideCenters(arteries[0], arteries[1], _bifurcation(volume, course, traced))


def _centers(
    volume: SideVolume,
    course: Course,
    curve: Curve,
    channel: int,
    max_indices: NDArray[np.int64],
) -> ArteryCenters:
    spacing_mm = np.array(volume.spacing_mm[:2])
    last = np.array(volume.mean.shape[1:3]) - 1
    xy = np.clip(curve.point_mm / spacing_mm, 0, last)
    level = curve.slices // volume.step
    members = max_indices[:, channel, curve.slices] - xy
    doubt = uncertainty_mm(
        volume.heights(curve.slices, curve.point_mm)[:, channel],
        course.spread_mm[level, channel],
        np.linalg.norm(members * spacing_mm, axis=2),
        volume.spacing_mm[2],
    )
    points = np.column_stack([xy, curve.slices])
    return ArteryCenters(points, np.full(len(points), channel), doubt)


def _bifurcation(volume: SideVolume, course: Course, traced: Traced) -> Bifurcation | None:
    if not np.isfinite(traced.fork):
        return None
    slices, xy_mm = traced.internal.slices, traced.internal.point_mm
    xy = [np.interp(traced.fork, slices, xy_mm[:, a]) / volume.spacing_mm[a] for a in (0, 1)]
    slice_mm = volume.spacing_mm[2]
    doubt = fork_uncertainty_mm(course.common, volume.middles * slice_mm, traced.fork * slice_mm)
    return Bifurcation(np.array([*xy, traced.fork]), doubt)

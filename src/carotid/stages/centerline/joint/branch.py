"""What the external carotid is not: a branch that goes down again beside the common carotid.

The superior thyroid artery leaves the external carotid at the bifurcation and runs down to the
thyroid. Where it is wide, networks may take it for the external carotid's lower part. Then the two
courses meet at the bifurcation, part again below it, and never meet below: the common carotid.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.joint.course import APART, COMMON
from carotid.stages.centerline.joint.fork import CLOSE_MM

if TYPE_CHECKING:
    from carotid.stages.centerline.joint.search import Course

PARTED_MM = 6.0
"""Courses that are at least this far apart at their lower end do not meet there."""


def without_branch(course: Course) -> Course:
    """The course with the common carotid in the place of such a branch, or the very same one.

    The narrowest level counts as the bifurcation if the arteries are closer than `CLOSE_MM` there,
    which two separate arteries are not, and at least `PARTED_MM` apart above it and at the lowest
    level with two arteries. The probabilities stay: they say that the bifurcation is in doubt.
    """
    apart = np.flatnonzero(course.shows == APART)
    if not len(apart):
        return course
    between_mm = np.linalg.norm(np.subtract(*course.place_mm[apart].swapaxes(0, 1)), axis=1)
    narrowest = int(np.argmin(between_mm))
    widest_above_mm = between_mm[narrowest:].max()
    if between_mm[narrowest] >= CLOSE_MM or min(between_mm[0], widest_above_mm) < PARTED_MM:
        return course
    shows, place_mm = course.shows.copy(), course.place_mm.copy()
    below = apart[: narrowest + 1]
    shows[below] = COMMON
    place_mm[below, 1] = place_mm[below, 0]
    return replace(course, shows=shows, place_mm=place_mm)

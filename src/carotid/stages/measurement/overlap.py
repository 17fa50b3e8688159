"""Where outlines of two arteries run into each other, and where one holds the other's course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.outlines import equal_arcs, inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.stages.measurement.artery import Artery, Border

_NODES = 64


def holds_course(one: Artery, other: Artery | None) -> NDArray[np.bool_]:
    """(k,) whether the lumen holds the course of the other artery, below its lowest outline."""
    holds = np.zeros(len(one.z), np.bool_)
    if other is None:
        return holds
    heights = one.heights_mm[one.lumen.rows]
    there = (heights >= other.axis.points_mm[0, 2]) & (heights < other.heights_mm[0])
    course = other.axis.at(heights[there])[:, None, :2]
    holds[one.lumen.rows[there]] = inside(course, one.lumen.outlines_mm[there])[:, 0]
    return holds


def overlap(
    one: Artery, other: Artery | None, boundary: Literal["lumen", "wall"]
) -> NDArray[np.float64]:
    """(k,) the larger share of either artery's outline that lies inside the other's."""
    share = np.zeros(len(one.z))
    if other is None:
        return share
    mine: Border = getattr(one, boundary)
    theirs: Border = getattr(other, boundary)
    _, a, b = np.intersect1d(one.z[mine.rows], other.z[theirs.rows], return_indices=True)
    if not len(a):
        return share
    first, second = (
        equal_arcs(border.outlines_mm[rows], _NODES) for border, rows in ((mine, a), (theirs, b))
    )
    within = [inside(first, second).mean(axis=1), inside(second, first).mean(axis=1)]
    share[mine.rows[a]] = np.maximum(*within)
    return share

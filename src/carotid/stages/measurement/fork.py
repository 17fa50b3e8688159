"""Where positions along the arteries of a side begin: at the bifurcation.

The bifurcation of measurements is the flow divider: the lowest slice in which the lumens of
internal and external carotid are apart. Outlines show it to a slice. The point at which the courses
of both arteries meet lies within the common carotid, where nothing can be seen of it; it counts
where outlines do not show the divider.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.outlines import inside
from carotid.stages.measurement.overlap import holds_course, overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Label, SideCenterlines
    from carotid.geometry.sides import SideName
    from carotid.stages.measurement.artery import Artery

logger = logging.getLogger(__name__)

NOT_SEARCHED = "not_searched"
"""What tables say instead of where a bifurcation comes from."""

ForkSource = Literal["divider", "found", "corrected", "lowest", "unknown"]
FORK_SOURCES: Mapping[str, str] = {
    "divider": "the flow divider: the lowest slice in which the lumens are apart",
    "found": "found with the centerlines: where the courses of both arteries meet",
    "corrected": "set by hand",
    "lowest": "the lowest point of the external carotid",
    "unknown": "unknown: there are no positions and no segments",
    NOT_SEARCHED: "nobody looked for the artery: --sides says that the scan shows the other side",
}
"""Where a bifurcation comes from."""

APART_MM = 3.0
"""So far up from the flow divider the lumens have to stay apart."""

JOINED_WITHIN_MM = 2.5
"""Not farther below it there has to be a slice, or the next one, in which they are not. Slices
between that tell nothing, as those that lack an outline, do not count."""

BELOW_MM, ABOVE_MM = 5.0, 25.0
"""So far below and above the point where the courses meet the flow divider may lie."""


@dataclass(frozen=True, eq=False)
class Fork:
    """A bifurcation.

    Attributes:
        point_mm: (3,) in scan millimetres; None where it is unknown.
        source: Where it comes from.
    """

    point_mm: NDArray[np.float64] | None
    source: ForkSource


def find_fork(
    arteries: Mapping[Label, Artery],
    centerlines: SideCenterlines | None,
    spacing_mm: NDArray[np.float64],
    side: SideName,
) -> Fork:
    """The bifurcation of one side.

    Args:
        arteries: Those that have outlines, by label.
        centerlines: The side's.
        spacing_mm: (3,) the canonical voxel.
        side: For messages.
    """
    met = None if centerlines is None else centerlines.bifurcation
    meeting_mm = None if met is None else np.asarray(met.point * spacing_mm, np.float64)
    if met is not None and met.corrected:
        return Fork(meeting_mm, "corrected")
    internal, external = arteries.get("internal"), arteries.get("external")
    if internal is not None and external is not None:
        divider_mm = flow_divider_mm(internal, external)
        if divider_mm is not None and _plausible(divider_mm, meeting_mm, side):
            return Fork(divider_mm, "divider")
    if meeting_mm is not None:
        return Fork(meeting_mm, "found")
    if centerlines is not None and len(centerlines.external):
        return Fork(np.asarray(centerlines.external.points[0] * spacing_mm), "lowest")
    if external is not None and len(external.lumen.rows):
        row = external.lumen.rows[0]
        lowest = [*external.centers_mm[row], external.heights_mm[row]]
        return Fork(np.array(lowest, np.float64), "lowest")
    return Fork(None, "unknown")


def flow_divider_mm(internal: Artery, external: Artery) -> NDArray[np.float64] | None:
    """(3,) the middle between both lumens in the lowest slice in which they are apart.

    None where outlines do not show it: no slice right below in which one outline holds both or the
    two overlap, or lumens that do not stay apart. That the external has no outline below, or no
    course, does not show it: it may have been found, or drawn, from higher up only.
    """
    lumens = internal.lumen.rows
    z, heights = internal.z[lumens], internal.heights_mm[lumens]
    both = np.isin(z, external.z[external.lumen.rows])
    joined = (overlap(internal, external, "lumen") > 0) | holds_course(internal, external)
    joined = joined[lumens] | (~both & _holds_beginning(internal, external))
    apart = both & ~joined
    told = np.flatnonzero(apart | joined)
    for below, row in itertools.pairwise(told):
        if not (joined[below] and apart[row]):
            continue
        right_below = heights[row] - heights[below] < JOINED_WITHIN_MM or z[row] == z[below] + 1
        next_ones = (heights >= heights[row]) & (heights <= heights[row] + APART_MM)
        if right_below and not joined[next_ones].any():
            own = internal.centers_mm[lumens[row]]
            others = external.centers_mm[np.searchsorted(external.z, z[row])]
            return np.array([*(own + others) / 2, heights[row]])
    return None


def _holds_beginning(internal: Artery, external: Artery) -> NDArray[np.bool_]:
    """By lumen of the internal, whether it lies below the external's course and holds its end."""
    lumens = internal.lumen
    beginning = external.axis.points_mm[0]
    holds = np.zeros(len(lumens.rows), np.bool_)
    below = np.flatnonzero(internal.heights_mm[lumens.rows] < beginning[2])
    if len(below):
        place = np.broadcast_to(beginning[:2], (len(below), 1, 2))
        holds[below] = inside(place, lumens.outlines_mm[below])[:, 0]
    return holds


def _plausible(
    divider_mm: NDArray[np.float64], meeting_mm: NDArray[np.float64] | None, side: SideName
) -> bool:
    if meeting_mm is None:
        return True
    above_mm = float(divider_mm[2] - meeting_mm[2])
    if -BELOW_MM <= above_mm <= ABOVE_MM:
        return True
    logger.warning(
        "%s: the lumens part %.0f mm %s the point where the courses meet; positions count from "
        "where the courses meet; look at the outlines, or set the bifurcation by hand",
        side,
        abs(above_mm),
        "above" if above_mm > 0 else "below",
    )
    return False

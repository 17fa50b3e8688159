"""Where an internal carotid is not followed as far up as the arteries beside it.

It reaches up into the skull, as the other side's does. Where its centers end lower, it may kink
sharply, be occluded, or leave the scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines
    from carotid.geometry.sides import SideName

SHORT_MM = 15.0
"""Internal carotids that end so much lower are told."""


def short_mm(lines: Centerlines, side: SideName, slice_mm: float) -> float:
    """How much lower a side's internal carotid ends than the other side's, or than the external.

    The higher of both counts.

    Returns:
        0 where it ends highest, where nothing else is there, and where it is not there itself.
    """
    own = lines.side(side)
    if not len(own.internal):
        return 0.0
    beside = [own.external, *(lines.side(one).internal for one in SIDE_NAMES if one != side)]
    end = float(own.internal.points[:, 2].max())
    tops = [float(one.points[:, 2].max()) for one in beside if len(one)]
    return (max([end, *tops]) - end) * slice_mm

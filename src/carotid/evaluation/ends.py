"""Where an artery is not followed as far as those beside it.

The internal carotid reaches up into the skull, as the other side's does. Where its centers end
lower, it may kink sharply, be occluded, or leave the scan. An external carotid begins on either
side at about the same height.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from carotid.artifacts import Centerlines
    from carotid.geometry.sides import SideName

SHORT_MM = 15.0
"""Internal carotids that end so much lower are told."""

MISSING_MM = 10.0
"""A side is told that has no external carotid above the height at which the other side's begins,
where its internal goes on so far above it."""


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


def missing_mm(lines: Centerlines, side: SideName, slice_mm: float) -> float:
    """How far a side's internal goes on above where the other's external begins, without its own.

    Returns:
        0 where the side's external carotid reaches there, and where nothing says that it should.
    """
    own = lines.side(side)
    others = [lines.side(one).external for one in SIDE_NAMES if one != side]
    starts = [float(one.points[:, 2].min()) for one in others if len(one)]
    if not len(own.internal) or not starts:
        return 0.0
    reaches = len(own.external) and float(own.external.points[:, 2].max()) >= min(starts)
    above = float(own.internal.points[:, 2].max()) - min(starts)
    return 0.0 if reaches else max(0.0, above) * slice_mm

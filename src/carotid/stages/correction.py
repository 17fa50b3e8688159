"""Corrections by hand: outlines that somebody drew, and bifurcations that somebody moved.

Outlines are exported in some slices only. Where one was changed, the slices up to the next outline
that was exported follow: the change of the radius fades out towards it. So a reader corrects every
few millimetres, and an outline that was left as it was says how far a correction goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS, Bifurcation, Contours, CrossSection, OutlinePlace
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.outline_changes import change_outlines, keep_nested

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Centerlines, Label, Outline
    from carotid.geometry.sides import SideName

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Drawn:
    """An outline that somebody drew, or left as it was exported.

    Attributes:
        side, label, boundary: What it outlines.
        z: Canonical slice.
        points: (n, 2) canonical voxel indices x, y; see `outline_changes.smooth`.
    """

    side: SideName
    label: Label
    boundary: Boundary
    z: int
    points: NDArray[np.float64]

    @property
    def place(self) -> OutlinePlace:
        """Which outline it is."""
        return OutlinePlace(self.side, self.label, self.boundary, self.z)


@dataclass(frozen=True)
class Crossing:
    """A lumen that is not inside its wall.

    Attributes:
        side, label, z: Where.
        outside_mm: How far it lies outside.
    """

    side: SideName
    label: Label
    z: int
    outside_mm: float


@dataclass(frozen=True, eq=False)
class Correction:
    """Corrected contours.

    Attributes:
        contours: All of them.
        drawn: How many outlines were changed or added by hand.
        between: How many others followed.
        left: Slices between that could not follow, because an outline there does not lie around
            its center, or the lumen would have left the wall.
        crossing: Slices with an outline drawn by hand in which the lumen is not inside the wall.
    """

    contours: Contours
    drawn: int
    between: int
    left: tuple[OutlinePlace, ...]
    crossing: tuple[Crossing, ...] = ()


def corrected_contours(contours: Contours, drawn: Sequence[Drawn]) -> Correction:
    """Put outlines drawn by hand in the place of those that are there.

    Args:
        contours: What is there.
        drawn: All outlines that were exported, as they are now; those that were not changed hold
            the slices between.
    """
    spacing = np.array(contours.canonical.spacing_mm[:2])
    there = contours.outlines()
    new = {one.place: one.points for one in drawn}
    sides: dict[SideName, tuple[CrossSection, ...]] = {}
    count = between = 0
    left: list[OutlinePlace] = []
    crossing: list[Crossing] = []
    for side in SIDE_NAMES:
        outlines: dict[tuple[Label, Boundary], dict[int, Outline]] = {}
        for label in LABELS:
            lumen, wall = (
                change_outlines(
                    _by_slice(there, side, label, one),
                    _by_slice(new, side, label, one),
                    spacing,
                )
                for one in BOUNDARIES
            )
            lumen, wall, crossed = keep_nested(lumen, wall, spacing)
            crossing += [Crossing(side, label, z, mm) for z, mm in crossed.items()]
            for boundary, one in zip(BOUNDARIES, (lumen, wall), strict=True):
                count += len(one.drawn)
                between += len(one.followed)
                left += [OutlinePlace(side, label, boundary, z) for z in one.failed]
                outlines[label, boundary] = one.outlines
        sides[side] = _sections(outlines)
    made = Contours(sides["left"], sides["right"], contours.canonical, contours.stored)
    return Correction(made, count, between, tuple(left), tuple(crossing))


def _by_slice(
    outlines: Mapping[OutlinePlace, _T], side: SideName, label: Label, boundary: Boundary
) -> dict[int, _T]:
    """Those of one boundary of one artery."""
    which = side, label, boundary
    return {place.z: one for place, one in outlines.items() if place[:3] == which}


def with_bifurcations(
    centerlines: Centerlines, points: Mapping[SideName, NDArray[np.float64]]
) -> Centerlines:
    """The same centerlines with bifurcations that somebody set.

    Args:
        centerlines: What is there.
        points: (3,) canonical voxel indices by side; sides that are not named stay as they are.
    """
    sides = {
        side: replace(
            centerlines.side(side), bifurcation=Bifurcation(points[side], np.nan, corrected=True)
        )
        if side in points
        else centerlines.side(side)
        for side in SIDE_NAMES
    }
    return replace(centerlines, left=sides["left"], right=sides["right"])


def _sections(
    outlines: Mapping[tuple[Label, Boundary], Mapping[int, Outline]],
) -> tuple[CrossSection, ...]:
    found = []
    for label in sorted(LABELS):
        lumen, wall = (outlines[label, boundary] for boundary in BOUNDARIES)
        found += [
            CrossSection(label, z, lumen.get(z), wall.get(z)) for z in sorted({*lumen, *wall})
        ]
    return tuple(found)

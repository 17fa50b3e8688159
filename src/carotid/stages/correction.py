"""Corrections by hand: outlines that somebody drew, and bifurcations that somebody moved.

Outlines are exported in some slices only. Where one was changed, the slices up to the next outline
that was exported follow: the change of the radius fades out towards it. So a reader corrects every
few millimetres, and an outline that was left as it was says how far a correction goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES, LABELS, Bifurcation, Contours, CrossSection, Outline
from carotid.geometry.outlines import centroids, inside, nearest, radii
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, Centerlines, Label
    from carotid.geometry.sides import SideName

MOVED_MM = 0.05
"""An outline counts as changed where a point of it moved by more than this."""


SPLINE_BELOW = 20
"""A drawn curve of fewer points is smooth between them."""

_SPLINE_POINTS = 64


@dataclass(frozen=True, eq=False)
class Drawn:
    """An outline that somebody drew, or left as it was exported.

    Attributes:
        side, label, boundary: What it outlines.
        z: Canonical slice.
        points: (n, 2) canonical voxel indices x, y; see `smooth`.
    """

    side: SideName
    label: Label
    boundary: Boundary
    z: int
    points: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Correction:
    """Corrected contours.

    Attributes:
        contours: All of them.
        drawn: How many outlines were changed or added by hand.
        between: How many others followed.
        left: Slices between that could not follow, because an outline there does not lie around
            its center: side, label, boundary, z.
    """

    contours: Contours
    drawn: int
    between: int
    left: tuple[tuple[SideName, Label, Boundary, int], ...]


def corrected_contours(contours: Contours, drawn: Sequence[Drawn]) -> Correction:
    """Put outlines drawn by hand in the place of those that are there.

    Args:
        contours: What is there.
        drawn: All outlines that were exported, as they are now; those that were not changed hold
            the slices between.
    """
    sides: dict[SideName, tuple[CrossSection, ...]] = {}
    count = between = 0
    left: list[tuple[SideName, Label, Boundary, int]] = []
    for side in SIDE_NAMES:
        outlines: dict[tuple[Label, Boundary], dict[int, Outline]] = {
            (label, boundary): {
                section.z: outline
                for section in contours.side(side)
                if section.label == label and (outline := section.outline(boundary)) is not None
            }
            for label in LABELS
            for boundary in BOUNDARIES
        }
        for (label, boundary), own in outlines.items():
            mine = {
                one.z: one.points
                for one in drawn
                if (one.side, one.label, one.boundary) == (side, label, boundary)
            }
            spacing = np.array(contours.canonical.spacing_mm[:2])
            changes = _changes(own, mine, spacing)
            count += len(changes)
            followed, failed = _between(own, mine, changes)
            between += len(followed)
            left += [(side, label, boundary, z) for z in failed]
            own |= followed
            own |= {z: Outline.of_points(smooth(mine[z]), corrected=True) for z in changes}
        sides[side] = _sections(outlines)
    made = Contours(sides["left"], sides["right"], contours.canonical, contours.stored)
    return Correction(made, count, between, tuple(left))


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


def smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed curve through few points, as 3D Slicer draws it; many points stay as they are."""
    if len(points) >= SPLINE_BELOW:
        return points
    from scipy.interpolate import CubicSpline

    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    keep = np.concatenate([[True], np.diff(along) > 0])
    spline = CubicSpline(along[keep], closed[keep], bc_type="periodic")
    at = along[-1] * np.arange(_SPLINE_POINTS) / _SPLINE_POINTS
    return np.asarray(spline(at), np.float64)


def _changes(
    own: Mapping[int, Outline],
    drawn: Mapping[int, NDArray[np.float64]],
    spacing: NDArray[np.float64],
) -> list[int]:
    """Slices in which what was drawn is not what is there."""
    found = []
    for z, points in sorted(drawn.items()):
        there = own.get(z)
        if there is None:
            found.append(z)
            continue
        a, b = points * spacing, there.points * spacing
        apart = max(nearest(a[None], b[None])[0].max(), nearest(b[None], a[None])[0].max())
        if apart > MOVED_MM:
            found.append(z)
    return found


def _between(
    own: Mapping[int, Outline], drawn: Mapping[int, NDArray[np.float64]], changes: Sequence[int]
) -> tuple[dict[int, Outline], list[int]]:
    """Outlines of slices between drawn ones, and slices whose outline could not follow."""
    followed: dict[int, Outline] = {}
    failed: list[int] = []
    heights = sorted(z for z in drawn if z in own)
    for low, high in pairwise(heights):
        if low not in changes and high not in changes:
            continue
        inner = [z for z in own if low < z < high]
        ends = [_Change.of(own[z], smooth(drawn[z])) for z in (low, high)]
        for z in inner:
            share = (z - low) / (high - low)
            moved = None
            if ends[0] is not None and ends[1] is not None:
                moved = ends[0].mixed(ends[1], share).applied(own[z].points)
            if moved is None:
                failed.append(z)
            else:
                followed[z] = Outline.of_points(moved, corrected=True)
    return followed, failed


_ANGLES = 2 * np.pi * np.arange(72) / 72


@dataclass(frozen=True, eq=False)
class _Change:
    """How much further out an outline was drawn, by direction from its old center."""

    outwards: NDArray[np.float64]

    @classmethod
    def of(cls, old: Outline, new: NDArray[np.float64]) -> _Change | None:
        center = centroids(old.points[None])
        if not (inside(center[:, None], old.points[None]) & inside(center[:, None], new[None])):
            return None
        before, after = (radii(one[None], center, _ANGLES)[0] for one in (old.points, new))
        return cls(after - before)

    def mixed(self, other: _Change, share: float) -> _Change:
        """Between two changes."""
        return _Change(self.outwards * (1 - share) + other.outwards * share)

    def applied(self, points: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """An outline moved by the change; None where it does not lie around its center."""
        center = centroids(points[None])
        if not inside(center[:, None], points[None])[0, 0]:
            return None
        spoke = points - center[0]
        turn, length = np.arctan2(spoke[:, 1], spoke[:, 0]), np.hypot(spoke[:, 0], spoke[:, 1])
        moved = np.maximum(length + np.interp(turn, _ANGLES, self.outwards, period=2 * np.pi), 0)
        return np.asarray(
            center[0] + moved[:, None] * np.column_stack([np.cos(turn), np.sin(turn)]), np.float64
        )


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

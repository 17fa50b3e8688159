"""How one outline after another changes along an artery, where some of them were drawn by hand.

What was drawn takes the place of what is there. The slices up to the next outline that was exported
follow: the change of the radius, by direction, fades out towards it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import Outline
from carotid.geometry.outlines import centroids, inside, nearest, radii

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MOVED_MM = 0.05
"""An outline counts as changed where a point of it moved by more than this."""

SPLINE_BELOW = 20
"""A drawn curve of fewer points is smooth between them."""

_SPLINE_POINTS = 64

NESTED_MM = 0.2
"""A lumen may lie outside its wall by so much: a line in a picture has a width."""


@dataclass(frozen=True, eq=False)
class ChangedOutlines:
    """One boundary of one artery, by slice.

    Attributes:
        found: What was there.
        drawn: What takes its place.
        followed: What changed with it.
        failed: Slices that should have followed and could not.
    """

    found: Mapping[int, Outline]
    drawn: Mapping[int, Outline]
    followed: Mapping[int, Outline]
    failed: tuple[int, ...]

    @property
    def outlines(self) -> dict[int, Outline]:
        """What is there now."""
        return {**self.found, **self.followed, **self.drawn}

    def left(self, slices: Sequence[int]) -> ChangedOutlines:
        """The same with some slices as they were found."""
        back = {z for z in slices if z in self.followed}
        followed = {z: one for z, one in self.followed.items() if z not in back}
        return replace(self, followed=followed, failed=tuple(sorted({*self.failed, *back})))


def change_outlines(
    found: Mapping[int, Outline],
    drawn: Mapping[int, NDArray[np.float64]],
    spacing: NDArray[np.float64],
) -> ChangedOutlines:
    """Put what was drawn in the place of what is there, and let others follow.

    Args:
        found: What is there, by slice.
        drawn: (n, 2) canonical voxel indices of all that was exported, as it is now, by slice.
        spacing: (2,) mm of a voxel.
    """
    changes = _changes(found, drawn, spacing)
    followed, failed = _between(found, drawn, changes)
    made = {z: Outline.of_points(smooth(drawn[z]), corrected=True) for z in changes}
    return ChangedOutlines(found, made, followed, tuple(sorted(failed)))


def keep_nested(
    lumen: ChangedOutlines, wall: ChangedOutlines, spacing: NDArray[np.float64]
) -> tuple[ChangedOutlines, ChangedOutlines, dict[int, float]]:
    """Take back what followed where the lumen would leave the wall further than it did.

    Returns:
        Both, and by how many mm the lumen lies outside in slices in which somebody has drawn.
    """
    now, was = (lumen.outlines, wall.outlines), (lumen.found, wall.found)
    crossing: dict[int, float] = {}
    back = []
    changed = {*lumen.drawn, *wall.drawn, *lumen.followed, *wall.followed}
    for z in sorted(changed & now[0].keys() & now[1].keys()):
        outside = outside_mm(now[0][z].points * spacing, now[1][z].points * spacing)
        if outside <= NESTED_MM:
            continue
        if z in lumen.drawn or z in wall.drawn:
            crossing[z] = outside
        elif outside > outside_mm(was[0][z].points * spacing, was[1][z].points * spacing):
            back.append(z)
    return lumen.left(back), wall.left(back), crossing


def outside_mm(lumen: NDArray[np.float64], wall: NDArray[np.float64]) -> float:
    """How far a lumen of (n, 2) points lies outside a wall of (m, 2), or the wall inside it; mm.

    >>> square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    >>> outside_mm(square, square + [1.5, 0.0]), outside_mm(square * 0.5 + 1, square)
    (1.5, 0.0)
    """
    depth = 0.0
    for points, outline, fine in ((lumen, wall, True), (wall, lumen, False)):
        wrong = inside(points[None], outline[None])[0] != fine
        if wrong.any():
            depth = max(depth, float(nearest(points[None], outline[None])[0][0, wrong].max()))
    return depth


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


def differs(points: NDArray[np.float64], outline: Outline, spacing: NDArray[np.float64]) -> bool:
    """Whether a curve of (n, 2) points moved from an outline by more than `MOVED_MM`."""
    a, b = points * spacing, outline.points * spacing
    apart = max(nearest(a[None], b[None])[0].max(), nearest(b[None], a[None])[0].max())
    return bool(apart > MOVED_MM)


def _changes(
    own: Mapping[int, Outline],
    drawn: Mapping[int, NDArray[np.float64]],
    spacing: NDArray[np.float64],
) -> list[int]:
    """Slices in which what was drawn is not what is there."""
    found = []
    for z, points in sorted(drawn.items()):
        there = own.get(z)
        if there is None or differs(points, there, spacing):
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

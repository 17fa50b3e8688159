"""Whether corrections by hand can be meant for the artery that they name.

Left and right are swapped easily, and a file of another participant is given easily; both would
give numbers that nobody sees to be wrong. What lies far from the artery that it names is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.errors import InputError
from carotid.geometry.outlines import centroids, nearest, signed_areas
from carotid.geometry.polygons import area
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.outline_changes import smooth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Contours, Label
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.stages.correction import Drawn

FAR_MM = 10.0
"""A bifurcation, or an outline's center, further from its artery than this is not meant for it."""

LARGE_MOVE_MM = 15.0
"""A bifurcation that moves further along the artery than this is worth a word."""

LARGE_CHANGE_MM = 5.0
"""An outline that goes further than this from where it was is worth a word."""

_LOOPS = 0.02
"""Loops that enclose a larger share of an outline than this are no trembling of a hand."""


def check_bifurcation(
    side: SideName, point: NDArray[np.float64], centerlines: Centerlines, canonical: Grid
) -> None:
    """Refuse a bifurcation that is far from its side's arteries.

    Args:
        side: Whose it is said to be.
        point: (3,) canonical voxel index.
        centerlines: What was found.
        canonical: The grid of the indices.

    Raises:
        InputError: It is; the message names the other side if that is nearer.
    """
    away = {one: _from_side(point, centerlines, one, canonical) for one in SIDE_NAMES}
    other = SIDE_NAMES[1 - SIDE_NAMES.index(side)]
    swapped = away[other] < away[side] and away[other] <= FAR_MM
    if away[side] <= FAR_MM or not (np.isfinite(away[side]) or swapped):
        return
    what = f"the {side} point lies {_mm(away[side])} from the {side} centerlines"
    raise InputError(
        what + (f" and {_mm(away[other])} from the {other} ones" if swapped else ""),
        expected=f"at most {FAR_MM:.0f} mm",
        remedy="name points by the patient's left and right"
        if swapped
        else "look whether it is this participant's file, or move the point onto the artery",
    )


def moved_along_mm(
    moved: tuple[NDArray[np.float64], NDArray[np.float64]],
    side: SideName,
    centerlines: Centerlines,
    canonical: Grid,
) -> float:
    """How far a bifurcation moves along the common and internal carotid, mm, positive to the head.

    Args:
        moved: (3,) canonical voxel indices, old and new.
        side: Whose.
        centerlines: What was found; where nothing was, heights are compared.
        canonical: The grid of the indices.
    """
    spacing = np.array(canonical.spacing_mm)
    old, new = (one * spacing for one in moved)
    line = centerlines.side(side).internal.points * spacing
    if len(line) < 2:
        return float((new - old)[2])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    low, high = (along[np.linalg.norm(line - one, axis=1).argmin()] for one in (old, new))
    return float(high - low)


def _from_side(
    point: NDArray[np.float64], centerlines: Centerlines, side: SideName, canonical: Grid
) -> float:
    """Distance from the nearest center of a side in mm; infinite where it has none."""
    lines = [centerlines.side(side).artery(label).points for label in LABELS]
    away = (np.concatenate(lines) - point) * canonical.spacing_mm
    return float(np.linalg.norm(away, axis=1).min(initial=np.inf))


@dataclass(frozen=True, eq=False)
class Courses:
    """Where arteries are known to run, from outlines and centerlines.

    Attributes:
        centers: (n, 3) canonical voxel indices by side and label; none where an artery is unknown.
        spacing: (3,) mm of a voxel.
    """

    centers: Mapping[tuple[SideName, Label], NDArray[np.float64]]
    spacing: NDArray[np.float64]

    @classmethod
    def of(cls, contours: Contours, centerlines: Centerlines | None) -> Courses:
        """Those of a participant."""
        found: dict[tuple[SideName, Label], list[NDArray[np.float64]]] = {
            (side, label): [] for side in SIDE_NAMES for label in LABELS
        }
        for side in SIDE_NAMES:
            for section in contours.side(side):
                outline = section.lumen or section.wall
                if outline is not None:
                    center = [*centroids(outline.points[None])[0], section.z]
                    found[side, section.label].append(np.array([center], np.float64))
            if centerlines is not None:
                for label in LABELS:
                    found[side, label].append(centerlines.side(side).artery(label).points)
        centers = {key: np.concatenate([np.empty((0, 3)), *some]) for key, some in found.items()}
        return cls(centers, np.array(contours.canonical.spacing_mm))

    def distance_mm(
        self, artery: tuple[SideName, Label], point: NDArray[np.float64], z: int
    ) -> float:
        """From an artery in a slice; infinite where it is unknown.

        Where it is not known in this slice, it may have moved sideways as far as up or down since
        the nearest slice in which it is.

        Args:
            artery: Side and label.
            point: (2,) canonical voxel index.
            z: The slice.
        """
        centers = self.centers[artery]
        if not len(centers):
            return np.inf
        height = np.abs(centers[:, 2] - z)
        near = centers[height <= max(height.min(), 0.5) + 1e-6]
        across = np.linalg.norm((near[:, :2] - point) * self.spacing[:2], axis=1).min()
        gap_mm = max(height.min() - 0.5, 0) * self.spacing[2]
        return float(max(across - gap_mm, 0))


def check_outline(one: Drawn, courses: Courses) -> None:
    """Refuse an outline that is far from the artery that it names, or crosses itself.

    The first outline of an artery that is unknown has to be nearer to its own side's arteries than
    to the other side's.

    Raises:
        InputError: It is; the message names the nearest artery.
    """
    if _has_loops(smooth(one.points)):
        raise InputError(
            f"the {one.side} {one.label} {one.boundary} in slice {one.z} crosses itself",
            expected="one line around the artery",
            remedy="move or remove its points in 3D Slicer, which joins them in their order",
        )
    center = centroids(one.points[None])[0]
    away = {key: courses.distance_mm(key, center, one.z) for key in courses.centers}
    nearest = min(away, key=lambda key: away[key])
    own = away[one.side, one.label]
    if own <= FAR_MM or (np.isinf(own) and (nearest[0] == one.side or np.isinf(away[nearest]))):
        return
    what = f"the {one.side} {one.label} {one.boundary} in slice {one.z} lies "
    there = "" if np.isinf(own) else f"{_mm(own)} from that artery"
    beside = f"{_mm(away[nearest])} from the {nearest[0]} {nearest[1]} carotid"
    also = nearest != (one.side, one.label) and away[nearest] <= FAR_MM
    raise InputError(
        what
        + " and ".join(words for words in (there, beside if also or not there else "") if words),
        expected=f"its center at most {FAR_MM:.0f} mm from it",
        remedy="name curves by the patient's left and right"
        if also and nearest[0] != one.side
        else "look whether it is this participant's file, or rename the curve",
    )


def _has_loops(points: NDArray[np.float64]) -> bool:
    """Whether an outline crosses itself around more than a speck."""
    enclosed = area(points)
    turned = abs(float(signed_areas(points[None])[0]))  # loops of the other turn take away
    return abs(turned - enclosed) > _LOOPS * enclosed


def large_changes(contours: Contours, drawn: Sequence[Drawn]) -> list[tuple[Drawn, float]]:
    """Outlines that go further than `LARGE_CHANGE_MM` from what is there, and how far in mm."""
    spacing = np.array(contours.canonical.spacing_mm[:2])
    there = contours.outlines()
    found = []
    for one in drawn:
        old = there.get(one.place)
        if old is None:
            continue
        away = float(nearest((one.points * spacing)[None], (old.points * spacing)[None])[0].max())
        if away > LARGE_CHANGE_MM:
            found.append((one, away))
    return found


def _mm(value: float) -> str:
    return f"{value:.0f} mm" if np.isfinite(value) else "far"

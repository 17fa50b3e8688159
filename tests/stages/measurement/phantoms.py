"""Drawn vessels with exact measures: tubes around a course, cut by the slices of any grid.

A tube is what lies nearer to a course than its radius at the nearest point. Lumen and outer border
have courses of their own, so that a wall can be thicker on one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import (
    Bifurcation,
    Centerline,
    Centerlines,
    Contours,
    CrossSection,
    Outline,
    SideCenterlines,
)
from carotid.geometry.grid import CANONICAL, Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Label

BOX_MM = (60.0, 60.0, 44.0)
"""Size of the scans that phantoms are drawn in, along right, anterior and superior."""

_NEIGHBOURHOOD_MM = 12.0
_REACH_MM = 8.0


@dataclass(frozen=True, eq=False)
class Vessel:
    """A vessel in the patient, R-A-S mm.

    Attributes:
        course: (n, 3) dense points of the lumen's center, from low to high.
        radius: (n,) of the lumen.
        outer: (n, 3) dense points of the outer border's center.
        outer_radius: (n,) of it.
    """

    course: NDArray[np.float64]
    radius: NDArray[np.float64]
    outer: NDArray[np.float64]
    outer_radius: NDArray[np.float64]

    @classmethod
    def around(
        cls,
        course: NDArray[np.float64],
        radius: float | NDArray[np.float64] = 3.0,
        outer_radius: float | NDArray[np.float64] = 4.0,
        shift: Sequence[float] | NDArray[np.float64] = (0, 0, 0),
    ) -> Vessel:
        """A vessel whose outer border is shifted against its lumen."""
        n = len(course)
        return cls(
            course,
            np.broadcast_to(np.asarray(radius, np.float64), n),
            course + np.asarray(shift, np.float64),
            np.broadcast_to(np.asarray(outer_radius, np.float64), n),
        )


def straight(tilt_deg: float = 0, toward_deg: float = 0) -> NDArray[np.float64]:
    """A straight course through the origin, tilted from the body's axis."""
    tilt, toward = np.deg2rad([tilt_deg, toward_deg])
    along = np.array([np.sin(tilt) * np.cos(toward), np.sin(tilt) * np.sin(toward), np.cos(tilt)])
    return np.asarray(np.linspace(-60, 60, 241)[:, None] * along, np.float64)


def bent(radius_mm: float = 40.0) -> NDArray[np.float64]:
    """A part of a circle in the plane of right and superior, upright in the middle."""
    turn = np.linspace(-0.9, 0.9, 145)
    return np.column_stack(
        [radius_mm * (1 - np.cos(turn)), np.zeros_like(turn), radius_mm * np.sin(turn)]
    )


def grid_of(
    spacing_mm: tuple[float, float, float],
    order: str = CANONICAL,
    tilt: NDArray[np.float64] | None = None,
) -> Grid:
    """A scan of `BOX_MM` around the origin, stored in some order of axes.

    Args:
        spacing_mm: Along right, anterior and superior.
        order: Three of the letters R L A P S I.
        tilt: (3, 3) rotation of the scan's axes.
    """
    spacing = np.array(spacing_mm)
    shape = np.rint(np.array(BOX_MM) / spacing).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if tilt is None else tilt) * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2)
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine).reoriented(order)


def contours_of(
    vessels: dict[Label, Vessel], grid: Grid, side: str = "left", points: int = 31, every: int = 1
) -> Contours:
    """Outlines of vessels in the slices of a scan, all of one side."""
    canonical = grid.reoriented(CANONICAL)
    sections = []
    for label in sorted(vessels):
        vessel = vessels[label]
        lumens = _outlines(vessel.course, vessel.radius, canonical, points, every)
        outers = _outlines(vessel.outer, vessel.outer_radius, canonical, points, every)
        sections += [
            CrossSection(label, z, lumens[z], outers[z]) for z in sorted(set(lumens) & set(outers))
        ]
    there, nothing = tuple(sections), ()
    return (
        Contours(there, nothing, canonical, grid)
        if side == "left"
        else Contours(nothing, there, canonical, grid)
    )


def centerlines_of(
    vessels: dict[Label, Vessel],
    grid: Grid,
    fork_mm: Sequence[float] | None = (0, 0, 0),
    side: str = "left",
    *,
    by_hand: bool = False,
) -> Centerlines:
    """True courses in the slices of a scan, and a bifurcation in R-A-S mm, maybe set by hand."""
    canonical = grid.reoriented(CANONICAL)
    lines: dict[str, Centerline] = {}
    for label in ("internal", "external"):
        vessel = vessels.get(label)
        points = np.empty((0, 3))
        if vessel is not None:
            index = canonical.index_from_world(vessel.course)
            z = np.arange(
                max(int(np.ceil(index[0, 2])), 0),
                min(int(index[-1, 2]), canonical.shape[2] - 1) + 1,
            )
            points = np.column_stack([np.interp(z, index[:, 2], index[:, k]) for k in (0, 1)] + [z])
        lines[label] = Centerline.of_points(points)
    fork = None
    if fork_mm is not None:
        point = canonical.index_from_world(np.array(fork_mm, np.float64))
        fork = Bifurcation(point, 1.0, by_hand)
    own = SideCenterlines(lines["internal"], lines["external"], fork)
    empty = Centerline.of_points(np.empty((0, 3)))
    other = SideCenterlines(empty, empty)
    return Centerlines(own, other, grid) if side == "left" else Centerlines(other, own, grid)


def _outlines(
    course: NDArray[np.float64],
    radius: NDArray[np.float64],
    canonical: Grid,
    points: int,
    every: int,
) -> dict[int, Outline]:
    """Where a tube meets each slice, as an outline in canonical voxel indices."""
    spacing = np.array(canonical.spacing_mm)
    line = canonical.index_from_world(course) * spacing
    turns = 2 * np.pi * np.arange(points) / points
    toward = np.column_stack([np.cos(turns), np.sin(turns)])
    found = {}
    for z in range(0, canonical.shape[2], every):
        height = z * spacing[2]
        if not line[0, 2] <= height <= line[-1, 2]:
            continue
        center = np.array([np.interp(height, line[:, 2], line[:, k]) for k in (0, 1)])
        near = np.linalg.norm(line - [*center, height], axis=1) < _NEIGHBOURHOOD_MM
        low, high = np.zeros(points), np.full(points, _REACH_MM)
        for _ in range(18):
            middle = (low + high) / 2
            place = np.column_stack([center + middle[:, None] * toward, np.full(points, height)])
            inside = _inside(place, line[near], radius[near])
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        found[z] = Outline.of_points((center + low[:, None] * toward) / spacing[:2])
    return found


def _inside(
    places: NDArray[np.float64], line: NDArray[np.float64], radius: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether places lie within the radius of a course of straight pieces."""
    piece = np.diff(line, axis=0)
    offset = places[:, None] - line[:-1]
    share = np.clip((offset * piece).sum(axis=2) / (piece**2).sum(axis=1), 0, 1)
    gap = np.linalg.norm(offset - share[..., None] * piece, axis=2)
    nearest = gap.argmin(axis=1)
    row = np.arange(len(places))
    size = radius[nearest] + share[row, nearest] * np.diff(radius)[nearest]
    return np.asarray(gap[row, nearest] < size)

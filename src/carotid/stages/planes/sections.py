"""One side's outlines per axial slice, from the surfaces of its arteries.

Below the flow divider, where the lumens of internal and external carotid are one, there is one
outline around both, under the label `internal`. Above it no place belongs to two lumens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import CrossSection, Label, Outline
from carotid.stages.planes.cut import VERTICES, Curve, cut, finer, joined, surface_points, without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.planes import Planes

TOUCHING_MM = 0.1
"""Lumens that reach less than this into each other count as apart."""

_APART_MM = 1.5
_LONGEST_JOINED_MM = 20.0


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Lumen and outer wall of one artery.

    Attributes:
        planes: Planes across it.
        lumen_mm: (n, rays) radii, mm.
        outer_mm: (n, rays) radii, mm.
        lumen_spread_mm: (n, rays) standard deviation of the radius.
        outer_spread_mm: (n, rays) likewise.
    """

    planes: Planes
    lumen_mm: NDArray[np.float64]
    outer_mm: NDArray[np.float64]
    lumen_spread_mm: NDArray[np.float64]
    outer_spread_mm: NDArray[np.float64]


Pair = tuple[Curve, Curve]
"""Lumen and outer wall."""


def sections(
    surfaces: Mapping[Label, Surfaces], heights: Mapping[Label, range], grid: Grid
) -> list[CrossSection]:
    """Cut the arteries of one side.

    Args:
        surfaces: The arteries that there are.
        heights: The slices in which each is wanted.
        grid: The scan's canonical grid.
    """
    found = {label: _cuts(one, heights[label], grid) for label, one in surfaces.items()}
    internal, external = found.get("internal", {}), found.get("external", {})
    divider = _divider(internal, external, grid.spacing_mm[2])
    out = []
    for z, pair in external.items():
        if z < divider:
            continue
        out.append(_section("external", z, _apart(pair, internal.get(z)), grid))
    for z, pair in internal.items():
        other = external.get(z)
        if z < divider and other is not None:
            pair = joined(pair[0], other[0]), joined(pair[1], other[1])
        else:
            pair = _apart(pair, other)
        out.append(_section("internal", z, pair, grid))
    return out


def _apart(pair: Pair, other: Pair | None) -> Pair:
    if other is None or pair[0].depth_in(other[0]) <= 0:
        return pair
    return without(pair[0], other[0]), pair[1]


def _cuts(surface: Surfaces, heights: range, grid: Grid) -> dict[int, Pair]:
    height = grid.index_from_world(surface.planes.centers)[:, 2]
    both = []
    for radii, spread in (
        (surface.lumen_mm, surface.lumen_spread_mm),
        (surface.outer_mm, surface.outer_spread_mm),
    ):
        fine = np.maximum(finer(radii, VERTICES), 0.01)
        index = grid.index_from_world(surface_points(surface.planes, fine))
        points = index * np.array([grid.spacing_mm[0], grid.spacing_mm[1], 1.0])
        both.append((points, np.maximum(finer(spread, VERTICES), 1e-3)))
    found = {}
    for z in heights:
        lumen, wall = (cut(points, spread, height, z) for points, spread in both)
        if lumen is not None and wall is not None:
            found[z] = (lumen, wall)
    return found


def _divider(
    internal: Mapping[int, Pair], external: Mapping[int, Pair], spacing_mm: float
) -> float:
    """The lowest slice from which the lumens stay apart for a while; −inf where none is joined."""
    shared = sorted(set(internal) & set(external))
    if not shared:
        return -np.inf
    run = max(1, round(_APART_MM / spacing_mm))
    highest = shared[0] + _LONGEST_JOINED_MM / spacing_mm
    apart = {z: internal[z][0].depth_in(external[z][0]) < TOUCHING_MM for z in shared}
    for z in shared:
        if z > highest or all(apart.get(z + k, True) for k in range(run)):
            return float(z)
    return float(shared[-1] + 1)


def _section(label: Label, z: int, pair: Pair, grid: Grid) -> CrossSection:
    return CrossSection(label, z, _outline(pair[0], grid), _outline(pair[1], grid))


def _outline(curve: Curve, grid: Grid) -> Outline:
    voxel = np.array(grid.spacing_mm[:2])
    spread = curve.spread_mm / float(np.sqrt(voxel.prod()))
    gap = (curve.points - curve.middle) / voxel
    radius = np.maximum(np.hypot(gap[:, 0], gap[:, 1]), 1e-6)
    return Outline(curve.points / voxel, spread**2, spread**2 / radius, curve.spread_mm)

"""One side's outlines per axial slice, from the surfaces of its arteries.

Below the flow divider, where the lumens of internal and external carotid are one, there is one
outline around both, under the label `internal`. Above it no place belongs to two lumens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import CrossSection, Label, Outline
from carotid.geometry.decimals import rounded
from carotid.stages.planes.cut import VERTICES, Curve, cut, finer, joined, surface_points, without

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.planes import Planes

TOUCHING_MM = 0.1
"""Lumens that reach less than this into each other count as apart."""

SMALLEST_LUMEN_MM = 0.3
"""A lumen of a smaller mean radius is not outlined: the artery counts as occluded there."""

_APART_MM = 1.5
_LONGEST_JOINED_MM = 20.0


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Lumen and outer wall of one artery, (n, rays) each.

    Attributes:
        planes: Planes across it.
        lumen_mm: Radii of the lumen.
        outer_mm: Radii of the wall's outer boundary.
        lumen_sigma_mm: Standard deviation of the lumen's radius.
        outer_sigma_mm: The same of the outer boundary.
    """

    planes: Planes
    lumen_mm: NDArray[np.float64]
    outer_mm: NDArray[np.float64]
    lumen_sigma_mm: NDArray[np.float64]
    outer_sigma_mm: NDArray[np.float64]


Pair = tuple[Curve, Curve]
"""Lumen and outer wall."""


def sections(
    surfaces: Mapping[Label, Surfaces], heights: Mapping[Label, Sequence[int]], grid: Grid
) -> tuple[tuple[CrossSection, ...], float]:
    """Cut the arteries of one side.

    Args:
        surfaces: The arteries that there are.
        heights: The slices in which each is wanted.
        grid: The scan's canonical grid.

    Returns:
        The cross-sections, sorted as the tables are, and the lowest slice in which both lumens are
        apart; −inf where no two are seen.
    """
    found = {label: _cuts(one, heights[label], grid) for label, one in surfaces.items()}
    internal, external = found.get("internal", {}), found.get("external", {})
    divider = _divider(internal, external, grid.spacing_mm[2])
    out = [
        _section("external", z, _apart(pair, internal.get(z)), grid)
        for z, pair in external.items()
        if z >= divider
    ]
    for z, pair in internal.items():
        other = external.get(z)
        if z < divider and other is not None:
            both = joined(pair[0], other[0]), joined(pair[1], other[1])
            out.append(_section("internal", z, both, grid))
        else:
            out.append(_section("internal", z, _apart(pair, other), grid))
    return tuple(out), divider


def _apart(pair: Pair, other: Pair | None) -> Pair:
    if other is None or pair[0].depth_in(other[0]) <= 0:
        return pair
    return without(pair[0], other[0]), pair[1]


def _cuts(surface: Surfaces, heights: Sequence[int], grid: Grid) -> dict[int, Pair]:
    height = grid.index_from_world(surface.planes.centers)[:, 2]
    both = []
    for radii, sigma in (
        (surface.lumen_mm, surface.lumen_sigma_mm),
        (surface.outer_mm, surface.outer_sigma_mm),
    ):
        fine = np.maximum(finer(radii, VERTICES), 0.01)
        index = grid.index_from_world(surface_points(surface.planes, fine))
        points = index * np.array([grid.spacing_mm[0], grid.spacing_mm[1], 1.0])
        both.append((points, np.maximum(finer(sigma, VERTICES), 1e-3)))
    found = {}
    for z in heights:
        lumen, wall = (cut(points, sigma, height, z) for points, sigma in both)
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
    lumen = None if pair[0].mean_radius < SMALLEST_LUMEN_MM else _outline(pair[0], grid)
    return CrossSection(label, z, lumen, _outline(pair[1], grid))


def _outline(curve: Curve, grid: Grid) -> Outline:
    """An outline in voxels; the known tool's columns have what would be theirs."""
    voxel = np.array(grid.spacing_mm[:2])
    sigma = curve.sigma_mm / float(np.sqrt(voxel.prod()))
    gap = (curve.points - curve.middle) / voxel
    radius = np.maximum(np.hypot(gap[:, 0], gap[:, 1]), 1e-6)
    return Outline(
        rounded(curve.points / voxel),
        rounded(sigma**2),
        rounded(sigma**2 / radius),
        rounded(curve.sigma_mm),
    )

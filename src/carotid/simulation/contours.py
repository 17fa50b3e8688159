"""True outlines of lumen and outer wall in every axial slice of a simulated neck.

The outlines come from the distances that the neck was painted with, asked in the plane of the
slice, so they are exact between voxels. Where the lumens of internal and external carotid are one,
below the flow divider, there is one outline around both, under the label `internal`. Above it each
artery has its own; walls that touch overlap. Branches of the external carotid belong to no outline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, Contours, CrossSection, Label, Outline
from carotid.geometry.grid import CANONICAL
from carotid.geometry.outlines import equal_arcs, stacked
from carotid.simulation.surfaces import union
from carotid.simulation.truth import slice_centers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName
    from carotid.simulation.surfaces import Distance
    from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide

VERTICES = 72
"""Points of an outline, evenly spaced along it."""

_GRID_MM = 0.5
_FIRST_HALF_MM = 6.0
_LARGEST_HALF_MM = 40.0


def true_contours(neck: SimulatedNeck) -> Contours:
    """The outlines of every artery in every slice that shows it.

    Slices without visible arteries, and arteries without an open lumen, have none.
    """
    canonical = neck.volume.grid.reoriented(CANONICAL)
    sections = {side: tuple(_sections(neck, side, canonical)) for side in neck.sides}
    return Contours(
        sections.get("left", ()), sections.get("right", ()), canonical, neck.volume.grid
    )


def _sections(neck: SimulatedNeck, side: SideName, grid: Grid) -> Iterator[CrossSection]:
    truth = neck.sides[side]
    centers = slice_centers(neck, side)
    shown = np.all(np.isfinite(centers), axis=2)
    divider = flow_divider(truth, grid)
    # Sorted as the tables are: external first.
    for label in sorted(LABELS):
        artery = _artery(truth, label)
        if artery is None or artery.lumen is None:
            continue
        k = LABELS.index(label)
        for z in np.flatnonzero(shown[:, k]):
            joined = z < divider
            if joined and label == "external":
                continue
            bodies = _bodies(truth, label, joined=bool(joined))
            plane = _Slice(grid, int(z), centers[z, k])
            outlines = [plane.outline(union(surfaces)) for surfaces in bodies]
            if outlines[0] is not None and outlines[1] is not None:
                yield CrossSection(label, int(z), outlines[0], outlines[1])


def _artery(truth: TrueSide, label: Label) -> TrueArtery | None:
    return truth.internal if label == "internal" else truth.external


def _bodies(
    truth: TrueSide, label: Label, *, joined: bool
) -> tuple[tuple[Distance, ...], tuple[Distance, ...]]:
    """The surfaces whose union is the lumen, and those whose union is the outer wall."""
    parts = [truth.internal, truth.external] if joined else [_artery(truth, label)]
    lumens = tuple(a.lumen for a in parts if a is not None and a.lumen is not None)
    return lumens, tuple(a.wall for a in parts if a is not None)


def flow_divider(truth: TrueSide, grid: Grid) -> float:
    """The lowest axial slice in which the lumens of both arteries are apart.

    Slices from the bifurcation upward are asked one after the other; −inf where there are not two
    open arteries, so that no slice lies below.
    """
    external = truth.external
    if external is None or external.lumen is None or truth.internal.lumen is None:
        return -np.inf
    course = grid.index_from_world(external.points_mm)
    other = grid.index_from_world(truth.internal.points_mm)
    first = int(np.ceil(course[0, 2]))
    for z in range(first, int(np.floor(course[-1, 2])) + 1):
        ends = np.array(
            [[*(np.interp(z, c[:, 2], c[:, k]) for k in (0, 1)), z] for c in (course, other)]
        )
        t = np.linspace(0, 1, 65)[:, None]
        line = grid.world_from_index(ends[0] * (1 - t) + ends[1] * t)
        if (np.minimum(truth.internal.lumen(line), external.lumen(line)) > 0).any():
            return float(z)
    return float(np.floor(course[-1, 2])) + 1


class _Slice:
    """One axial slice, asked for outlines around a center."""

    def __init__(self, grid: Grid, z: int, center_xy: NDArray[np.float64]) -> None:
        self._grid = grid
        self._z = z
        self._center = center_xy
        self._spacing = np.array(grid.spacing_mm[:2])

    def outline(self, surface: Distance) -> Outline | None:
        """The closed outline around the center; None where it is not in the body."""
        half = _FIRST_HALF_MM
        while half <= _LARGEST_HALF_MM:
            line = self._closed_line(surface, half)
            if line is not None:
                even = equal_arcs(stacked([line]), VERTICES)[0]
                return Outline.of_points(self._refined(surface, even))
            half *= 1.6
        return None

    def _ask(self, surface: Distance, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.column_stack([xy, np.full(len(xy), float(self._z))])
        return surface(self._grid.world_from_index(index))

    def _closed_line(self, surface: Distance, half_mm: float) -> NDArray[np.float64] | None:
        import contourpy

        count = 2 * int(np.ceil(half_mm / _GRID_MM)) + 1
        offset = np.linspace(-half_mm, half_mm, count)
        x = self._center[0] + offset / self._spacing[0]
        y = self._center[1] + offset / self._spacing[1]
        xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        value = self._ask(surface, xy).reshape(count, count)
        if value[count // 2, count // 2] >= 0:
            return None
        made = contourpy.contour_generator(x, y, value).lines(0.0)
        lines = [np.asarray(line, np.float64) for line in made]
        around = [line for line in lines if _encloses(line, self._center)]
        return min(around, key=len)[:-1] if around else None

    def _refined(self, surface: Distance, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vertices moved onto the surface, along the distance's gradient in the slice."""
        n, tiny = len(xy), 0.02
        shifts = np.diag(tiny / self._spacing)
        value = self._ask(surface, np.concatenate([xy, xy + shifts[0], xy + shifts[1]]))
        slope = (value[n:].reshape(2, n) - value[:n]).T / tiny
        slope /= np.maximum((slope**2).sum(axis=1), 0.05)[:, None]
        for here in (value[:n], None):
            gap = self._ask(surface, xy) if here is None else here
            move = np.clip(-gap, -_GRID_MM, _GRID_MM)[:, None] * slope
            xy = xy + move / self._spacing
        return xy


def _encloses(line: NDArray[np.float64], point: NDArray[np.float64]) -> bool:
    """Whether a closed line winds around a point; lines that are open at their ends do not."""
    if not np.array_equal(line[0], line[-1]):
        return False
    x, y = (line - point).T
    turn = np.diff(np.unwrap(np.arctan2(y, x)))
    return bool(abs(turn.sum()) > np.pi)

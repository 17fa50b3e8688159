"""Wall thickness between a lumen and an outer outline, by four definitions.

They agree on a thin, round wall and part where it is thick and eccentric; which of them is meant
matters more than how well the outlines are drawn. Each is a field on one outline, so its mean is a
mean over that outline's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from carotid.geometry.laplace import field_line_lengths
from carotid.geometry.outlines import centroids, equal_arcs, inside, nearest, radii

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ThicknessMethod = Literal["laplace", "radial", "nearest_outer", "nearest_lumen"]

NODES = 64
"""Points of each outline at which thickness is known."""

MIN_WALL_MM = 0.05
"""Where outlines touch or cross, the outer one is moved out to leave this much; see `walls`."""

MAX_CROSSED = 1 / 3
"""A wall whose lumen lies outside of it along more than this share has no thickness."""

_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Walls:
    """Thickness of s walls, each at n nodes of one of its outlines.

    Attributes:
        thickness_mm: (s, n); NaN in all nodes of a wall that has none.
        nodes: (s, n, 2) where, mm.
        crossed: (s,) share of the lumen's nodes that lie outside the outer outline.
    """

    thickness_mm: NDArray[np.float64]
    nodes: NDArray[np.float64]
    crossed: NDArray[np.float64]


def walls(
    lumen: NDArray[np.float64], outer: NDArray[np.float64], method: ThicknessMethod = "laplace"
) -> Walls:
    """Measure walls.

    Where the lumen reaches beyond the outer outline the thickness is 0. For the field lines the
    outer outline is moved out there, to `MIN_WALL_MM` from the lumen.

    Args:
        lumen: (s, n, 2) outlines of the lumen, counter-clockwise, mm.
        outer: (s, m, 2) outer outlines of the wall, the same.
        method: `laplace`: length of the field line of the Laplace equation from each lumen point.
            `radial`: along rays from the lumen's center of area through each lumen point.
            `nearest_outer`: from each lumen point to the nearest point of the outer outline.
            `nearest_lumen`: from each outer point to the nearest point of the lumen.
    """
    measure = _METHODS[method]
    inner = equal_arcs(lumen, NODES)
    outside = equal_arcs(outer, NODES)
    field = np.empty((len(inner), NODES))
    crossed = np.empty(len(inner))
    for start in range(0, len(inner), _BLOCK):
        some = slice(start, start + _BLOCK)
        beyond = ~inside(inner[some], outside[some])
        crossed[some] = beyond.mean(axis=1)
        field[some] = measure(inner[some], outside[some])
        if method != "nearest_lumen":
            field[some][beyond] = 0
        else:
            field[some][inside(outside[some], inner[some])] = 0
    field[crossed > MAX_CROSSED] = np.nan
    return Walls(field, outside if method == "nearest_lumen" else inner, crossed)


def _laplace(inner: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = field_line_lengths(inner, outside)
    touching = np.isnan(lengths[:, 0]) | inside(outside, inner).any(axis=1)
    touching |= ~inside(inner, outside).all(axis=1)
    if touching.any():
        opened = _opened(inner[touching], outside[touching])
        lengths[touching] = field_line_lengths(inner[touching], opened)
    return lengths


def _opened(inner: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outer outlines, moved to `MIN_WALL_MM` from the lumen where they are nearer or inside."""
    distance, foot = nearest(outside, inner)
    within = inside(outside, inner)
    with np.errstate(all="ignore"):
        away = (outside - foot) / distance[..., None]
    away[within] *= -1
    from_center = foot - inner.mean(axis=1, keepdims=True)
    from_center /= np.maximum(np.linalg.norm(from_center, axis=2, keepdims=True), 1e-9)
    away = np.where(np.isfinite(away), away, from_center)
    move = within | (distance < MIN_WALL_MM)
    moved = np.where(move[..., None], foot + MIN_WALL_MM * away, outside)
    return equal_arcs(moved, NODES)


def _radial(inner: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    center = centroids(inner)
    spoke = inner - center[:, None]
    length = np.linalg.norm(spoke, axis=2)
    across = radii(outside, center, np.arctan2(spoke[..., 1], spoke[..., 0]))
    return np.asarray(across - length, np.float64)


def _nearest_outer(inner: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    return nearest(inner, outside)[0]


def _nearest_lumen(inner: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    return nearest(outside, inner)[0]


_METHODS: dict[
    ThicknessMethod,
    Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
] = {
    "laplace": _laplace,
    "radial": _radial,
    "nearest_outer": _nearest_outer,
    "nearest_lumen": _nearest_lumen,
}

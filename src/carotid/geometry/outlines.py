"""Areas, diameters and crossings of many closed outlines at once.

Outlines are an array (s, n, 2): s polygons of n points in one plane each, in mm; the last point
joins the first. Polygons with fewer points are filled up by repeating one (`stacked`), which
changes nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DIRECTIONS = 64
_GRID = 7
_REFINEMENTS = 6
_BLOCK = 64
_CLOSE_NUMBERS = 1 << 15
"""So many numbers stay close to the processor."""


def stacked(outlines: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Outlines of (n_i, 2) points as one (s, max n_i, 2) array, all counter-clockwise.

    Further columns of the points go along.

    >>> stacked([np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]])])[0].tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    columns = outlines[0].shape[1] if outlines else 2
    out = np.empty((len(outlines), max((len(one) for one in outlines), default=1), columns))
    for k, one in enumerate(outlines):
        out[k, : len(one)] = one
        out[k, len(one) :] = one[-1]
    clockwise = signed_areas(out[..., :2]) < 0
    out[clockwise] = out[clockwise, ::-1]
    return out


def signed_areas(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s,) shoelace area, negative where clockwise.

    >>> signed_areas(np.array([[[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]])).tolist()
    [6.0]
    """
    # From the first point, so that far away from the origin nothing is lost.
    x, y = np.moveaxis(outlines - outlines[:, :1], -1, 0)
    return np.asarray(0.5 * _cross(x, y).sum(axis=1), np.float64)


def _cross(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y


def centroids(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s, 2) center of each area; the mean of the points where there is no area.

    >>> centroids(np.array([[[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]])).tolist()
    [[1.0, 1.0]]
    """
    first = outlines[:, :1]
    x, y = np.moveaxis(outlines - first, -1, 0)
    cross = _cross(x, y)
    double = cross.sum(axis=1)
    sums = [((value + np.roll(value, -1, axis=1)) * cross).sum(axis=1) for value in (x, y)]
    with np.errstate(all="ignore"):
        center = np.stack(sums, axis=1) / (3 * double[:, None])
    flat = ~np.isfinite(center).all(axis=1)
    center[flat] = (outlines[flat] - first[flat]).mean(axis=1)
    return np.asarray(center + first[:, 0], np.float64)


def equal_arcs(outlines: NDArray[np.float64], nodes: int) -> NDArray[np.float64]:
    """(s, nodes, 2) points at equal distances along each outline, from its first point on."""
    if not len(outlines):
        return np.empty((0, nodes, 2))
    closed = np.concatenate([outlines, outlines[:, :1]], axis=1)
    lengths = np.linalg.norm(np.diff(closed, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(lengths), 1)), np.cumsum(lengths, axis=1)], axis=1)
    whole = along[:, -1:]
    with np.errstate(all="ignore"):
        along = np.where(whole > 0, along / whole, np.linspace(0, 1, along.shape[1]))
    # One interpolation for all: each outline has its own interval [2k, 2k + 1] of a common axis.
    base = 2.0 * np.arange(len(outlines))[:, None]
    at = (np.arange(nodes) / nodes + base).ravel()
    axis = (along + base).ravel()
    values = [np.interp(at, axis, closed[..., k].ravel()) for k in (0, 1)]
    return np.stack(values, axis=1).reshape(len(outlines), nodes, 2)


def least_calipers(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s,) smallest distance of two parallel lines that hold the outline between them, mm.

    Exact where the outline is convex: one of the lines then lies on an edge.
    """
    edges = np.roll(outlines, -1, axis=1) - outlines
    normals = np.stack([-edges[..., 1], edges[..., 0]], axis=-1)
    turns = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    fixed = np.broadcast_to(
        np.stack([np.cos(turns), np.sin(turns)], axis=-1), (len(outlines), _DIRECTIONS, 2)
    )
    normals = np.concatenate([normals, fixed], axis=1)
    length = np.linalg.norm(normals, axis=2)
    across = normals @ outlines.transpose(0, 2, 1)
    with np.errstate(all="ignore"):
        widths = (across.max(axis=2) - across.min(axis=2)) / length
    return np.asarray(np.where(length > 0, widths, np.inf).min(axis=1), np.float64)


def inscribed_diameters(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s,) diameter of the largest circle inside each outline, mm, to some 0.01 mm."""
    blocks = range(0, len(outlines), _BLOCK)
    return np.concatenate(
        [np.empty(0), *(_inscribed(outlines[start : start + _BLOCK]) for start in blocks)]
    )


def _inscribed(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = outlines.min(axis=1), outlines.max(axis=1)
    ticks = (np.arange(_GRID) + 0.5) / _GRID
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    step = (high - low).max(axis=1) / _GRID
    centers = low[:, None] + grid * (high - low)[:, None]
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    row = np.arange(len(outlines))
    best = np.zeros(len(outlines))
    for _ in range(_REFINEMENTS):
        depth, _ = nearest(centers, outlines)
        depth[~inside(centers, outlines)] *= -1
        first = depth.argmax(axis=1)
        best = depth[row, first]
        step = step / 2
        centers = centers[row, first][:, None] + around * step[:, None, None]
    return np.asarray(2 * np.maximum(best, 0), np.float64)


def inside(points: NDArray[np.float64], outlines: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(s, m) whether each of (s, m, 2) points lies inside its outline (even–odd)."""
    found = np.empty(points.shape[:2], np.bool_)
    block = max(_CLOSE_NUMBERS // max(points.shape[1] * outlines.shape[1], 1), 1)
    for start in range(0, len(points), block):
        some = slice(start, start + block)
        found[some] = _inside(points[some], outlines[some])
    return found


def _inside(points: NDArray[np.float64], outlines: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y = points[..., None, 0], points[..., None, 1]
    x0, y0 = np.moveaxis(outlines[:, None], -1, 0)
    with np.errstate(all="ignore"):
        slope = (np.roll(x0, -1, axis=2) - x0) / (np.roll(y0, -1, axis=2) - y0)
        height = y - y0
        above = height >= 0
        to_the_left = height * slope + x0 < x
    to_the_left &= above != np.roll(above, -1, axis=2)
    return np.asarray(np.logical_xor.reduce(to_the_left, axis=2), np.bool_)


def nearest(
    points: NDArray[np.float64], outlines: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of (s, m, 2) points from their closed outline, and the nearest points of it.

    Returns:
        (s, m) mm and (s, m, 2).
    """
    x0, y0 = np.moveaxis(outlines[:, None], -1, 0)
    ex, ey = np.roll(x0, -1, axis=2) - x0, np.roll(y0, -1, axis=2) - y0
    square = ex**2 + ey**2
    with np.errstate(all="ignore"):
        inverse = np.where(square > 0, 1 / square, 0)
    dx, dy = points[..., None, 0] - x0, points[..., None, 1] - y0
    share = np.clip((dx * ex + dy * ey) * inverse, 0, 1)
    dx, dy = dx - share * ex, dy - share * ey
    distances = dx**2 + dy**2
    which = distances.argmin(axis=2)[..., None]
    gap, beside, ahead = (
        np.take_along_axis(values, which, axis=2)[..., 0] for values in (distances, dx, dy)
    )
    foot = points - np.stack([beside, ahead], axis=-1)
    return np.sqrt(gap), np.asarray(foot, np.float64)


def radii(
    outlines: NDArray[np.float64],
    centers: NDArray[np.float64],
    angles: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distance from a center to the outermost crossing of rays with the outline.

    Args:
        outlines: (s, n, 2).
        centers: (s, 2).
        angles: (a,) or (s, a) directions of the rays, radians from +x towards +y.

    Returns:
        (s, a) mm; NaN where a ray meets nothing.
    """
    toward = np.broadcast_to(angles, (len(outlines), np.shape(angles)[-1]))
    if not len(outlines):
        return np.empty(toward.shape)
    spokes = outlines - centers[:, None]
    turn = np.arctan2(spokes[..., 1], spokes[..., 0]) / (2 * np.pi)
    steps = _steps(turn)
    star = _once_round(steps)  # each ray meets one edge, which is found by its angle
    out = np.empty(toward.shape)
    out[star] = _one_crossing(spokes[star], turn[star], steps[star], toward[star])
    out[~star] = _outermost_crossing(spokes[~star], toward[~star])
    return out


def _steps(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each point to the next as a share of a whole turn, 0 to 1."""
    return np.asarray((np.roll(turn, -1, axis=1) - turn) % 1, np.float64)


def _once_round(steps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the points go once round their center and never back."""
    return np.asarray((steps < 0.5).all(axis=1) & (np.abs(steps.sum(axis=1) - 1) < 1e-9))


def _one_crossing(
    spokes: NDArray[np.float64],
    turn: NDArray[np.float64],
    steps: NDArray[np.float64],
    toward: NDArray[np.float64],
) -> NDArray[np.float64]:
    s, n = turn.shape
    along = np.concatenate([np.zeros((s, 1)), np.cumsum(steps[:, :-1], axis=1)], axis=1)
    asked = (toward / (2 * np.pi) - turn[:, :1]) % 1
    base = 2.0 * np.arange(s)[:, None]
    found = np.searchsorted((along + base).ravel(), (asked + base).ravel(), side="right") - 1
    which = np.clip(found.reshape(asked.shape) - n * np.arange(s)[:, None], 0, n - 1)
    row = np.arange(s)[:, None]
    (x0, y0), (x1, y1) = (np.moveaxis(spokes[row, at], -1, 0) for at in (which, (which + 1) % n))
    dx, dy = np.cos(toward), np.sin(toward)
    side0, side1 = dx * y0 - dy * x0, dx * y1 - dy * x1
    with np.errstate(all="ignore"):
        share = np.nan_to_num(side0 / (side0 - side1))
    return np.asarray(dx * (x0 + share * (x1 - x0)) + dy * (y0 + share * (y1 - y0)), np.float64)


def _outermost_crossing(
    spokes: NDArray[np.float64], toward: NDArray[np.float64]
) -> NDArray[np.float64]:
    dx, dy = np.cos(toward)[..., None], np.sin(toward)[..., None]
    x0, y0 = np.moveaxis(spokes[:, None], -1, 0)
    x1, y1 = np.roll(x0, -1, axis=2), np.roll(y0, -1, axis=2)
    # Sides of the ray's line on which the ends of an edge lie; a crossing changes the side.
    side0, side1 = dx * y0 - dy * x0, dx * y1 - dy * x1
    crosses = (side0 < 0) != (side1 < 0)
    with np.errstate(all="ignore"):
        share = side0 / (side0 - side1)
        along = dx * (x0 + share * (x1 - x0)) + dy * (y0 + share * (y1 - y0))
    found = np.where(crosses & (along >= 0), along, -np.inf).max(axis=2)
    return np.asarray(np.where(np.isfinite(found), found, np.nan), np.float64)

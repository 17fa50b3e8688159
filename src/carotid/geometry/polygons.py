"""Closed outlines in a plane: what they enclose, how far they lie apart, which voxels they fill.

An outline is an (n, 2) array; the last point joins the first. Inside is where a line from outside
has crossed it an odd number of times, so that concave outlines, rings and outlines that cross
themselves are defined. Numbers are float64, in whatever unit the points have; areas are exact but
for rounding, without a raster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

FLAT = 1e-9
"""An outline whose hull covers less of its bounding square than this has no area."""


def areas(
    outlines: Sequence[NDArray[np.float64]],
    *combinations: Callable[..., NDArray[np.bool_]],
) -> list[float]:
    """Areas of combinations of outlines, exact.

    The plane is cut at the heights of all points and of all crossings of edges. Between two such
    heights every border is straight and none cross, so the area of a combination is the sum over
    the strips of their height times the combination's length on their middle line.

    Args:
        outlines: Any number.
        combinations: For each area, what is inside as a function of what is inside of each outline.

    >>> square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], np.float64)
    >>> areas([square, square + 1], lambda a, b: a & b, lambda a, b: a & ~b)
    [1.0, 3.0]
    """
    edges, owner = _edges(outlines)
    if not len(edges):
        return [0.0] * len(combinations)
    heights = np.unique(np.concatenate([edges[:, :, 1].ravel(), _crossing_heights(edges)]))
    if len(heights) < 2:
        return [0.0] * len(combinations)
    middle = (heights[1:] + heights[:-1]) / 2
    crossings = _crossings(edges, middle)
    order = np.argsort(crossings, axis=1)
    sorted_x = np.take_along_axis(crossings, order, axis=1)
    ends = np.where(np.isfinite(sorted_x), sorted_x, 0)
    lengths = np.where(np.isfinite(sorted_x[:, 1:]), np.diff(ends, axis=1), 0)
    owners = owner[order]
    inside = [np.cumsum(owners == k, axis=1)[:, :-1] % 2 == 1 for k in range(len(outlines))]
    thickness = np.diff(heights)
    return [float(thickness @ (lengths * combine(*inside)).sum(axis=1)) for combine in combinations]


def area(outline: NDArray[np.float64]) -> float:
    """The area that one outline encloses.

    >>> area(np.array([(0, 0), (3, 0), (0, 2)], np.float64))
    3.0
    """
    return areas([outline], lambda inside: inside)[0]


def has_area(outline: NDArray[np.float64]) -> bool:
    """Whether an outline is more than a point or a line."""
    if len(outline) < 3:
        return False
    least = FLAT * float(np.ptp(outline, axis=0).max()) ** 2
    if _shoelace(outline) > least:
        return True
    return _shoelace(convex_hull(outline)) > least  # the parts of a figure of eight cancel


def crosses_itself(outline: NDArray[np.float64]) -> bool:
    """Whether two edges cross at a place that is an end of neither."""
    if _goes_once_around(outline):
        return False
    edges, _ = _edges([outline])
    return bool(_proper_crossings(edges)[0].size)


def _goes_once_around(outline: NDArray[np.float64]) -> bool:
    """Whether an outline goes once around the mean of its points, always in one direction."""
    x, y = (outline - outline.mean(axis=0)).T
    angles = np.arctan2(y, x)
    steps = (_next(angles) - angles + np.pi) % (2 * np.pi) - np.pi
    same_way = (steps > 0).all() or (steps < 0).all()
    return bool(same_way and abs(steps.sum()) < 3 * np.pi)


def convex_hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest convex outline around points, counter-clockwise (Andrew's monotone chain)."""
    ordered = np.unique(points, axis=0).tolist()  # sorted by x, then y
    if len(ordered) < 3:
        return np.array(ordered, np.float64).reshape(-1, 2)

    def half(sequence: Sequence[list[float]]) -> list[list[float]]:
        chain: list[list[float]] = []
        for x, y in sequence:
            while len(chain) > 1 and not _turns_left(chain[-2], chain[-1], (x, y)):
                chain.pop()
            chain.append([x, y])
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]), np.float64)


def pieces(
    outline: NDArray[np.float64], longest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """An outline cut into short pieces, each edge into equal ones.

    Returns:
        (m, 2) middles and (m,) lengths, none above `longest`.
    """
    along = _next(outline) - outline
    lengths = np.hypot(*along.T)
    counts = np.maximum(np.ceil(lengths / longest), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(outline)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    share = (np.arange(len(edge)) - before + 0.5) / counts[edge]
    return outline[edge] + share[:, None] * along[edge], lengths[edge] / counts[edge]


def filled(
    outline: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The voxels whose centers an outline encloses; what lies outside of the grid is cut off.

    Voxel (i, j) is inside if an odd number of edges cross row j to the left of i. An edge counts
    in a row from its lower end up to, and without, its upper one, and a crossing at i itself is not
    to the left: so every voxel of a plane that outlines share is in one of them.

    Args:
        outline: (n, 2) voxel indices; whole numbers are centers.
        shape: Size of the grid.

    Returns:
        The first voxel of a part that holds all that is inside, and that part.

    >>> start, inside = filled(np.array([(1, 1), (4, 1), (4, 3), (1, 3)], np.float64), (9, 9))
    >>> start, int(inside.sum())
    ((2, 1), 6)
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    rows = np.arange(max(0, int(np.ceil(low[1]))), min(shape[1] - 1, int(np.floor(high[1]))) + 1)
    first = max(0, int(np.floor(low[0])) + 1)
    columns = max(0, min(shape[0] - 1, int(np.floor(high[0])) + 1) - first + 1)
    if not len(rows) or not columns:
        return (0, 0), np.zeros((0, 0), np.bool_)
    edges, _ = _edges([outline])
    crossings = _crossings(edges, rows.astype(np.float64))
    from_column = np.clip(
        np.floor(np.where(np.isfinite(crossings), crossings, 0)) + 1 - first, 0, columns
    )
    row, edge = np.nonzero(np.isfinite(crossings))
    toggled = row * (columns + 1) + from_column[row, edge].astype(np.int64)
    count = np.bincount(toggled, minlength=len(rows) * (columns + 1)).reshape(len(rows), -1)
    inside = np.cumsum(count, axis=1)[:, :columns] % 2 == 1
    return (first, int(rows[0])), inside.T


def _next(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What follows each point; several times as fast as `numpy.roll` for a few of them."""
    return np.concatenate([values[1:], values[:1]])


def _edges(
    outlines: Sequence[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(m, 2, 2) ends of all edges, and (m,) the outline that each belongs to."""
    parts = [np.stack([one, _next(one)], axis=1) for one in outlines]
    owner = np.repeat(np.arange(len(outlines)), [len(one) for one in outlines])
    return np.concatenate([*parts, np.zeros((0, 2, 2))]), owner


def _crossings(edges: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, m) where each edge crosses each height; infinite where it does not."""
    (x1, y1), (x2, y2) = edges[:, 0].T, edges[:, 1].T
    y = heights[:, None]
    counts = (np.minimum(y1, y2) <= y) & (y < np.maximum(y1, y2))
    with np.errstate(invalid="ignore", divide="ignore"):
        at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return np.where(counts, at, np.inf)


def _crossing_heights(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """(c,) heights at which two edges cross."""
    return _proper_crossings(edges)[1]


def _proper_crossings(
    edges: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of edges that cross at a place that is an end of neither: the first, and the height."""
    start, end = edges[:, None, 0], edges[:, None, 1]
    first_end, second_end = _side(start, end, edges[:, 0]), _side(start, end, edges[:, 1])
    parted = first_end * second_end < 0  # the ends of the one lie on both sides of the other
    one, other = np.nonzero(np.triu(parted & parted.T))
    share = first_end.T[one, other] / (first_end.T[one, other] - second_end.T[one, other])
    low, high = edges[one, 0, 1], edges[one, 1, 1]
    return one, low + share * (high - low)


def _side(
    start: NDArray[np.float64], end: NDArray[np.float64], point: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Above 0 where a point lies to the left of the way from start to end."""
    way, to = end - start, point - start
    return np.asarray(way[..., 0] * to[..., 1] - way[..., 1] * to[..., 0])


def _turns_left(first: Sequence[float], second: Sequence[float], third: Sequence[float]) -> bool:
    (x1, y1), (x2, y2), (x3, y3) = first, second, third
    return (x2 - x1) * (y3 - y1) - (y2 - y1) * (x3 - x1) > 0


def _shoelace(outline: NDArray[np.float64]) -> float:
    x, y = (outline - outline[0]).T  # so that far from the origin nothing is lost
    return float(abs(x @ _next(y) - y @ _next(x)) / 2)

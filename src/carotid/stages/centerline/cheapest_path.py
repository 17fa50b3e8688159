"""The cheapest path between two voxels of a stack of slices, exactly, without searching it all.

A step goes to any of the 26 neighbours and costs what the voxel costs that it leads to. A path
passes every slice at least once, so it costs at least the sum of the slices' least costs. Some path
is found first, cheaply; a voxel that costs more above its slice's least than this path costs above
that sum lies on no cheapest path. What is left is usually a tube of a few dozen voxels a section,
and Dijkstra's search takes care of that. Where much is left, as between seeds on two different
vessels, all slices are relaxed in sweeps (`relaxation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.centerline.relaxation import path_by_relaxation

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixel = tuple[int, int]

MAX_SEARCHED = 20_000
"""Voxels that Dijkstra's search is used for; from there on sweeps are faster."""

_MARGIN_VOXELS = 16
"""How far around the two ends the first path is looked for."""

_RELATIVE_SLACK, _SLACK = 1e-9, 1e-6
"""Added to bounds, so that rounding drops no voxel of a cheapest path."""

_ALMOST_FREE = 1e-300
"""Stands for a cost of zero, which a sparse matrix would take for no step at all."""

_NEIGHBOURS = tuple(
    (dz, dx, dy)
    for dz in (-1, 0, 1)
    for dx in (-1, 0, 1)
    for dy in (-1, 0, 1)
    if (dz, dx, dy) != (0, 0, 0)
)


def cheapest_path(costs: NDArray[np.float32], start: Pixel, end: Pixel) -> NDArray[np.int64]:
    """The cheapest path from a voxel below a stack of slices to one in its last slice.

    Args:
        costs: (z, x, y) cost of stepping onto each voxel, not negative.
        start: (x, y) of the voxel that the path comes from, in the slice below `costs[0]`.
        end: (x, y) of the voxel that it leads to, in `costs[-1]`.

    Returns:
        (n, 3) z, x, y of the path's voxels in order, its start not among them. Among several
        cheapest paths any may be returned.
    """
    least = costs.min(axis=(1, 2)).astype(np.float64)
    bound = min(_cost_rising(costs, start, end), _cost_straight(costs, start, end))
    bound += abs(bound) * _RELATIVE_SLACK + _SLACK
    kept = costs <= (least + (bound - least.sum()))[:, None, None]
    if np.count_nonzero(kept) > MAX_SEARCHED:
        return path_by_relaxation(costs, start, end, least, bound)
    return _path_through(costs, kept, start, end)


def _cost_rising(costs: NDArray[np.float32], start: Pixel, end: Pixel) -> float:
    """Cost of the cheapest path near both ends with one voxel a slice; infinite without one."""
    from scipy.ndimage import minimum_filter

    low = [max(0, min(a, b) - _MARGIN_VOXELS) for a, b in zip(start, end, strict=True)]
    high = [max(a, b) + _MARGIN_VOXELS + 1 for a, b in zip(start, end, strict=True)]
    if max(abs(a - b) for a, b in zip(start, end, strict=True)) > len(costs):
        return np.inf
    near = costs[:, low[0] : high[0], low[1] : high[1]]
    total = np.full(near.shape[1:], np.inf)
    total[start[0] - low[0], start[1] - low[1]] = 0
    for one in near:
        total = minimum_filter(total, 3, mode="constant", cval=np.inf) + one
    return float(total[end[0] - low[0], end[1] - low[1]])


def _cost_straight(costs: NDArray[np.float32], start: Pixel, end: Pixel) -> float:
    """Cost of the path that goes straight at its end, up as soon as it can."""
    x, y = start
    total, z = 0.0, -1
    while (x, y) != end or z < len(costs) - 1:
        x += int(np.sign(end[0] - x))
        y += int(np.sign(end[1] - y))
        z = min(z + 1, len(costs) - 1)
        total += float(costs[z, x, y])
    return total


def _path_through(
    costs: NDArray[np.float32], kept: NDArray[np.bool_], start: Pixel, end: Pixel
) -> NDArray[np.int64]:
    """Dijkstra's search among some of the voxels."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    voxels = np.argwhere(kept)
    count = len(voxels)
    number = np.full([n + 2 for n in costs.shape], -1, np.int64)
    number[1:-1, 1:-1, 1:-1][kept] = np.arange(count)
    origin = number[1, start[0] : start[0] + 3, start[1] : start[1] + 3]
    sources, targets = [np.full(9, count)], [origin.ravel()]
    for step in _NEIGHBOURS:
        z, x, y = (voxels + 1 + step).T
        sources.append(np.arange(count))
        targets.append(number[z, x, y])
    source, target = np.concatenate(sources), np.concatenate(targets)
    source, target = source[target >= 0], target[target >= 0]
    weight = np.maximum(costs[kept].astype(np.float64)[target], _ALMOST_FREE)
    graph = csr_matrix((weight, (source, target)), shape=(count + 1, count + 1))
    _, before = dijkstra(graph, indices=count, return_predecessors=True)
    node = int(number[len(costs), end[0] + 1, end[1] + 1])
    path = []
    while node != count:
        path.append(node)
        node = int(before[node])
    return np.asarray(voxels[path[::-1]], np.int64)

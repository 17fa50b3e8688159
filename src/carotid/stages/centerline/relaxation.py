"""The cheapest path through a stack of slices by relaxation, where little of it is ruled out.

The least cost of reaching each voxel is lowered slice by slice, upwards and downwards in turn,
always within the box of what has changed, until nothing changes. Values that no cheapest path can
have are never entered. It is the same as Dijkstra's search, in whole slices at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALMOST_FREE = 1e-12
"""Least cost of a step, over the bound: without it the way back could go round in a circle among
voxels that cost nothing."""


class _Box(NamedTuple):
    """Pixels x0 ≤ x < x1, y0 ≤ y < y1 of a slice that has a rim of one pixel around it."""

    x0: int
    x1: int
    y0: int
    y1: int

    def joined(self, other: _Box | None) -> _Box:
        """The smallest box around both."""
        if other is None:
            return self
        lower = min(self.x0, other.x0), min(self.y0, other.y0)
        upper = max(self.x1, other.x1), max(self.y1, other.y1)
        return _Box(lower[0], upper[0], lower[1], upper[1])


class _Totals:
    """The least cost found so far of reaching each voxel, (z, x, y) with a rim of infinity.

    Args:
        costs: (z, x, y) cost of stepping onto each voxel.
        most: (z,) what a path may have cost in each slice; more is not entered.
    """

    def __init__(self, costs: NDArray[np.float32], most: NDArray[np.float64]) -> None:
        depth, width, height = costs.shape
        self.costs = costs
        self.totals = np.full((depth, width + 2, height + 2), np.inf)
        self._most = most

    def relax(self, z: int, source: NDArray[np.float64], changed: _Box) -> _Box | None:
        """Lower slice z by what can be reached from `source`, of which a box has changed."""
        width, height = self.costs.shape[1:]
        x0, x1 = max(1, changed.x0 - 1), min(width + 1, changed.x1 + 1)
        y0, y1 = max(1, changed.y0 - 1), min(height + 1, changed.y1 + 1)
        reached = _least_of_nine(source[x0 - 1 : x1 + 1, y0 - 1 : y1 + 1])
        reached += self.costs[z, x0 - 1 : x1 - 1, y0 - 1 : y1 - 1]
        here = self.totals[z, x0:x1, y0:y1]
        lower = (reached < here) & (reached <= self._most[z])
        if not lower.any():
            return None
        here[lower] = reached[lower]
        xs, ys = np.flatnonzero(lower.any(axis=1)), np.flatnonzero(lower.any(axis=0))
        return _Box(x0 + int(xs[0]), x0 + int(xs[-1]) + 1, y0 + int(ys[0]), y0 + int(ys[-1]) + 1)

    def settle(self, z: int, changed: _Box | None) -> _Box | None:
        """Go on sideways within slice z until nothing changes; the box of all that has."""
        every = changed
        while changed is not None:
            changed = self.relax(z, self.totals[z], changed)
            if changed is not None:
                every = changed.joined(every)
        return every

    def sweep(self, changed: list[_Box | None]) -> list[_Box | None]:
        """Carry changes up through all slices, then down; what has changed since, per slice."""
        depth = len(self.costs)
        every = list(changed)
        left: list[_Box | None] = [None] * depth
        for z in range(1, depth):
            moved = self._moved(z, z - 1, every[z - 1])
            every[z] = every[z] if moved is None else moved.joined(every[z])
        for z in range(depth - 2, -1, -1):
            moved = left[z] = self._moved(z, z + 1, every[z + 1])
            every[z] = every[z] if moved is None else moved.joined(every[z])
        return left

    def _moved(self, z: int, neighbour: int, changed: _Box | None) -> _Box | None:
        if changed is None:
            return None
        return self.settle(z, self.relax(z, self.totals[neighbour], changed))


def path_by_relaxation(
    costs: NDArray[np.float32],
    start: tuple[int, int],
    end: tuple[int, int],
    least: NDArray[np.float64],
    bound: float,
) -> NDArray[np.int64]:
    """The cheapest path from a voxel below a stack of slices to one in its last slice.

    Args:
        costs: (z, x, y) cost of stepping onto each voxel, not negative.
        start: (x, y) in the slice below `costs[0]`.
        end: (x, y) in `costs[-1]`.
        least: (z,) least cost of each slice.
        bound: A cost that the cheapest path does not exceed.

    Returns:
        (n, 3) z, x, y of the path's voxels in order, its start not among them.
    """
    above = np.append(np.cumsum(least[:0:-1])[::-1], 0.0)
    totals = _Totals(np.maximum(costs, np.float32(bound * _ALMOST_FREE)), bound - above)
    origin = np.full(totals.totals.shape[1:], np.inf)
    x, y = start[0] + 1, start[1] + 1
    origin[x, y] = 0
    changed: list[_Box | None] = [None] * len(costs)
    changed[0] = totals.settle(0, totals.relax(0, origin, _Box(x, x + 1, y, y + 1)))
    while any(box is not None for box in changed):
        changed = totals.sweep(changed)
    return _walked_back(totals.totals, start, end)


def _walked_back(
    totals: NDArray[np.float64], start: tuple[int, int], end: tuple[int, int]
) -> NDArray[np.int64]:
    """From the end, always to the neighbour with the least total, until the start is next to it."""
    z, x, y = len(totals) - 1, end[0] + 1, end[1] + 1
    path = [(z, x - 1, y - 1)]
    while z > 0 or max(abs(x - 1 - start[0]), abs(y - 1 - start[1])) > 1:
        low = max(z - 1, 0)
        around = totals[low : z + 2, x - 1 : x + 2, y - 1 : y + 2].copy()
        around[z - low, 1, 1] = np.inf
        dz, dx, dy = np.unravel_index(int(around.argmin()), around.shape)
        z, x, y = low + int(dz), x - 1 + int(dx), y - 1 + int(dy)
        path.append((z, x - 1, y - 1))
    return np.array(path[::-1], np.int64)


def _least_of_nine(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(a−2, b−2): the least of each inner pixel and its eight neighbours."""
    rows = np.minimum(np.minimum(values[:-2], values[1:-1]), values[2:])
    return np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])

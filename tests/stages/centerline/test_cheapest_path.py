from __future__ import annotations

import heapq
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from carotid.stages.centerline import cheapest_path as module
from carotid.stages.centerline.cheapest_path import cheapest_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]


def least_cost(costs: Any, start: tuple[int, int], end: tuple[int, int]) -> float:
    """Dijkstra's search with a heap over every voxel, as the specification words it."""
    best: dict[tuple[int, int, int], float] = {}
    heap: list[tuple[float, tuple[int, int, int]]] = [(0.0, (-1, *start))]
    target = (len(costs) - 1, *end)
    while heap:
        total, voxel = heapq.heappop(heap)
        if voxel in best:
            continue
        best[voxel] = total
        if voxel == target:
            return total
        for step in STEPS:
            near = voxel[0] + step[0], voxel[1] + step[1], voxel[2] + step[2]
            if all(0 <= a < n for a, n in zip(near, costs.shape, strict=True)):
                heapq.heappush(heap, (total + float(costs[near]), near))
    raise AssertionError


def check(costs: NDArray[np.float32], start: tuple[int, int], end: tuple[int, int]) -> None:
    path = cheapest_path(costs, start, end)
    assert tuple(path[-1]) == (len(costs) - 1, *end)
    assert path[0, 0] == 0
    every = [(-1, *start), *(tuple(int(n) for n in voxel) for voxel in path)]
    for a, b in pairwise(every):
        assert max(abs(i - j) for i, j in zip(a, b, strict=True)) == 1
    total = float(costs[tuple(path.T)].astype(np.float64).sum())
    assert total == pytest.approx(least_cost(costs, start, end), rel=1e-9, abs=1e-9)


def fields(rng: np.random.Generator) -> list[Any]:
    """Noise, a winding tube, two tubes, plateaus, and nothing at all."""
    shape = (9, 14, 11)
    z, x, y = np.indices(shape)
    tube = np.hypot(x - 7 - 5 * np.sin(z / 2), y - 5 - 3 * np.cos(z / 2))
    other = np.hypot(x - 2, y - 8)
    return [
        rng.random(shape),
        rng.random(shape) + 20 * tube,
        np.minimum(tube, other) * 5 + rng.random(shape),
        np.rint(rng.random(shape) * 2),
        np.zeros(shape),
    ]


@pytest.mark.parametrize("searched", [0, module.MAX_SEARCHED])
@pytest.mark.parametrize("k", range(5))
@pytest.mark.parametrize("slices", [1, 2, 9])
def test_no_path_is_cheaper(
    searched: int, k: int, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SEARCHED", searched)
    rng = np.random.default_rng([k, slices])
    for _ in range(4):
        costs = np.ascontiguousarray(fields(rng)[k][:slices], np.float32)
        width, height = costs.shape[1:]
        ends = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        check(costs, ends[0], ends[1])


def test_path_goes_down_again_where_that_is_cheaper() -> None:
    costs = np.full((3, 13, 5), 100, np.float32)
    corridor = [(0, 1), (0, 2), (1, 3), (2, 4), (2, 5), (1, 6), (0, 7), (0, 8), (1, 9), (2, 10)]
    for z, x in corridor:
        costs[z, x, 2] = 1
    path = cheapest_path(costs, (0, 2), (10, 2))
    assert [(z, x) for z, x, _ in path.tolist()] == corridor

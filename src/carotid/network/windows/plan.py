"""Which windows of a volume a network sees, and how many of them at a time.

Windows of equal size are laid over the volume at a fixed step; the last one along an axis is moved
back so that it ends with the volume. Where windows overlap, their predictions are averaged with
equal weights. A volume smaller than the window is padded with zeros on both sides first. For a
window of 4 and an overlap of 0.5 on an axis of 7:

    voxel      0 1 2 3 4 5 6
    window 0   x x x x
    window 1       x x x x
    window 2         x x x x        (moved back by one)
    count      1 1 2 3 2 2 1   <- hence the sums are divided by the count
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil

MAX_WORKERS = 4
"""Windows at a time at most: each takes some 250 MB with the default window."""


def axis_starts(size: int, window: int, overlap: float) -> list[int]:
    """First voxels of the windows along one axis that is at least as long as the window.

    The step is the whole part of window·(1−overlap), at least 1. It is computed in double
    precision as it stands: 0.6 of 320 leaves a step of 128.
    """
    step = window if size == window else max(int(window * (1 - overlap)), 1)
    starts = []
    for k in range(ceil(size / step)):
        start = k * step
        starts.append(start - max(start + window - size, 0))
        if start + window >= size:
            break
    return starts


@dataclass(frozen=True)
class WindowPlan:
    """Where the windows lie on a (s, p, l) volume.

    Attributes:
        shape: Size of the volume.
        window: Size of every window.
        padding: Zeros before the first voxel of each axis.
        starts: First voxel of the windows along each axis, in the padded volume.
    """

    shape: tuple[int, int, int]
    window: tuple[int, int, int]
    padding: tuple[int, int, int]
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @classmethod
    def of(
        cls, shape: tuple[int, int, int], window: tuple[int, int, int], overlap: float
    ) -> WindowPlan:
        """Lay windows over a volume; `overlap` is the share of a window, 0 ≤ overlap < 1."""
        padding, starts = [], []
        for size, side in zip(shape, window, strict=True):
            padding.append(max(side - size, 0) // 2)
            starts.append(tuple(axis_starts(max(size, side), side, overlap)))
        return cls(
            shape,
            window,
            (padding[0], padding[1], padding[2]),
            (starts[0], starts[1], starts[2]),
        )

    @property
    def corners(self) -> list[tuple[int, int, int]]:
        """First voxel of every window in the padded volume, last axis fastest."""
        return list(product(*self.starts))

    def __len__(self) -> int:
        return len(self.starts[0]) * len(self.starts[1]) * len(self.starts[2])

    def boxes(
        self, corner: tuple[int, int, int]
    ) -> tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]:
        """Where a window meets the volume: the box in the volume, and the same in the window."""
        outer, inner = [], []
        for start, pad, size, side in zip(
            corner, self.padding, self.shape, self.window, strict=True
        ):
            low = max(start - pad, 0)
            high = min(start - pad + side, size)
            outer.append(slice(low, high))
            inner.append(slice(low - start + pad, high - start + pad))
        return (outer[0], outer[1], outer[2]), (inner[0], inner[1], inner[2])

    def counts(self, axis: int) -> list[int]:
        """How many windows cover each voxel along one axis."""
        covered = [0] * self.shape[axis]
        for start in self.starts[axis]:
            low = start - self.padding[axis]
            for voxel in range(max(low, 0), min(low + self.window[axis], self.shape[axis])):
                covered[voxel] += 1
        return covered


@dataclass(frozen=True)
class WindowWorkers:
    """How many windows are predicted at a time on a CPU, and with how many threads each.

    Attributes:
        count: Windows at a time.
        threads: Threads of each.
    """

    count: int
    threads: int

    @classmethod
    def of(cls, cores: int) -> WindowWorkers:
        """Share out cores: up to `MAX_WORKERS` windows, each with its part of the cores."""
        count = max(1, min(cores, MAX_WORKERS))
        return cls(count, max(1, cores // count))


ONE_AT_A_TIME = WindowWorkers(1, 1)
"""Each with all threads of the caller."""

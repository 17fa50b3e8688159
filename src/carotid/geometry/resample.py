"""Where each output sample of an axis lies among the input samples: two neighbours, two weights.

Linear resampling of a volume is separable, so a volume is resampled one axis at a time, and each
axis is described by one `AxisSampling`. Mirroring and zero-filling are folded into it as well: a
mirrored axis has other neighbours, a sample outside has weights of zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NETWORK_SPACING_MM = 0.5
"""Voxel side that the networks were trained on."""

SPACING_TOLERANCE_MM = 1e-3
"""An axis whose spacing is this close to `NETWORK_SPACING_MM` is not resampled."""

_BAND = 32
"""Outputs that share one block of the sampling matrix."""

_SPACING_DECIMALS = 9
"""Spacings are rounded to this many decimals (mm) before sizes are computed from them, so that the
last bit of an oblique direction cannot change a size."""

_ROUNDING = 1e-6
"""By how much two float32 weights may fail to sum to 1."""


@dataclass(frozen=True, eq=False)
class AxisSampling:
    """Output sample j is `first_weight[j]·x[first[j]] + second_weight[j]·x[second[j]]`.

    Attributes:
        size: Number of input samples.
        first, second: (n_out,) int64, indices of the two neighbours, inside 0 … size−1.
        first_weight, second_weight: (n_out,) float32.
    """

    size: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    first_weight: NDArray[np.float32]
    second_weight: NDArray[np.float32]

    @classmethod
    def at(cls, positions: NDArray[np.floating], size: int) -> AxisSampling:
        """Sample linearly at fractional input indices; beyond the ends the edge value counts."""
        inside = np.clip(positions, 0, size - 1)
        first = np.minimum(np.floor(inside).astype(np.int64), max(size - 2, 0))
        weight = inside - first
        return cls(
            size,
            first,
            np.minimum(first + 1, size - 1),
            (1 - weight).astype(np.float32),
            weight.astype(np.float32),
        )

    @classmethod
    def identity(cls, size: int) -> AxisSampling:
        """Every sample as it is."""
        return cls.at(np.arange(size, dtype=np.float64), size)

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def is_identity(self) -> bool:
        """Whether the output equals the input."""
        if len(self) != self.size:
            return False
        index = np.arange(self.size)
        taken = np.where(self.second_weight == 1, self.second, self.first)
        whole = (self.first_weight == 1) & (self.second_weight == 0)
        whole |= (self.first_weight == 0) & (self.second_weight == 1)
        return bool(whole.all() and np.array_equal(taken, index))

    @cached_property
    def interpolates(self) -> bool:
        """Whether each output lies between its neighbours: both weights sum to 1, but for rounding.

        Not so where samples that count as zero are left out; see `within`.
        """
        return bool((np.abs(self.first_weight + self.second_weight - 1) < _ROUNDING).all())

    def applied_to(self, x: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Resample one axis of a float32 array, in a new array unless nothing changes."""
        if self.is_identity:
            return x
        wide = tuple(-1 if a == axis else 1 for a in range(x.ndim))
        out = np.take(x, self.first, axis)
        out *= self.first_weight.reshape(wide)
        second = np.take(x, self.second, axis)
        second *= self.second_weight.reshape(wide)
        out += second
        return out

    def part(self, start: int, stop: int) -> AxisSampling:
        """The output samples from `start` up to, not with, `stop`."""
        box = slice(start, stop)
        return AxisSampling(
            self.size,
            self.first[box],
            self.second[box],
            self.first_weight[box],
            self.second_weight[box],
        )

    def input_range(self) -> tuple[int, int]:
        """The input samples that are needed: first, and one past the last."""
        low = min(self.first.min(), self.second.min())
        high = max(self.first.max(), self.second.max())
        return int(low), int(high) + 1

    def shifted(self, start: int, size: int) -> AxisSampling:
        """The same, for input that begins at sample `start` and holds `size` samples."""
        return AxisSampling(
            size, self.first - start, self.second - start, self.first_weight, self.second_weight
        )

    def within(self, start: int, stop: int, *, mirrored: bool) -> AxisSampling:
        """The same, for input that holds samples `start` … `stop`−1 only, zero elsewhere.

        Args:
            start: First input sample that is there.
            stop: One past the last input sample that is there.
            mirrored: Whether they are stored last to first.
        """

        def place(
            index: NDArray[np.int64], weight: NDArray[np.float32]
        ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            there = (index >= start) & (index < stop)
            local = stop - 1 - index if mirrored else index - start
            return np.clip(local, 0, stop - start - 1), np.where(there, weight, np.float32(0))

        first, first_weight = place(self.first, self.first_weight)
        second, second_weight = place(self.second, self.second_weight)
        return AxisSampling(stop - start, first, second, first_weight, second_weight)

    def only(self, start: int, stop: int) -> AxisSampling:
        """The same, with zeros for all outputs but `start` … `stop`−1."""
        if (start, stop) == (0, len(self)):
            return self
        index = np.arange(len(self))
        there = ((index >= start) & (index < stop)).astype(np.float32)
        weights = self.first_weight * there, self.second_weight * there
        return AxisSampling(self.size, self.first, self.second, *weights)

    def nearest(self) -> NDArray[np.int64]:
        """(n_out,) the input sample that weighs most in each output."""
        return np.where(self.second_weight > self.first_weight, self.second, self.first)

    def needed(self) -> tuple[int, int]:
        """The input samples that weigh anything: first, and one past the last."""
        used = np.concatenate(
            [self.first[self.first_weight != 0], self.second[self.second_weight != 0]]
        )
        return int(used.min()), int(used.max()) + 1

    def support(self) -> tuple[int, int]:
        """The output samples that are not zero by construction: first, and one past the last."""
        used = np.flatnonzero((self.first_weight != 0) | (self.second_weight != 0))
        return (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)

    @cached_property
    def bands(self) -> tuple[tuple[slice, slice, NDArray[np.float32]], ...]:
        """The narrow blocks of the matrix in which all its numbers lie that are not zero.

        Each one: which inputs, which outputs, and what to multiply a row vector of these inputs
        with to get these outputs.
        """
        found = []
        for start in range(0, len(self), _BAND):
            part = self.part(start, min(start + _BAND, len(self)))
            low, high = part.input_range()
            outputs = slice(start, start + len(part))
            found.append((slice(low, high), outputs, part.shifted(low, high - low).matrix()))
        return tuple(found)

    def matrix(self) -> NDArray[np.float32]:
        """(size, n_out) float32: a row vector of inputs times it gives the outputs."""
        columns = np.arange(len(self))
        dense = np.zeros((self.size, len(self)), np.float32)
        np.add.at(dense, (self.first, columns), self.first_weight)
        np.add.at(dense, (self.second, columns), self.second_weight)
        return dense


def network_size(size: int, spacing_mm: float) -> int:
    """How many samples of `NETWORK_SPACING_MM` cover `size` samples of `spacing_mm`.

    From the first center to the last one: round((n−1)·s/0.5 + 1), halves to the even number.
    """
    if _is_network_spacing(spacing_mm):
        return size
    spacing = round(spacing_mm, _SPACING_DECIMALS)
    return int(np.round((size - 1) * spacing / NETWORK_SPACING_MM + 1))


def to_network(
    size: int, spacing_mm: float, position_spacing_mm: float | None = None
) -> AxisSampling:
    """Sampling of a raw axis at 0.5 mm: output i lies at input position i·0.5/s.

    Args:
        size: Number of raw voxels along the axis.
        spacing_mm: Their spacing, from which the number of outputs follows.
        position_spacing_mm: The spacing s that positions are computed with; default the same.
    """
    if _is_network_spacing(spacing_mm):
        return AxisSampling.identity(size)
    spacing = spacing_mm if position_spacing_mm is None else position_spacing_mm
    positions = np.arange(network_size(size, spacing_mm)) * (NETWORK_SPACING_MM / spacing)
    return AxisSampling.at(positions, size)


def from_network(
    size: int, spacing_mm: float, position_spacing_mm: float | None = None
) -> AxisSampling:
    """Sampling of a 0.5 mm axis at the raw voxels: output j lies at input position j·s/0.5.

    Args:
        size: Number of raw voxels along the axis.
        spacing_mm: See `to_network`.
        position_spacing_mm: See `to_network`.
    """
    if _is_network_spacing(spacing_mm):
        return AxisSampling.identity(size)
    spacing = spacing_mm if position_spacing_mm is None else position_spacing_mm
    positions = np.arange(size) * (spacing / NETWORK_SPACING_MM)
    return AxisSampling.at(positions, network_size(size, spacing_mm))


def _is_network_spacing(spacing_mm: float) -> bool:
    return abs(spacing_mm - NETWORK_SPACING_MM) <= SPACING_TOLERANCE_MM

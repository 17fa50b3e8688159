"""Percentiles of a scan and the rescaling of its intensities between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

MAX_INTENSITY = 1e18
"""Largest intensity: squared it still is a number in single precision. No scan comes near it."""

_CHUNK = 1 << 20
"""Voxels looked at together, so that no copy of the whole scan is made."""


@dataclass(frozen=True)
class IntensityRange:
    """The intensities that become 0 and 1; what lies outside is clipped."""

    lower: float
    upper: float

    def applied_to(self, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """A float32 copy of `values`, brought linearly to 0 … 1 and clipped."""
        scaled = values.astype(np.float64)
        scaled -= self.lower
        scaled /= self.upper - self.lower
        return np.clip(scaled, 0.0, 1.0, out=scaled).astype(np.float32)


def checked_percentiles(values: Iterable[object]) -> tuple[float, float]:
    """Two percentiles, as plain numbers.

    Raises:
        UsageError: Where they are not two numbers from 0 to 100, the first below the second.
    """
    wrong = UsageError(
        "percentiles must be two numbers from 0 to 100, the first below the second",
        found=str(values)[:80],
        expected="such as (5, 95)",
    )
    try:
        found = list(values)
    except TypeError as error:
        raise wrong from error
    numbers = [float(one) for one in found if isinstance(one, Real) and not isinstance(one, bool)]
    if len(found) != 2 or len(numbers) != 2 or not 0 <= numbers[0] < numbers[1] <= 100:
        raise wrong
    return numbers[0], numbers[1]


def check_intensities(array: NDArray[np.generic]) -> None:
    """Refuse scans that no network can say anything about.

    Args:
        array: Voxels, in any order.

    Raises:
        InputError: Where voxels are NaN or infinite, too large, or all the same.
    """
    first = array.flat[0] if array.size else 0
    constant = True
    broken = 0
    largest = 0.0
    wide = array.dtype.kind == "f" or array.dtype.itemsize > 4
    for part in _chunks(array):
        if wide:
            highest, lowest = float(part.max()), float(part.min())
            if math.isfinite(highest) and math.isfinite(lowest):
                largest = max(largest, highest, -lowest)
            else:
                broken += int(part.size - np.count_nonzero(np.isfinite(part)))
        constant = constant and bool((part == first).all())
    if broken:
        raise InputError(
            "the scan has voxels that are no numbers",
            found=f"{broken} of {array.size} voxels NaN or infinite",
            remedy="export the scan again, or set those voxels to a value",
        )
    if largest > MAX_INTENSITY:
        raise InputError(
            "the scan has voxels too large to compute with",
            found=f"{largest:.3g}",
            expected=f"at most {MAX_INTENSITY:g} in size",
            remedy="export the scan again, or set voxels that stand for nothing to 0",
        )
    if constant:
        raise InputError(
            "the scan is constant: there is nothing to see in it",
            found=f"{first} in every voxel",
            remedy="export the scan again",
        )


def intensity_range(
    array: NDArray[np.generic],
    lower_percentile: float,
    upper_percentile: float,
    *,
    leave_out: NDArray[np.bool_] | None = None,
) -> IntensityRange:
    """The intensities at two percentiles (0 to 100) of all voxels, or of all but some.

    Args:
        array: Voxels, in any order.
        lower_percentile: Its intensity becomes 0.
        upper_percentile: Its intensity becomes 1.
        leave_out: True, in the shape of `array`, where voxels do not count.

    Raises:
        InputError: Where both are the same, so that nothing can be scaled between them.
    """
    counted = array if leave_out is None else array[~leave_out]
    lower, upper = percentiles(counted, (lower_percentile, upper_percentile))
    if not lower < upper:
        raise InputError(
            "the intensities cannot be rescaled: both percentiles have the same value",
            found=f"{lower:g} at the {lower_percentile:g}th and {upper_percentile:g}th percentile",
            remedy="crop the empty background, or widen the percentiles in parameters.json",
        )
    return IntensityRange(lower, upper)


def percentiles(array: NDArray[np.generic], percents: Sequence[float]) -> list[float]:
    """Percentiles with linear interpolation between order statistics, as `numpy.percentile`.

    Integers of up to 16 bits are counted, which takes one pass and no copy of the scan; other
    types are sorted partially, in a copy.

    Args:
        array: Finite numbers, at least one.
        percents: 0 to 100 each.
    """
    if array.dtype.kind in "iu" and array.dtype.itemsize <= 2:
        return _percentiles_by_counting(array, percents)
    float_type = array.dtype if array.dtype.kind == "f" else np.float64
    found = np.percentile(np.asarray(array.ravel(order="K"), float_type), list(percents))
    return [float(value) for value in found]


def _percentiles_by_counting(array: NDArray[np.generic], percents: Sequence[float]) -> list[float]:
    limits = np.iinfo(str(array.dtype))
    counts = np.zeros(limits.max - limits.min + 1, np.int64)
    unsigned = np.dtype(f"u{array.dtype.itemsize}")
    native = array.dtype.newbyteorder("=")
    for part in _chunks(array):
        bits = np.ascontiguousarray(part, dtype=native).view(unsigned).ravel()
        counts += np.bincount(bits, minlength=counts.size)
    if limits.min < 0:
        counts = np.roll(counts, counts.size // 2)
    up_to = np.cumsum(counts)

    def order_statistic(rank: int) -> int:
        return int(np.searchsorted(up_to, rank, side="right")) + limits.min

    values = []
    for percent in percents:
        position = percent / 100 * (array.size - 1)
        low = int(position)
        high = min(low + 1, array.size - 1)
        a, b = order_statistic(low), order_statistic(high)
        values.append(float(a + (b - a) * (position - low)))
    return values


def _chunks(array: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """Views that cover the array once, cut along its slowest axis in memory."""
    slowest = int(np.argmax(np.abs(array.strides))) if array.ndim else 0
    rows = array.shape[slowest]
    step = max(1, _CHUNK * rows // max(array.size, 1))
    moved = np.moveaxis(array, slowest, 0)
    return [moved[start : start + step] for start in range(0, rows, step)]

"""Numbers that survive being written: rounded to the digits that tables hold.

A stage rounds what it makes. So the next stage gets the same numbers whether it is handed them in
memory or reads them from a table, and makes the same bytes of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS = 9
"""Significant digits in a table: at index 999.999999 that is a millionth of a voxel."""

_SMALLEST = 1e-14
"""Smaller numbers would need a power of ten above 10²², which double precision does not hold."""


def rounded(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The nearest numbers of nine significant digits, as a reader of `%.9g` gets them.

    What is smaller than 10⁻¹⁴ becomes 0, and what is not finite stays.

    >>> rounded(np.array([1 / 3, -123.4567891234, 2e-16])).tolist()
    [0.333333333, -123.456789, 0.0]
    """
    numbers = np.asarray(values, np.float64)
    usable = np.isfinite(numbers) & (np.abs(numbers) > _SMALLEST)
    magnitude = np.floor(np.log10(np.abs(numbers), where=usable, out=np.zeros_like(numbers)))
    power = DIGITS - 1 - magnitude
    scale = 10.0 ** np.abs(power)  # exact, so that each number below is rounded once
    shifted = np.where(power >= 0, numbers * scale, numbers / scale)
    whole = np.rint(shifted) + 0.0
    return np.asarray(np.where(power >= 0, whole / scale, whole * scale), np.float64)

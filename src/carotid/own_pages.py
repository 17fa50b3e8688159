"""Large arrays that last, on memory pages of their own.

An array that lasts, laid in the heap among others that come and go, leaves gaps in which the next
one may find no room, so that the heap grows. On pages of its own it leaves none, and goes back to
the system as soon as nobody needs it.
"""

from __future__ import annotations

import mmap
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

_LEAST_BYTES = 8 << 20
"""Smaller arrays come from the heap, as any."""


def zeros_apart(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """A C-contiguous array of zeros; from 8 MiB on, its pages hold nothing else.

    Raises:
        MemoryError: The system has not so much.

    >>> zeros_apart((2, 3), np.float32).sum()
    np.float32(0.0)
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < _LEAST_BYTES:
        return np.zeros(tuple(shape), dtype)
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        message = f"no room for an array of {size / 2**30:.1f} GiB"
        raise MemoryError(message) from error
    return np.frombuffer(pages, dtype).reshape(tuple(shape))

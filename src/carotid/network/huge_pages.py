"""Memory for large arrays, in huge pages where Linux grants them.

A fresh array of 60 MB is 15,000 pages of 4 KiB, and each costs the kernel a fault and a wipe when
it is first touched; in pages of 2 MiB there are 30. glibc returns large arrays to the system when
they are freed, so a forward pass would pay that for each of its intermediate results. Most
distributions grant huge pages to those who ask (`madvise`); where they don't, nothing changes.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

HUGE_PAGE_BYTES = 2**21
"""Size of a huge page on x86-64, and usually on ARM."""

_ADVICE = 14
"""Linux's MADV_HUGEPAGE."""


def empty_volume(shape: Sequence[int]) -> Tensor:
    """Return an uninitialised float32 array; a large one lies in huge pages where possible."""
    volume = torch.empty(tuple(shape), dtype=torch.float32)
    advise = _madvise()
    if advise is not None:
        start = -(-volume.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        length = volume.data_ptr() + 4 * volume.numel() - start
        if length >= HUGE_PAGE_BYTES:
            advise(start, length, _ADVICE)  # only an advice: a refusal is no error
    return volume


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    function.restype = ctypes.c_int
    return function

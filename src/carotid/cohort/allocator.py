"""Keeps freed memory in this process instead of returning it to the system after every layer.

glibc gives each large array its own mapping and unmaps it when the array is freed. A neural network
frees and asks for arrays of the same sizes over and over, and every time the kernel has to find and
wipe fresh pages: up to half of the time of a forward pass. Told to keep them, it reuses them.
(Once for each side, what lies in the gaps is given back all the same: `trim_heap`.)

This belongs to a process that does nothing else, so it is for the command line alone, and not for
programs that import the package. It has to be called before the first large arrays are made.
"""

from __future__ import annotations

import ctypes
import logging
import platform
from contextlib import suppress

_MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD: smaller arrays come from the heap, not from mappings of their own."""

_THRESHOLDS_BYTES = (2**30, 2**25)
"""What to set it to: more than any array of ours, or the most that older versions of glibc take."""

_TRIM_THRESHOLD = -1
"""glibc's M_TRIM_THRESHOLD: how much free memory at the end of the heap is kept."""

_ARENA_MAX = -8
"""glibc's M_ARENA_MAX: how many heaps the threads may have between them. With one, what a thread
has freed serves the others too, and is not kept once for each thread."""

_ALL_BYTES = 2**31 - 1
"""The most that a C int holds."""

_logger = logging.getLogger(__name__)


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed; elsewhere, do nothing.

    Returns:
        Whether the allocator took all settings.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    from_heap = any(mallopt(_MMAP_THRESHOLD, size) == 1 for size in _THRESHOLDS_BYTES)
    kept = bool(mallopt(_TRIM_THRESHOLD, _ALL_BYTES) == 1) and from_heap
    kept = bool(mallopt(_ARENA_MAX, 1) == 1) and kept
    _logger.debug("memory that is freed %s kept for reuse", "is" if kept else "is not")
    return kept


def trim_heap() -> None:
    """Give the pages in the heap's gaps back to the system.

    Arrays that last lie among others that come and go, so that gaps wander: each scan would touch
    some more pages than the one before. glibc can do this; elsewhere nothing happens.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(ctypes.c_size_t(0))

"""Memory for large arrays: in a region of its own, or in huge pages where Linux grants them.

A fresh array of 60 MB is 15,000 pages of 4 KiB, and each costs the kernel a fault and a wipe when
it is first touched; in pages of 2 MiB there are 30. glibc returns large arrays to the system when
they are freed, so a forward pass would pay that for each of its intermediate results. Most
distributions grant huge pages to those who ask (`madvise`); where they don't, nothing changes.
What lies in a region is fetched once, so that huge pages would save little there, and where a
virtual machine gives its free memory back to the host they are the dearer ones to fetch.

Where several threads take large and small arrays from one heap, gaps remain between them, and the
heap grows by and by to half as much again as is in use. A process that has called
`reserve_addresses` therefore takes its large arrays from regions of addresses of their own: one for
those that last, one for windows that threads hand over, one for slabs on their way to the disk, and
one for each thread, where each window finds its arrays at the same places as the one before. An
array takes the narrowest gap that is wide enough. The gap that it leaves closes with its
neighbours, and its pages are used again without being asked for again. Addresses cost nothing until
they are used.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
import threading
import weakref
from bisect import insort
from collections import deque
from contextlib import suppress
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Use = Literal["lasting", "passing", "writing", "own"]

_SHARED: tuple[Use, ...] = ("lasting", "passing", "writing")
"""Uses for which all threads share a region."""

HUGE_PAGE_BYTES = 2**21
"""Size of a huge page on x86-64, and usually on ARM."""

REGION_BYTES = 2**34
"""Addresses of a region; arrays that find no room come from the heap."""

SMALLEST_BYTES = 2**20
"""Smaller arrays come from the heap."""

_ADVICE = 14
"""Linux's MADV_HUGEPAGE."""

_NO_RESERVE = 0x4000
"""Linux's MAP_NORESERVE: addresses alone, whatever memory there is; Python names it from 3.13."""


class Region:
    """Addresses for large arrays, of which each lasts as long as somebody holds it.

    Args:
        size: Bytes, a multiple of the page size.

    Raises:
        OSError: Where the system does not reserve so much.
    """

    def __init__(self, size: int) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._memory = mmap.mmap(-1, size, flags=flags)
        self._gaps = [(0, size)]
        self._lock = threading.Lock()
        self._let_go: deque[tuple[int, int]] = deque()

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Start and end of what is free, in bytes, in order."""
        with self._lock:
            self._close_gaps()
            return list(self._gaps)

    def take(self, size: int) -> ctypes.Array[ctypes.c_char] | None:
        """So many bytes, uninitialised; None where no gap is wide enough.

        Addresses are given out in quarters of a power of two, so that arrays of nearly the same
        size can follow each other in one place.

        They are free again when the last one who holds them lets go, a view of an array included.
        """
        step = max(mmap.PAGESIZE, (1 << size.bit_length()) // 4)
        wide = -(-size // step) * step
        with self._lock:
            self._close_gaps()
            fitting = [(stop - start, start) for start, stop in self._gaps if stop - start >= wide]
            if not fitting:
                return None
            width, start = min(fitting)
            k = self._gaps.index((start, start + width))
            self._gaps[k : k + 1] = [(start + wide, start + width)] if width > wide else []
        piece = (ctypes.c_char * size).from_buffer(self._memory, start)
        # It may go at any moment, in the middle of this very function: it is only noted then.
        weakref.finalize(piece, self._let_go.append, (start, start + wide)).atexit = False
        return piece

    def _close_gaps(self) -> None:
        while self._let_go:
            insort(self._gaps, self._let_go.popleft())
        closed = self._gaps[:1]
        for start, stop in self._gaps[1:]:
            if closed[-1][1] == start:
                closed[-1] = (closed[-1][0], stop)
            else:
                closed.append((start, stop))
        self._gaps = closed


class _Regions(threading.local):
    """Where this thread takes arrays from: regions for each use, or nothing."""

    def __init__(self) -> None:
        self.own: _Lease | None = None

    def of(self, use: Use) -> Region | None:
        if not _shared:
            return None
        if use != "own":
            return _shared[use]
        if self.own is None:
            self.own = _Lease()
        return self.own.region


class _Lease:
    """A region that one thread has for itself until it ends; then it serves another one.

    None where the system does not reserve more.
    """

    idle: ClassVar[list[Region]] = []

    def __init__(self) -> None:
        self.region: Region | None = None
        try:
            self.region = self.idle.pop()
        except IndexError:
            with suppress(OSError, ValueError, OverflowError):
                self.region = Region(REGION_BYTES)

    def __del__(self) -> None:
        if self.region is not None:
            self.idle.append(self.region)


_shared: dict[Use, Region] = {}
_regions = _Regions()


def reserve_addresses() -> bool:
    """From here on, take large arrays from regions of their own; for programs that only compute.

    Where addresses are limited (`ulimit -v`), none are reserved: they would be missing elsewhere.

    Returns:
        Whether there are such regions.
    """
    if not _shared and sys.platform.startswith("linux") and _addresses_are_free():
        with suppress(OSError, ValueError, OverflowError):
            regions = [Region(REGION_BYTES) for _ in _SHARED]
            _shared.update(zip(_SHARED, regions, strict=True))
    return bool(_shared)


def trim_heap() -> None:
    """Give the pages in the heap's gaps back to the system, after `reserve_addresses`.

    Small arrays that last lie among others that come and go, so that gaps wander: each scan would
    touch some more pages than the one before. glibc can do this; elsewhere nothing happens.
    """
    trim = getattr(_libc(), "malloc_trim", None)
    if _shared and trim is not None:
        trim(ctypes.c_size_t(0))


def empty_array(shape: Sequence[int], dtype: np.dtype[Any], use: Use = "lasting") -> NDArray[Any]:
    """Return an uninitialised array; a large one lies in huge pages where possible.

    Args:
        shape: Its shape.
        dtype: Its type.
        use: lasting: held for longer than a window takes; passing: handed from one thread to
            another, with a window; writing: for slabs on their way to the disk; own: worked with
            by this thread alone.
    """
    size = prod(shape) * dtype.itemsize
    region = _regions.of(use) if size >= SMALLEST_BYTES else None
    piece = None if region is None else region.take(size)
    if piece is not None:
        return np.ndarray(tuple(shape), dtype, memoryview(piece))
    array = np.empty(tuple(shape), dtype)
    advise = _madvise()
    if advise is not None and not _shared:
        start = -(-array.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
        length = array.ctypes.data + array.nbytes - start
        if length >= HUGE_PAGE_BYTES:
            advise(start, length, _ADVICE)  # only an advice: a refusal is no error
    return array


def _addresses_are_free() -> bool:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


@functools.cache
def _libc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None)
    except OSError:
        return None


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    function = getattr(_libc(), "madvise", None)
    if function is not None:
        function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        function.restype = ctypes.c_int
    return function

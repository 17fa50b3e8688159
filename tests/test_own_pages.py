"""Arrays on pages of their own: what they hold, and that their memory goes with them."""

from __future__ import annotations

import subprocess
import sys
from mmap import PAGESIZE

import numpy as np
import pytest

from carotid.own_pages import zeros_apart

LARGE = (3, 1024, 1024)


@pytest.mark.parametrize("dtype", ["float32", "int16", ">i2", "uint8"])
@pytest.mark.parametrize("shape", [LARGE, (2, 3), (0, 4), ()])
def test_zeros_that_can_be_written(shape: tuple[int, ...], dtype: str) -> None:
    array = zeros_apart(shape, dtype)
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
    assert array.flags.c_contiguous
    assert not array.any()
    array[...] = 7
    assert (array == 7).all()


def test_views_keep_it() -> None:
    view = zeros_apart(LARGE, np.float32)[1:, 5]
    other = zeros_apart(LARGE, np.float32)
    other[:] = 1
    assert not view.any()


def test_large_ones_begin_on_a_page() -> None:
    assert zeros_apart(LARGE, np.float32).ctypes.data % PAGESIZE == 0


def test_more_than_there_is() -> None:
    with pytest.raises(MemoryError, match="no room for an array of"):
        zeros_apart((2**20, 2**20, 2**12), np.float32)


PROGRAM = """
import mmap
from pathlib import Path
import numpy as np
from carotid.cohort.allocator import keep_freed_memory
from carotid.own_pages import zeros_apart
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
keep_freed_memory()
before = resident()
lasting = zeros_apart((64, 512, 512), np.float32)
lasting[:] = 1
behind = np.ones((2, 512, 512), np.float32)
held = resident()
del lasting
print((held - before) >> 20, (held - resident()) >> 20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is looked at")
def test_its_memory_goes_with_it_where_freed_memory_is_kept() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    held, given_back = map(int, run.stdout.split())
    assert held >= 64
    assert given_back >= 62

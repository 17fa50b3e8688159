import ctypes
import platform
import subprocess
import sys

import pytest

from carotid.cohort import allocator

PAGES = 64 * 2**20 // 4096

PROGRAM = """
import ctypes, resource, sys
from carotid.cohort.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    array = libc.malloc(64 * 2**20)
    ctypes.memset(array, 1, 64 * 2**20)
    libc.free(array)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
touch()
print(touch())
"""


def faults(how: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of glibc is meant")
def test_an_array_made_again_costs_no_page_faults() -> None:
    assert faults("kept") < PAGES / 10


GAPS = """
import ctypes, mmap
from pathlib import Path
from carotid.cohort.allocator import keep_freed_memory, trim_heap
assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
array, last = libc.malloc(64 << 20), libc.malloc(1 << 20)
ctypes.memset(array, 1, 64 << 20)
libc.free(array)
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
before = resident()
trim_heap()
print((before - resident()) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of glibc is meant")
def test_gaps_of_the_heap_are_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", GAPS], capture_output=True, text=True, check=True)
    assert abs(int(run.stdout) - 64) < 2


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: object) -> None:
        raise AssertionError

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert allocator.keep_freed_memory() is False
    allocator.trim_heap()


def test_a_library_without_the_setting_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert allocator.keep_freed_memory() is False
    allocator.trim_heap()

"""Where large arrays lie: apart from each other, free as soon as nobody holds them."""

from __future__ import annotations

import gc
import itertools
import platform
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck
from tests.networks import weights

from carotid.config import HeatmapParameters
from carotid.geometry import memory
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import Grid
from carotid.geometry.memory import HUGE_PAGE_BYTES, Region, empty_array, reserve_addresses
from carotid.geometry.resample import AxisSampling
from carotid.network.members import Member
from carotid.network.volumes import empty_volume, volume_like
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.fold import SideResult
from carotid.stages.heatmap.sampling import sample_axis, sample_last_axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carotid.geometry.memory import Use

MIB = 1 << 20
FLOAT = np.dtype(np.float32)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="regions are reserved on Linux only")


@pytest.fixture
def advice(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    given: list[tuple[int, int, int]] = []

    def madvise(start: int, length: int, what: int) -> int:
        given.append((start, length, what))
        return -1

    monkeypatch.setattr(memory, "_madvise", lambda: madvise)
    return given


@pytest.fixture
def reserved(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Regions as the command has them, for one test."""
    monkeypatch.setattr(memory, "_shared", {})
    monkeypatch.setattr(memory, "_regions", memory._Regions())
    monkeypatch.setattr(memory._Lease, "idle", [])
    assert reserve_addresses()
    yield
    gc.collect()


def address(array: NDArray[Any] | torch.Tensor) -> int:
    return array.data_ptr() if isinstance(array, torch.Tensor) else array.ctypes.data


def test_a_large_array_is_advised_from_its_first_whole_page(
    advice: list[tuple[int, int, int]],
) -> None:
    volume = empty_volume((3, 1024, 1024))
    assert (volume.shape, volume.dtype) == ((3, 1024, 1024), torch.float32)
    [(start, length, what)] = advice
    assert what == 14
    assert start % 4096 == 0
    assert 0 <= start - volume.data_ptr() < 4096
    assert start + length == volume.data_ptr() + volume.nbytes


def test_a_small_array_is_not(advice: list[tuple[int, int, int]]) -> None:
    assert empty_volume((HUGE_PAGE_BYTES // 8,)).shape == (HUGE_PAGE_BYTES // 8,)
    assert advice == []


def test_systems_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(memory, "_shared", {})
    for cached in (memory._libc, memory._madvise):
        cached.cache_clear()
    assert memory._madvise() is None
    assert not reserve_addresses()
    memory.trim_heap()
    assert empty_volume((4, 1024, 1024)).is_contiguous()
    for cached in (memory._libc, memory._madvise):
        cached.cache_clear()


GAPS = """
import ctypes, mmap, sys
from pathlib import Path
from carotid.cohort.allocator import keep_freed_memory
from carotid.geometry.memory import reserve_addresses, trim_heap
assert keep_freed_memory()
if sys.argv[1] == "reserved":
    assert reserve_addresses()
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
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of glibc is meant")
@pytest.mark.parametrize(("process", "given_back"), [("reserved", 64), ("not", 0)])
def test_gaps_of_the_heap_are_given_back(process: str, given_back: int) -> None:
    command = [sys.executable, "-c", GAPS, process]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert abs(int(run.stdout) / MIB - given_back) < 2


def test_a_system_that_reserves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_size: int) -> Region:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(memory, "_shared", {})
    monkeypatch.setattr(memory, "Region", refuse)
    assert not reserve_addresses()
    assert empty_array((2 * MIB,), FLOAT).flags.writeable


@on_linux
@pytest.mark.usefixtures("reserved")
def test_no_region_for_a_thread_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_size: int) -> Region:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(memory, "Region", refuse)
    volume = empty_volume((2 * MIB,), "own")
    volume[-1] = 1
    assert memory._shared["lasting"].gaps == memory._shared["passing"].gaps


@on_linux
def test_a_gap_closes_when_the_last_view_has_gone() -> None:
    region = Region(64 * MIB)
    pieces: list[Any] = [region.take(size) for size in (3 * MIB, 4 * MIB, 8 * MIB)]
    assert region.gaps == [(15 * MIB, 64 * MIB)]
    array = np.ndarray((MIB,), FLOAT, memoryview(pieces[1]))
    part = torch.from_numpy(array)[5:9].view(2, 2)
    pieces[1] = None
    del array
    assert region.gaps == [(15 * MIB, 64 * MIB)]
    part += 1
    del part
    assert region.gaps == [(3 * MIB, 7 * MIB), (15 * MIB, 64 * MIB)]
    pieces[0] = None
    assert region.gaps == [(0, 7 * MIB), (15 * MIB, 64 * MIB)]
    assert region.take(5 * MIB) is not None, "the narrowest gap"
    pieces[2] = None
    assert region.gaps == [(0, 64 * MIB)]
    assert region.take(65 * MIB) is None


@on_linux
@pytest.mark.parametrize("seed", range(3))
def test_arrays_never_overlap_and_all_comes_back(seed: int) -> None:
    region = Region(256 * MIB)
    draw = random.Random(seed)
    held: list[NDArray[np.uint8]] = []
    for mark in range(300):
        piece = region.take(draw.randrange(1, 24 * MIB))
        if piece is not None:
            held.append(np.ndarray((len(piece),), np.uint8, memoryview(piece)))
            held[-1][:] = mark % 251
        while held and (piece is None or draw.random() < 0.45):
            array = held.pop(draw.randrange(len(held)))
            assert array[0] == array[len(array) // 2] == array[-1]
            del array
            if piece is None:
                break
    piece = None
    held.clear()
    assert region.gaps == [(0, 256 * MIB)]


@on_linux
def test_threads_take_and_free_at_once() -> None:
    region = Region(512 * MIB)

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(200):
            piece = region.take(draw.randrange(1, 8 * MIB))
            assert piece is not None
            piece[0] = bytes([seed])
            threading.Event().wait(0.0001)
            assert piece[0] == bytes([seed])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(1, 5)))
    assert region.gaps == [(0, 512 * MIB)]


@on_linux
@pytest.mark.usefixtures("reserved")
def test_each_thread_has_its_own_place_which_the_next_one_inherits() -> None:
    def place() -> int:
        return address(empty_volume((2 * MIB,), "own"))

    mine = place()
    assert place() == mine, "the same place once it is free"
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(place).result()
        assert pool.submit(place).result() == other
    assert abs(other - mine) > 512 * MIB
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(place).result() == other


@on_linux
@pytest.mark.usefixtures("reserved")
def test_what_is_large_comes_from_the_region_for_its_use() -> None:
    shared: tuple[Use, ...] = ("lasting", "passing", "writing")
    held = [empty_array((2 * MIB,), FLOAT, use) for use in (*shared, "own")]
    small = empty_array((1000,), FLOAT)
    assert [memory._shared[use].gaps[0][0] for use in shared] == [8 * MIB] * 3
    places = sorted(address(array) for array in (*held, small))
    assert min(b - a for a, b in itertools.pairwise(places)) >= 8 * MIB
    with torch.inference_mode():
        volume = empty_volume((2 * MIB,)).zero_()
    volume += 1
    assert float(volume[-1]) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_volume_like_another_has_its_axes_in_the_same_order(order: tuple[int, ...]) -> None:
    x = torch.zeros(2, 3, 4).permute(order)
    found = volume_like(x)
    assert (found.shape, found.stride()) == (x.shape, x.stride())
    assert found.data_ptr() != x.data_ptr()


@on_linux
@pytest.mark.usefixtures("reserved")
def test_the_stage_gives_the_same_numbers_from_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every array of the smallest size too, each full of NaN at first and once it is free."""
    members = [Member.from_state(weights(k)) for k in (1, 2)]
    parameters = HeatmapParameters(roi_size=(32, 16, 32), overlap=0.5)
    freed, take = [], Region.take

    def spoiling(self: Region, size: int) -> Any:
        for start, stop in self._let_go:
            np.frombuffer(self._memory, np.uint8)[start:stop] = 255
            freed.append(stop - start)
        piece = take(self, size)
        if piece is not None:
            np.ndarray((size,), np.uint8, memoryview(piece))[:] = 255
        return piece

    monkeypatch.setattr(memory, "SMALLEST_BYTES", 2**62)
    expected = compute_heatmaps(neck(), affine_of(), members, parameters)
    monkeypatch.setattr(memory, "SMALLEST_BYTES", 1)
    monkeypatch.setattr(Region, "take", spoiling)
    found = compute_heatmaps(neck(), affine_of(), members, parameters)
    assert len(freed) > 50
    for side in ("left", "right"):
        for name in ("mean", "std", "max_indices"):
            one, other = (getattr(getattr(whole, side), name) for whole in (expected, found))
            np.testing.assert_array_equal(one, other)


def free_to_write() -> int:
    """Bytes that are free in the region for slabs."""
    return sum(stop - start for start, stop in memory._shared["writing"].gaps)


@on_linux
@pytest.mark.usefixtures("reserved")
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_resampled_lies_with_the_slabs(axis: int) -> None:
    x = torch.zeros(100, 100, 100)
    sampling = AxisSampling.at(np.arange(140) * 0.7, 100)
    found = sample_last_axis(x, sampling) if axis == 2 else sample_axis(x, axis, sampling)
    assert memory.REGION_BYTES - free_to_write() >= found.nbytes
    del found
    assert free_to_write() == memory.REGION_BYTES


@on_linux
@pytest.mark.usefixtures("reserved")
@pytest.mark.parametrize("members", [1, 2])
def test_slabs_on_their_way_to_the_disk_have_a_region_of_their_own(
    monkeypatch: pytest.MonkeyPatch, members: int
) -> None:
    monkeypatch.setattr(memory, "SMALLEST_BYTES", 4096)
    array = neck()
    frame = NetworkFrame.of(Grid(array.shape, affine_of()), resample=True)
    side = frame.sides[0]
    result = SideResult(frame, side, members)
    for _ in range(members):
        result.add(torch.ones(2, *frame.side_shape(side)), "member")

    slabs = result.slabs()
    for slab in slabs:
        held = free_to_write()
        del slab.__dict__["mean"], slab.__dict__["std"]
        assert free_to_write() > held
    del slab, slabs
    gc.collect()
    assert free_to_write() == memory.REGION_BYTES

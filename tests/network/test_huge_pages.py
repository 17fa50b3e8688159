import sys

import pytest
import torch

from carotid.network import huge_pages
from carotid.network.huge_pages import HUGE_PAGE_BYTES, empty_volume


@pytest.fixture
def advice(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    given: list[tuple[int, int, int]] = []

    def madvise(start: int, length: int, what: int) -> int:
        given.append((start, length, what))
        return -1

    monkeypatch.setattr(huge_pages, "_madvise", lambda: madvise)
    return given


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
    huge_pages._madvise.cache_clear()
    assert huge_pages._madvise() is None
    assert empty_volume((4, 1024, 1024)).is_contiguous()
    huge_pages._madvise.cache_clear()

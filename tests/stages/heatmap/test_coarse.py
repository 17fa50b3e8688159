"""Heatmaps come back from the store as they went in, from memory or from the scratch file."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from carotid.errors import ResourceError
from carotid.stages.heatmap import coarse
from carotid.stages.heatmap.coarse import CoarseHeatmaps
from carotid.stages.heatmap.scratch import Spilled

MEMBERS = [
    torch.from_numpy(np.random.default_rng(k).normal(size=(2, 7, 5, 6)).astype(np.float32))
    for k in range(5)
]
MEMBER_BYTES = 2 * 7 * 5 * 6 * 4


def open_files() -> dict[Path, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry] = str(entry.readlink())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("in_memory", [0, 2, 5])
def test_spilled_equals_kept(
    axis: int, in_memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "_MEAN_BYTES", 800)
    scratch = tmp_path / "scratch"
    with CoarseHeatmaps(axis, scratch, in_memory * MEMBER_BYTES) as store:
        for k, member in enumerate(MEMBERS):
            store.add(member, last=k == 4)
        assert len(store) == 5
        sizes = [entry.stat().st_size for entry, name in open_files().items() if "scratch" in name]
        assert sum(sizes) == (5 - in_memory) * MEMBER_BYTES
        for k, member in enumerate(MEMBERS):
            for start, stop in ((0, 2), (3, 5), (0, member.shape[axis + 1])):
                expected = member.movedim(axis + 1, 0)[start:stop]
                assert torch.equal(store.slab(k, start, stop), expected)
        mean, ridges = torch.stack(MEMBERS).mean(0), store.ridges_of_mean()
        torch.testing.assert_close(ridges.over_l, mean.amax(3))
        torch.testing.assert_close(ridges.over_p, mean.amax(2))
    assert not scratch.exists()
    assert not any("scratch" in name for name in open_files().values())


def test_scratch_file_is_gone_from_the_folder_at_once(tmp_path: Path) -> None:
    store = CoarseHeatmaps(0, tmp_path / "scratch", 0)
    store.add(MEMBERS[0])
    assert list(tmp_path.iterdir()) == []
    store.close()


def test_a_store_that_is_forgotten_gives_its_disk_space_back(tmp_path: Path) -> None:
    store = CoarseHeatmaps(0, tmp_path / "scratch", 0)
    store.add(MEMBERS[0])
    assert any("scratch" in name for name in open_files().values())
    del store
    gc.collect()
    assert not any("scratch" in name for name in open_files().values())


def test_the_last_member_stays_in_memory(tmp_path: Path) -> None:
    store = CoarseHeatmaps(0, tmp_path / "scratch", 2 * MEMBER_BYTES)
    store.add(MEMBERS[0])
    store.add(MEMBERS[1])
    assert any("scratch" in name for name in open_files().values()), "room is left for the last"
    store.add(MEMBERS[2], last=True)
    (path,) = (entry for entry, name in open_files().items() if "scratch" in name)
    assert path.stat().st_size == MEMBER_BYTES, "the second one"
    store.close()


def test_without_a_scratch_file_all_is_kept() -> None:
    store = CoarseHeatmaps(1, None, 0)
    for member in MEMBERS:
        store.add(member)
    assert torch.equal(store.slab(4, 0, 5), MEMBERS[4].movedim(2, 0))


def test_scratch_file_that_cannot_be_made(tmp_path: Path) -> None:
    store = CoarseHeatmaps(0, tmp_path / "absent" / "scratch", 0)
    with pytest.raises(ResourceError, match="scratch file: No such file"):
        store.add(MEMBERS[0])


def test_scratch_file_cut_by_somebody(tmp_path: Path) -> None:
    store = CoarseHeatmaps(0, tmp_path / "scratch", 0)
    store.add(MEMBERS[0])
    (path,) = (entry for entry, name in open_files().items() if "scratch" in name)
    os.truncate(path, 10)
    with pytest.raises(ResourceError, match="shorter"):
        store.slab(0, 0, 7)
    store.close()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_keeps_what_it_has_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "spare_bytes", lambda _: 4 * MEMBER_BYTES)
    with CoarseHeatmaps(0, tmp_path / "scratch", 0) as store:
        for k, member in enumerate(MEMBERS):
            store.add(member.cuda(), last=k == 4)
        kept = [isinstance(one, torch.Tensor) for one in store._kept]
        assert kept == [True, False, False, False, True]
        for k, member in enumerate(MEMBERS):
            found = store.slab(k, 1, 4)
            assert found.is_cuda
            assert torch.equal(found.cpu(), member.movedim(1, 0)[1:4])


class OnAGpu:
    """A tensor that says it is on a GPU."""

    is_cuda = True
    is_cpu = False
    device = torch.device("cuda", 0)

    def __init__(self, values: torch.Tensor) -> None:
        self._values = values
        self.shape = values.shape

    def permute(self, order: tuple[int, ...]) -> OnAGpu:
        return OnAGpu(self._values.permute(order))

    def contiguous(self) -> OnAGpu:
        return OnAGpu(self._values.contiguous())

    def cpu(self) -> torch.Tensor:
        return self._values

    def numel(self) -> int:
        return self._values.numel()

    def element_size(self) -> int:
        return self._values.element_size()


@pytest.mark.parametrize("spare", [4, 8, 1000])
@pytest.mark.parametrize("leaving_after", [2, 4, 5])
def test_main_memory_has_its_own_limit_when_a_gpu_is_left(
    spare: int, leaving_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "spare_bytes", lambda _: spare * MEMBER_BYTES)
    with CoarseHeatmaps(0, tmp_path / "scratch", 2 * MEMBER_BYTES) as store:
        for k, member in enumerate(MEMBERS):
            if k == leaving_after:
                store.leave_device()
            store.add(cast("torch.Tensor", OnAGpu(member)), last=k == 4)
        store.leave_device()
        assert store.device.type == "cpu"
        kept = [one for one in store._kept if not isinstance(one, Spilled)]
        assert len(kept) <= 2
        for k, member in enumerate(MEMBERS):
            assert torch.equal(store.slab(k, 1, 4), member.movedim(1, 0)[1:4])


def test_a_gpu_keeps_no_more_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "GPU_BUDGET_BYTES", 3 * MEMBER_BYTES)
    monkeypatch.setattr(coarse, "spare_bytes", lambda _: 1000 * MEMBER_BYTES)
    with CoarseHeatmaps(0, tmp_path / "scratch") as store:
        for k, member in enumerate(MEMBERS):
            store.add(cast("torch.Tensor", OnAGpu(member)), last=k == 4)
        assert [isinstance(one, OnAGpu) for one in store._kept] == [True, True, False, False, True]

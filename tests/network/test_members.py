"""Members that are built in threads are those that are built one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.networks import weights

from carotid.errors import ModelError
from carotid.network import members
from carotid.network.device import CPU
from carotid.network.members import Member, begin_members, load_members
from carotid.network.unet import HEATMAP
from carotid.network.weights import read_models

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.network.weights import Weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(3):
        torch.save(weights(k), tmp_path / f"{k}.pt")
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_built_in_threads(folder: Path, workers: int) -> None:
    window = torch.rand(1, 1, 32, 16, 32)
    expected = load_members(folder)
    found = begin_members(read_models(folder, HEATMAP), workers)
    for one, other in zip(found, expected, strict=True):
        assert (one.name, one.sha256) == (other.name, other.sha256)
        assert one.device == torch.device("cpu")
        assert one.weights is None, "the CPU has no other CPU to go to"
        torch.testing.assert_close(one.network(window), other.network(window))


def test_a_network_that_cannot_be_built_fails_where_it_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("carotid.network.members.fast_or_plain", no_memory)
    begun = begin_members(read_models(folder, HEATMAP), 2)
    assert len(begun) == 3
    for _ in range(2):
        with pytest.raises(MemoryError):
            begun[1].network(torch.rand(1, 1, 32, 16, 32))


def test_networks_that_a_device_has_no_room_for_compute_on_the_cpu(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    models = read_models(folder, HEATMAP)
    plainly = members.build_member
    built: list[str] = []

    def short(one: Weights, device: torch.device = CPU, *, plain: bool) -> members.Member:
        built.append(one.name)
        if device != CPU and len(built) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plainly(one, plain=plain)

    monkeypatch.setattr(members, "build_member", short)
    found = members.build_members(models, torch.device("cuda"))
    assert [one.name for one in found] == ["0.pt", "1.pt", "2.pt"]
    assert all(one.device.type == "cpu" for one in found)
    assert "no room for the networks on the device (cuda)" in caplog.text


def test_lack_of_memory_is_no_reason_for_the_plain_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("carotid.network.fast.door.FastUNet", no_room)
    with pytest.raises(torch.OutOfMemoryError):
        members.Member.from_state(weights(0))


@pytest.mark.parametrize("state", [None, [], torch.nn.Identity(), {"a": 1}, {1: torch.ones(1)}])
def test_what_is_no_state(state: Any) -> None:
    with pytest.raises(ModelError, match=r"no weights.*state_dict"):
        Member.from_state(state)

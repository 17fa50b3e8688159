"""The forward pass for a GPU: its arithmetic on any device, its habits on a GPU."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.networks import (
    assert_near_exact,
    awkward,
    freshly_made,
    random_window,
    smooth_window,
)

from carotid.network.exact import Exactly
from carotid.network.fast import door, fast_or_plain
from carotid.network.fast.cuda_unet import CudaUNet
from carotid.network.unet import UNet

if TYPE_CHECKING:
    from torch import Tensor

CUDA = torch.device("cuda")
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("sides", [(32, 48, 16), (32, 32, 32), (48, 32, 80)])
def test_it_computes_what_the_plain_module_computes(sides: tuple[int, int, int]) -> None:
    for plain in (awkward(3), freshly_made(3)):
        for window in (random_window(*sides), 1000 * random_window(*sides)):
            with torch.no_grad():
                found = CudaUNet(plain)(window)
            assert found.shape == (1, 2, *sides)
            assert_near_exact(found, plain, window)


def test_the_window_and_the_network_stay_as_they_are() -> None:
    plain = awkward(1)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    whole = random_window(48, 48, 48)
    kept = whole.clone()
    CudaUNet(plain)(whole[:, :, 16:, :32, 8:40])  # a view, as windows are
    assert torch.equal(whole, kept)
    assert all(torch.equal(value, before[name]) for name, value in plain.state_dict().items())


def test_batches_go_to_the_plain_module() -> None:
    plain = freshly_made(2)
    windows = torch.cat((random_window(32, 32, 32, seed=1), random_window(32, 32, 32, seed=2)))
    with torch.no_grad():
        assert torch.equal(CudaUNet(plain)(windows), plain(windows))


@on_a_gpu
def test_a_gpu_agrees_with_the_cpu_and_with_itself() -> None:
    for net in (awkward(0), freshly_made(0)):
        window = smooth_window(96, 64, 80)
        network = fast_or_plain(net, CUDA)
        assert isinstance(network, Exactly)
        assert isinstance(network.network, CudaUNet)
        first = network(window.to(CUDA))
        assert_near_exact(first.cpu(), net, window)
        assert torch.equal(first, network(window.to(CUDA)))


@on_a_gpu
def test_tensorfloat_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Rough(CudaUNet):
        def __call__(self, window: Tensor) -> Tensor:
            cudnn: Any = torch.backends.cudnn
            if hasattr(cudnn, "conv"):
                cudnn.conv.fp32_precision = "tf32"
            else:
                cudnn.allow_tf32 = True
            return super().__call__(window)

    monkeypatch.setattr(door, "CudaUNet", Rough)
    network = fast_or_plain(freshly_made(0), CUDA)
    assert "differs" in caplog.text
    assert isinstance(network, Exactly)
    assert isinstance(network.network, UNet)


@on_a_gpu
def test_the_plain_module_is_the_way_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(CudaUNet):
        def __call__(self, window: Tensor) -> Tensor:
            return super().__call__(window) + 1e-2

    monkeypatch.setattr(door, "CudaUNet", Wrong)
    with caplog.at_level(logging.WARNING):
        network = fast_or_plain(freshly_made(0), CUDA)
    assert "differs" in caplog.text
    window = smooth_window(64, 32, 48)
    found = network(window.to(CUDA)).cpu()
    assert_near_exact(found, freshly_made(0), window)

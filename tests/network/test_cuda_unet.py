"""The forward pass for a GPU: its arithmetic on any device, its habits on a GPU."""

from __future__ import annotations

import logging

import pytest
import torch
from tests.networks import awkward, error, exact, freshly_made, random_window, smooth_window

from carotid.network import fast_unet
from carotid.network.cuda_unet import CudaUNet, Exactly, exact_convolutions
from carotid.network.fast_unet import CUDA_TOLERANCE, fast_or_plain

CUDA = torch.device("cuda")
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("sides", [(32, 48, 16), (32, 32, 32), (48, 32, 80)])
def test_it_computes_what_the_plain_module_computes(sides: tuple[int, int, int]) -> None:
    for plain in (awkward(3), freshly_made(3)):
        for window in (random_window(*sides), 1000 * random_window(*sides)):
            with torch.no_grad():
                found = CudaUNet(plain)(window)
            assert found.shape == (1, 2, *sides)
            assert error(found, exact(plain, window)) < 3e-6


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


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="architecture"):
        CudaUNet(torch.nn.Identity())  # type: ignore[arg-type]


def test_tensorfloat_is_off_for_the_time_of_a_call_only() -> None:
    seen = []

    def network(window: torch.Tensor) -> torch.Tensor:
        cudnn = torch.backends.cudnn
        seen.append((cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic))
        return window

    before = torch.backends.cudnn.allow_tf32
    Exactly(network)(torch.zeros(1))
    assert seen == [(False, False, True)]
    assert torch.backends.cudnn.allow_tf32 == before


@on_a_gpu
def test_a_gpu_agrees_with_the_cpu_and_with_itself() -> None:
    for net in (awkward(0), freshly_made(0)):
        window = smooth_window(96, 64, 80)
        network = fast_or_plain(net, CUDA)
        assert isinstance(network, Exactly)
        assert isinstance(network.network, CudaUNet)
        first = network(window.to(CUDA))
        assert error(first.cpu(), exact(net, window)) < 5e-6
        assert torch.equal(first, network(window.to(CUDA)))


@on_a_gpu
def test_tensorfloat_would_be_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """With it the difference is a hundred times the tolerance, so that the guard sees it."""
    net = freshly_made(0)
    window = smooth_window(96, 64, 80).to(CUDA)
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=True):
        rough = CudaUNet(net.to(CUDA))(window)
    with torch.no_grad(), exact_convolutions():
        assert error(rough, net(window)) > CUDA_TOLERANCE
    assert not caplog.records


@on_a_gpu
def test_the_plain_module_is_the_way_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(CudaUNet):
        def __call__(self, window: torch.Tensor) -> torch.Tensor:
            return super().__call__(window) + 1e-2

    monkeypatch.setattr(fast_unet, "CudaUNet", Wrong)
    with caplog.at_level(logging.WARNING):
        network = fast_or_plain(freshly_made(0), CUDA)
    assert "differs" in caplog.text
    window = smooth_window(64, 32, 48)
    found = network(window.to(CUDA)).cpu()
    assert error(found, exact(freshly_made(0), window)) < 5e-6

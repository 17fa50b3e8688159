"""The forward pass for a GPU: its arithmetic on any device, its habits on a GPU."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
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

from carotid.network.fast import door, fast_or_plain
from carotid.network.fast.cuda_unet import CudaUNet, Exactly, exact_convolutions
from carotid.network.members import Member
from carotid.network.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def switches() -> tuple[object, bool, bool]:
    """Precision of convolutions, in the words of this PyTorch, benchmark and deterministic."""
    cudnn: Any = torch.backends.cudnn
    precision = cudnn.conv.fp32_precision if hasattr(cudnn, "conv") else cudnn.allow_tf32
    return precision, cudnn.benchmark, cudnn.deterministic


EXACT = ("ieee" if hasattr(torch.backends.cudnn, "conv") else False, False, True)


@pytest.fixture
def process_switches() -> Iterator[None]:
    """What a test chooses for its process is undone."""
    before = switches()
    yield
    cudnn: Any = torch.backends.cudnn
    precision, cudnn.benchmark, cudnn.deterministic = before
    if hasattr(cudnn, "conv"):
        torch.backends.fp32_precision = "none"  # type: ignore[attr-defined]
        cudnn.fp32_precision = "none"
        cudnn.conv.fp32_precision = precision


CHOICES = ["", "cudnn.allow_tf32 = True", "cudnn.allow_tf32 = False", "cudnn.benchmark = True"]
if hasattr(torch.backends.cudnn, "conv"):
    CHOICES += [
        f"{place}fp32_precision = '{value}'"
        for place in ("", "cudnn.", "cudnn.conv.")
        for value in ("ieee", "tf32")
    ]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.usefixtures("process_switches")
def test_tensorfloat_is_off_for_the_time_of_a_call_only(choice: str) -> None:
    exec(choice, vars(torch.backends))
    before = switches()
    seen = []

    def network(window: Tensor) -> Tensor:
        with exact_convolutions():  # as when weights are loaded
            seen.append(switches())
        seen.append(switches())
        return window

    Exactly(network)(torch.zeros(1))
    assert seen == [EXACT, EXACT]
    assert switches() == before


def test_threads_do_not_undo_each_others_switches() -> None:
    before = switches()
    seen = []

    def network(window: Tensor) -> Tensor:
        time.sleep(0.01 * float(window))
        seen.append(switches())
        return window

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Exactly(network), torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0, 2.0])))
    assert seen == [EXACT] * 6
    assert switches() == before


def test_the_plain_module_is_exact_as_well() -> None:
    state = freshly_made(0).state_dict()
    assert isinstance(Member.from_state(state, plain=True).network, UNet)
    if torch.cuda.is_available():
        assert isinstance(Member.from_state(state, plain=True, device=CUDA).network, Exactly)


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
@pytest.mark.usefixtures("process_switches")
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

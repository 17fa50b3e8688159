"""The fast forward pass is handed out where it agrees with the plain module, and only there."""

import logging
import math
from pathlib import Path

import pytest
import torch
from tests.networks import (
    assert_near_exact,
    awkward,
    error,
    exact,
    freshly_made,
    random_window,
    smooth_window,
)
from torch import Tensor, nn

from carotid.network import subpixel
from carotid.network.exact import Exactly
from carotid.network.fast import cpu_levels, door, fast_or_plain
from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.fast.door import CPU_TOLERANCE
from carotid.network.fast.slabs import Convolver
from carotid.network.unet import UNet

CPU = torch.device("cpu")
GOLDEN = Path(__file__).parents[4] / "shared/golden/heatmap/models"


def test_the_fast_pass_is_chosen(caplog: pytest.LogCaptureFixture) -> None:
    for plain in (awkward(1), freshly_made(1).train()):
        state = torch.random.get_rng_state()
        assert isinstance(fast_or_plain(plain, CPU).network, FastUNet)
        assert torch.equal(torch.random.get_rng_state(), state)
    assert caplog.records == []


def assert_plain(chosen: Exactly, caplog: pytest.LogCaptureFixture, word: str) -> None:
    plain = chosen.network
    assert isinstance(plain, nn.Module)
    assert not plain.training
    assert not any(p.requires_grad for p in plain.parameters())
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert word in record.getMessage()


def test_weights_that_are_not_finite_fall_back(caplog: pytest.LogCaptureFixture) -> None:
    plain = freshly_made(0)
    with torch.no_grad():
        next(plain.parameters()).fill_(math.inf)
    assert_plain(fast_or_plain(plain, CPU), caplog, "finite")


def test_a_wrong_kernel_is_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = subpixel.convolution_as_shifted_blocks

    def wrong(weight: Tensor) -> Tensor:
        changed = right(weight)
        changed[0, 0, 1, 1, 1] += 1e-3
        return changed

    monkeypatch.setattr(subpixel, "convolution_as_shifted_blocks", wrong)
    assert_plain(fast_or_plain(freshly_made(0), CPU), caplog, "differs")


def test_numbers_that_are_none_are_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = FastUNet.__call__

    def spoilt(self: FastUNet, window: Tensor) -> Tensor:
        heat = right(self, window)
        if heat.shape[2] > 16:
            heat[0, 0, 0, 0, 0] = math.nan
        return heat

    monkeypatch.setattr(FastUNet, "__call__", spoilt)
    assert_plain(fast_or_plain(freshly_made(0), CPU), caplog, "differs")


def test_an_operator_that_fails_falls_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(cpu_levels, "empty_volume", fail)
    assert_plain(fast_or_plain(freshly_made(0), CPU), caplog, "no such kernel")


def test_roundings_of_the_plain_module_do_not_count(caplog: pytest.LogCaptureFixture) -> None:
    """A channel that is constant up to its large bias: instance norm blows up its rounding."""
    plain = freshly_made(4)
    with torch.no_grad():
        first = plain.get_submodule("model.0.conv.unit0.conv")
        first.get_parameter("weight").mul_(1e-6)
        first.get_parameter("bias").fill_(3.0)
    window = random_window(32, 48, 32)
    truth = exact(plain, window)
    assert error(FastUNet(plain)(window), truth) < CPU_TOLERANCE
    with torch.no_grad():
        assert error(plain(window), truth) > CPU_TOLERANCE
    assert isinstance(fast_or_plain(plain, CPU).network, FastUNet)
    assert caplog.records == []


def test_heatmaps_of_zero_are_no_disagreement() -> None:
    plain = freshly_made(4)
    with torch.no_grad():
        for name, p in plain.named_parameters():
            if "model.2.1" in name or "model.2.0.conv" in name:
                p.zero_()
    assert isinstance(fast_or_plain(plain, CPU).network, FastUNet)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden weights are not here")
def test_golden_weights() -> None:
    for path in sorted(GOLDEN.glob("*.pt")):
        plain = UNet().eval()
        plain.load_state_dict({k: v.float() for k, v in torch.load(path).items()})
        chosen = fast_or_plain(plain, CPU)
        assert isinstance(chosen.network, FastUNet)
        window = smooth_window(96, 64, 80)
        assert_near_exact(chosen(window), plain, window)


def test_the_comparison_sees_several_slabs() -> None:
    largest = max(shape for shape, _ in door._PROBES)
    convolve = Convolver.available().in_slabs_of(door._PROBE_SLAB_VOXELS)
    for halved in (2, 4):
        coarse = torch.empty((*(n // halved for n in largest), 0))
        assert len(convolve.slabs(coarse)) > 1
    for halved in (4, 8):
        coarse = torch.empty((*(n // halved for n in largest), 0))
        assert len(convolve.doubling_slabs(coarse)) > 1

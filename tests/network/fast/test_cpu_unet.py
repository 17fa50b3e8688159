"""The fast forward pass against the plain module, which in double precision is the truth."""

import copy
import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.networks import awkward, error, exact, freshly_made, random_window, smooth_window
from torch import Tensor, nn

from carotid.network import head, window_faces
from carotid.network.fast import cpu_levels as fast_levels
from carotid.network.fast import cpu_unet as fast_unet
from carotid.network.fast import slabs as slabwise
from carotid.network.fast import subpixel
from carotid.network.fast.cpu_unet import CPU_TOLERANCE, FastUNet, fast_or_plain
from carotid.network.unet import UNet

CPU = torch.device("cpu")
GOLDEN = Path(__file__).parents[4] / "shared/golden/heatmap/models"


@pytest.fixture(scope="module")
def net() -> UNet:
    return awkward(0)


@pytest.fixture(scope="module")
def fast(net: UNet) -> FastUNet:
    return FastUNet.from_plain(net)


@pytest.mark.parametrize(
    "sides", [(32, 48, 16), (32, 32, 32), (64, 32, 64), (48, 32, 48), (96, 64, 96)]
)
def test_windows_of_every_shape(sides: tuple[int, int, int]) -> None:
    for plain in (awkward(3), freshly_made(3)):
        window = random_window(*sides)
        found = FastUNet.from_plain(plain)(window)
        assert found.shape == (1, 2, *sides)
        assert found.dtype == torch.float32
        assert found.stride(-1) == 1
        assert error(found, exact(plain, window)) < 3e-6


@pytest.mark.parametrize("sides", [(16, 16, 48), (16, 32, 16), (32, 16, 16)])
def test_a_few_voxels_at_the_bottom(sides: tuple[int, int, int]) -> None:
    """Over two or three voxels a norm divides by a small difference, and roundings with it."""
    for plain in (awkward(3), freshly_made(3)):
        window = random_window(*sides)
        assert error(FastUNet.from_plain(plain)(window), exact(plain, window)) < 1e-4


WINDOWS = {
    "raw intensities": 3e4 * random_window(64, 32, 48),
    "raw and smooth": 2e4 + 1e4 * smooth_window(64, 32, 48),
    "little contrast on a high level": 2e4 + random_window(64, 32, 48),
    "zeros": torch.zeros(1, 1, 64, 32, 48),
    "ones": torch.ones(1, 1, 64, 32, 48),
    "constant": torch.full((1, 1, 64, 32, 48), 3e4),
    "a few points": (random_window(64, 32, 48) > 0.999).float(),
    "faint": 1e-4 * random_window(64, 32, 48),
    "negative": -100 * random_window(64, 32, 48),
}


@pytest.mark.parametrize("kind", WINDOWS)
def test_windows_of_every_kind(net: UNet, fast: FastUNet, kind: str) -> None:
    assert error(fast(WINDOWS[kind]), exact(net, WINDOWS[kind])) < 3e-6


@pytest.mark.parametrize("slab_voxels", [1, 700, 5000, 2**62])
@pytest.mark.parametrize("capability", ["DEFAULT", "AVX2", "AVX512"])
def test_any_slabs_on_any_processor(
    monkeypatch: pytest.MonkeyPatch, net: UNet, slab_voxels: int, capability: str
) -> None:
    monkeypatch.setattr(slabwise, "SLAB_VOXELS", slab_voxels)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    found = FastUNet.from_plain(net)
    assert found._halvings[0].second.pairs == (capability == "AVX512")
    window = random_window(48, 32, 64)
    assert error(found(window), exact(net, window)) < 3e-6


def test_the_public_convolution_gives_the_same(monkeypatch: pytest.MonkeyPatch, net: UNet) -> None:
    def missing(*_arguments: object) -> Tensor:
        raise RuntimeError("not compiled in")

    monkeypatch.setattr(torch.ops.aten, "mkldnn_convolution", missing, raising=False)
    window = random_window(48, 32, 64)
    assert error(FastUNet.from_plain(net)(window), exact(net, window)) < 3e-6


def test_the_same_bytes_at_every_call_and_memory_of_their_own(fast: FastUNet) -> None:
    window, other = random_window(64, 32, 48), random_window(64, 32, 48, seed=9)
    before = window.clone()
    first = fast(window)
    kept = first.clone()
    second = fast(other)
    third = fast(window)
    assert torch.equal(first, kept)
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
    assert len({x.untyped_storage().data_ptr() for x in (first, second, third)}) == 3
    assert torch.equal(window, before)


def test_networks_in_turn(net: UNet, fast: FastUNet) -> None:
    other = freshly_made(8)
    window = random_window(32, 32, 48)
    alone = fast(window)
    both = FastUNet.from_plain(other)
    assert error(both(window), exact(other, window)) < 3e-6
    assert torch.equal(fast(window), alone)


def test_features_are_what_the_last_unit_reads(net: UNet, fast: FastUNet) -> None:
    window = random_window(48, 32, 64)
    part = fast.part(window)
    assert part.head is fast.head
    assert part.voxels.is_contiguous()
    double = copy.deepcopy(net).double()
    read: list[Tensor] = []
    last = double.get_submodule("model.2.1")
    last.register_forward_pre_hook(lambda _, arguments: read.extend(arguments))
    with torch.no_grad():
        double(window.double())
    assert part.scale is not None
    features = part.voxels * torch.tensor(part.scale).view(1, -1, 1, 1, 1)
    assert error(features, read[0]) < 3e-6
    again = fast.part(window)
    assert torch.equal(again.voxels, part.voxels)
    assert again.voxels.data_ptr() != part.voxels.data_ptr()


def test_a_window_cut_from_a_volume(net: UNet, fast: FastUNet) -> None:
    whole = random_window(80, 64, 96)
    cut = whole[:, :, 5:37, 7:55, 11:75]
    assert torch.equal(fast(cut), fast(cut.contiguous()))
    turned = whole.transpose(2, 4)[:, :, :32, :48, :64]
    assert torch.equal(fast(turned), fast(turned.contiguous()))


def test_no_gradients_and_inference_mode(net: UNet, fast: FastUNet) -> None:
    window = random_window(32, 32, 32)
    outside = fast(window.clone().requires_grad_())
    assert not outside.requires_grad
    outside.mul_(1)  # an ordinary tensor, which may be changed in place
    with torch.inference_mode():
        inside = fast(window)
        made_inside = FastUNet.from_plain(net)
    assert torch.equal(inside, outside)
    assert torch.equal(made_inside(window), outside)


def test_the_plain_network_is_left_as_it_was() -> None:
    plain = freshly_made(2).train()
    before = copy.deepcopy(plain.state_dict())
    made = FastUNet.from_plain(plain)
    window = random_window(32, 32, 32)
    first = made(window)
    assert plain.training
    assert all(p.requires_grad for p in plain.parameters())
    assert all(torch.equal(before[k], v) for k, v in plain.state_dict().items())
    with torch.no_grad():
        for p in plain.parameters():
            p.zero_()
    assert torch.equal(made(window), first)


def test_a_batch_goes_to_the_plain_module(net: UNet, fast: FastUNet) -> None:
    batch = torch.cat((random_window(32, 32, 32), random_window(32, 32, 32, seed=2)))
    with torch.no_grad():
        assert torch.equal(fast(batch), net(batch))
        assert torch.equal(fast.part(batch).voxels, net(batch))
        assert fast.part(batch).head is None


def test_what_the_plain_module_refuses_is_refused(net: UNet, fast: FastUNet) -> None:
    for window in (
        random_window(16, 16, 16),  # a single voxel at the bottom has no variance
        random_window(32, 32, 24),
        random_window(32, 32, 32)[0, 0],
        random_window(32, 32, 32).double(),
        random_window(32, 32, 32).repeat(1, 2, 1, 1, 1),
    ):
        with pytest.raises((RuntimeError, ValueError)) as plain_error:
            net(window)
        with pytest.raises(type(plain_error.value)) as fast_error:
            fast(window)
        assert str(fast_error.value) == str(plain_error.value)
        with pytest.raises(type(plain_error.value)):
            fast.part(window)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_voxel_that_is_no_number_spoils_the_window(fast: FastUNet, bad: float) -> None:
    window = random_window(32, 32, 32)
    window[0, 0, 3, 4, 5] = bad
    assert bool(fast(window).isnan().all())


def test_weights_that_cannot_be_scaled_are_refused() -> None:
    for bad in (math.nan, math.inf, 1e37):
        plain = freshly_made(0)
        with torch.no_grad():
            next(plain.parameters())[0, 0, 0, 0, 0] = bad
        with pytest.raises(ValueError, match="weight"):
            FastUNet.from_plain(plain)


def test_another_architecture_is_refused() -> None:
    class Other(UNet):
        pass

    with pytest.raises(ValueError, match="architecture"):
        FastUNet.from_plain(Other())


def test_the_fast_pass_is_chosen(caplog: pytest.LogCaptureFixture) -> None:
    for plain in (awkward(1), freshly_made(1).train()):
        state = torch.random.get_rng_state()
        assert isinstance(fast_or_plain(plain, CPU), FastUNet)
        assert torch.equal(torch.random.get_rng_state(), state)
    assert caplog.records == []


def assert_plain(chosen: object, caplog: pytest.LogCaptureFixture, word: str) -> None:
    assert isinstance(chosen, nn.Module)
    assert not chosen.training
    assert not any(p.requires_grad for p in chosen.parameters())
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


def test_wrong_features_are_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = fast_levels.Finest.features

    def wrong(*arguments: Any) -> head.Part:
        features = right(*arguments)
        features.voxels[0, 1, 2, 3, 4] += 1
        return features

    monkeypatch.setattr(fast_levels.Finest, "features", wrong)
    assert_plain(fast_or_plain(freshly_made(0), CPU), caplog, "differs")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_face_that_is_forgotten_is_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, axis: int
) -> None:
    def some(*arguments: Any) -> list[window_faces.Face]:
        return [face for face in window_faces.faces(*arguments) if face.axis != axis]

    monkeypatch.setattr(head, "faces", some)
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

    monkeypatch.setattr(fast_levels, "empty_volume", fail)
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
    assert error(FastUNet.from_plain(plain)(window), truth) < CPU_TOLERANCE
    with torch.no_grad():
        assert error(plain(window), truth) > CPU_TOLERANCE
    assert isinstance(fast_or_plain(plain, CPU), FastUNet)
    assert caplog.records == []


def test_heatmaps_of_zero_are_no_disagreement() -> None:
    plain = freshly_made(4)
    with torch.no_grad():
        for name, p in plain.named_parameters():
            if "model.2.1" in name or "model.2.0.conv" in name:
                p.zero_()
    assert isinstance(fast_or_plain(plain, CPU), FastUNet)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden weights are not here")
def test_golden_weights() -> None:
    for path in sorted(GOLDEN.glob("*.pt")):
        plain = UNet().eval()
        plain.load_state_dict({k: v.float() for k, v in torch.load(path).items()})
        chosen = fast_or_plain(plain, CPU)
        assert isinstance(chosen, FastUNet)
        window = smooth_window(96, 64, 80)
        assert error(chosen(window), exact(plain, window)) < 3e-6


def test_the_comparison_sees_several_slabs() -> None:
    largest = max(shape for shape, _ in fast_unet._PROBES)
    convolve = slabwise.Convolver.available().in_slabs_of(fast_unet._PROBE_SLAB_VOXELS)
    for halved in (2, 4):
        coarse = torch.empty((*(n // halved for n in largest), 0))
        assert len(convolve.slabs(coarse)) > 1
    for halved in (4, 8):
        coarse = torch.empty((*(n // halved for n in largest), 0))
        assert len(convolve.doubling_slabs(coarse)) > 1


def test_slabs_of_any_thickness_give_the_same_heatmaps(net: UNet) -> None:
    window = random_window(48, 32, 48)
    fast = FastUNet.from_plain(net)
    whole = fast(window)
    for voxels in (1, 2**10, 2**62):
        assert error(fast.in_slabs_of(voxels)(window), whole.double()) < 3e-6
    assert torch.equal(fast(window), whole), "the network itself keeps its slabs"

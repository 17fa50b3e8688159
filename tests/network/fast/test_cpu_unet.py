"""The fast forward pass against the plain module, which in double precision is the truth."""

import copy
import math

import pytest
import torch
from tests.networks import (
    assert_near_exact,
    awkward,
    error,
    freshly_made,
    random_window,
    smooth_window,
)
from torch import Tensor

from carotid.network.fast import slabs as slabwise
from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.unet import UNet


@pytest.fixture(scope="module")
def net() -> UNet:
    return awkward(0)


@pytest.fixture(scope="module")
def fast(net: UNet) -> FastUNet:
    return FastUNet(net)


@pytest.mark.parametrize(
    "sides", [(32, 48, 16), (32, 32, 32), (64, 32, 64), (48, 32, 48), (96, 64, 96)]
)
def test_windows_of_every_shape(sides: tuple[int, int, int]) -> None:
    for plain in (awkward(3), freshly_made(3)):
        window = random_window(*sides)
        found = FastUNet(plain)(window)
        assert found.shape == (1, 2, *sides)
        assert found.dtype == torch.float32
        assert found.stride(-1) == 1
        assert_near_exact(found, plain, window)


@pytest.mark.parametrize("sides", [(16, 16, 48), (16, 32, 16), (32, 16, 16)])
def test_a_few_voxels_at_the_bottom(sides: tuple[int, int, int]) -> None:
    """Over two or three voxels a norm divides by a small difference, and roundings with it."""
    for plain in (awkward(3), freshly_made(3)):
        window = random_window(*sides)
        assert_near_exact(FastUNet(plain)(window), plain, window)


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
    assert_near_exact(fast(WINDOWS[kind]), net, WINDOWS[kind])


@pytest.mark.parametrize("slab_voxels", [1, 700, 5000, 2**62])
def test_any_slabs(monkeypatch: pytest.MonkeyPatch, net: UNet, slab_voxels: int) -> None:
    monkeypatch.setattr(slabwise, "SLAB_VOXELS", slab_voxels)
    found = FastUNet(net)
    window = random_window(48, 32, 64)
    assert_near_exact(found(window), net, window)


def test_the_public_convolution_gives_the_same(monkeypatch: pytest.MonkeyPatch, net: UNet) -> None:
    def missing(*_arguments: object) -> Tensor:
        raise RuntimeError("not compiled in")

    monkeypatch.setattr(torch.ops.aten, "mkldnn_convolution", missing, raising=False)
    window = random_window(48, 32, 64)
    assert_near_exact(FastUNet(net)(window), net, window)


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
    both = FastUNet(other)
    assert_near_exact(both(window), other, window)
    assert torch.equal(fast(window), alone)


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
        made_inside = FastUNet(net)
    assert torch.equal(inside, outside)
    assert torch.equal(made_inside(window), outside)


def test_the_plain_network_is_left_as_it_was(net: UNet, fast: FastUNet) -> None:
    before = copy.deepcopy(net.state_dict())
    fast(random_window(32, 32, 32))
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_a_batch_goes_to_the_plain_module(net: UNet, fast: FastUNet) -> None:
    batch = torch.cat((random_window(32, 32, 32), random_window(32, 32, 32, seed=2)))
    with torch.no_grad():
        assert torch.equal(fast(batch), net(batch))


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
            FastUNet(plain)


def test_slabs_of_any_thickness_give_the_same_heatmaps(net: UNet) -> None:
    window = random_window(48, 32, 48)
    fast = FastUNet(net)
    whole = fast(window)
    for voxels in (1, 2**10, 2**62):
        assert error(fast.in_slabs_of(voxels)(window), whole.double()) < 1e-5
    assert torch.equal(fast(window), whole), "the network itself keeps its slabs"

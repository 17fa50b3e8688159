from __future__ import annotations

import pytest
import torch

from carotid.network.unet import UNet
from carotid.training.heatmap.blocks import from_blocks, to_blocks
from carotid.training.heatmap.forward import _leaky, _leaky_gradient, blocked_forward
from carotid.training.heatmap.job import trained_parameters


@pytest.fixture
def network() -> UNet:
    torch.manual_seed(5)
    return UNet(dropout=0.0)


@pytest.mark.parametrize("shape", [(32, 16, 48), (16, 32, 32)])
def test_same_heatmaps_as_the_plain_network(network: UNet, shape: tuple[int, ...]) -> None:
    x = torch.rand(2, 1, *shape)
    with torch.no_grad():
        plain = network(x)
        fast = from_blocks(blocked_forward(network, x))
    assert (fast - plain).abs().max() < 1e-5 * plain.abs().max()


def test_same_gradients_as_the_plain_network(network: UNet) -> None:
    x, direction = torch.rand(2, 1, 32, 32, 48), torch.randn(2, 2, 32, 32, 48)
    weights = trained_parameters(network)
    plain = torch.autograd.grad((network(x) * direction).sum(), weights)
    fast = torch.autograd.grad((blocked_forward(network, x) * to_blocks(direction)).sum(), weights)
    for one, other in zip(plain, fast, strict=True):
        assert (one - other).abs().max() < 1e-3 * one.abs().max()


def test_only_biases_that_cancel_are_left_out(network: UNet) -> None:
    kept = {id(weight) for weight in trained_parameters(network)}
    left = [name for name, weight in network.named_parameters() if id(weight) not in kept]
    assert len(left) == 17
    with torch.no_grad():
        x = torch.rand(1, 1, 32, 32, 32)
        before = network(x)
        for name, weight in network.named_parameters():
            if name in left:
                weight.add_(0.7)
        after = network(x)
    assert (after - before).abs().max() < 1e-4 * before.abs().max()


def test_a_slope_that_stays_on_the_device_does_the_same() -> None:
    torch.manual_seed(2)
    z, gradient = torch.randn(1, 50, 16), torch.randn(1, 50, 16)
    slope = torch.tensor([0.2])
    assert torch.equal(_leaky(z, slope), _leaky(z, float(slope)))
    assert torch.equal(
        _leaky_gradient(gradient, z, slope), _leaky_gradient(gradient, z, float(slope))
    )
    assert not torch.equal(_leaky(z, slope), z)

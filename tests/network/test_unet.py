"""The architecture is the known one: same names, same outputs as MONAI's."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.unet import UNet as MonaiUNet
from tests.networks import weights

from carotid.network.unet import MULTIPLE_OF, UNet


@pytest.fixture(scope="module")
def monai_unet() -> torch.nn.Module:
    net: torch.nn.Module = MonaiUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=2,
        channels=(8, 16, 32, 64, 128),
        strides=(2, 2, 2, 2),
        num_res_units=2,
        dropout=0.1,
    )
    net.load_state_dict(weights(3))
    return net.eval()


def test_weights_have_the_known_names_in_the_known_order(monai_unet: torch.nn.Module) -> None:
    theirs = monai_unet.state_dict()
    assert list(weights(3)) == list(theirs)
    assert {k: v.shape for k, v in weights(3).items()} == {k: v.shape for k, v in theirs.items()}


@pytest.mark.parametrize("shape", [(32, 16, 16), (16, 48, 32)])
def test_outputs_equal_monai(monai_unet: torch.nn.Module, shape: tuple[int, int, int]) -> None:
    net = UNet().eval()
    net.load_state_dict(weights(3))
    x = torch.rand((1, 1, *shape), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(net(x), monai_unet(x), rtol=0, atol=1e-6)
    assert all(side % MULTIPLE_OF == 0 for side in shape)


def test_training_mode_drops_and_evaluation_does_not() -> None:
    net = UNet(dropout=0.5)
    x = torch.rand(1, 1, 32, 16, 16)
    with torch.no_grad():
        assert not torch.equal(net(x), net(x))
        assert torch.equal(net.eval()(x), net(x))

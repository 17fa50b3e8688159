"""The pyramid computes what the plain module does, and is not trusted unseen."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.polar_networks import seeded
from torch import Tensor, nn

from carotid.errors import ModelError
from carotid.network import polar_pyramid
from carotid.network.polar_cnn import VARIANTS, PolarCNN, Variant, dropper
from carotid.network.polar_pyramid import PlainPolarNetwork, PolarPyramid, pyramid_or_plain

CPU = torch.device("cpu")
IN_3D = Variant(3, dropout=False)


def rays(count: int = 3, length: int = 7, seed: int = 1) -> Tensor:
    return torch.rand((count, length, 31, 127), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("largest", [1, 1000])
def test_the_pyramid_is_as_exact_as_the_plain_module(variant: Variant, largest: int) -> None:
    net, images = seeded(variant), rays() * largest
    plain, pyramid = PlainPolarNetwork(net), PolarPyramid.of(net)
    exact = PlainPolarNetwork(copy.deepcopy(net).double())(images.double())
    scale = float(exact.abs().max())
    own = float((plain(images) - exact).abs().max()) / scale
    found = float((pyramid(images) - exact).abs().max()) / scale
    assert found <= max(8 * own, 2e-6)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_images_do_not_disturb_each_other(variant: Variant) -> None:
    pyramid, images = PolarPyramid.of(seeded(variant)), rays(5)
    together = pyramid(images)
    assert together.shape == (5, 1, 2, 31)
    for k in range(5):
        torch.testing.assert_close(pyramid(images[k : k + 1]), together[k : k + 1])


def test_turning_an_image_turns_the_output() -> None:
    pyramid, images = PolarPyramid.of(seeded(IN_3D)), rays(1)
    turned = pyramid(images.roll(4, 2))
    torch.testing.assert_close(turned, pyramid(images).roll(4, 3))


@pytest.mark.parametrize("length", [1, 3, 7])
def test_networks_in_2d_see_the_middle_slice_of_any_number(length: int) -> None:
    net, images = seeded(Variant(2, dropout=False)), rays(2, length)
    middle = images[:, length // 2 : length // 2 + 1]
    for network in (PlainPolarNetwork(net), PolarPyramid.of(net)):
        torch.testing.assert_close(network(images), network(middle))


def test_dropout_has_the_same_mean_and_spread() -> None:
    net, image, count = seeded(Variant(2, dropout=True)), rays(1), 150
    found = [
        network(image, count, dropper(torch.Generator().manual_seed(3)))
        for network in (PlainPolarNetwork(net), PolarPyramid.of(net))
    ]
    plain, pyramid = ((one.mean(1), one.std(1)) for one in found)
    error = (plain[1] ** 2 + pyramid[1] ** 2).sqrt() / count**0.5
    assert bool(((plain[0] - pyramid[0]).abs() <= 5 * error).all())
    ratio = pyramid[1] / plain[1]
    assert 0.7 < float(ratio.min()) < float(ratio.max()) < 1.43


@pytest.mark.parametrize("network", [PlainPolarNetwork, PolarPyramid.of])
def test_repeats_differ_with_dropout_and_are_equal_without(network: object) -> None:
    assert callable(network)
    made = network(seeded(Variant(3, dropout=True)))
    without = made(rays(2), 3)
    assert without.shape == (2, 3, 2, 31)
    torch.testing.assert_close(without[:, 0], without[:, 2])
    drop = dropper(torch.Generator().manual_seed(0))
    found = made(rays(2), 3, drop)
    assert not torch.allclose(found[:, 0], found[:, 1])
    again = made(rays(2), 3, dropper(torch.Generator().manual_seed(0)))
    assert torch.equal(found, again)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_pyramid_is_handed_out_where_it_agrees(variant: Variant) -> None:
    assert isinstance(pyramid_or_plain(seeded(variant), CPU), PolarPyramid)


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    pyramid_or_plain(seeded(IN_3D), CPU)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_pyramid_that_is_wrong_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    net, other = seeded(IN_3D), seeded(IN_3D, seed=9)
    wrong = PolarPyramid.of(other)
    monkeypatch.setattr(PolarPyramid, "of", lambda _: wrong)
    assert isinstance(pyramid_or_plain(net, CPU), PlainPolarNetwork)
    assert "plain forward pass is used" in caplog.text


def test_a_pyramid_that_is_wrong_with_dropout_only_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    net = seeded(Variant(3, dropout=True))
    pyramid = PolarPyramid.of(net)

    class Wrong:
        variant = net.variant

        def __call__(self, images: Tensor, repeats: int = 1, drop: object = None) -> Tensor:
            return pyramid(images, repeats) + (0 if drop is None else 0.01)

    monkeypatch.setattr(PolarPyramid, "of", lambda _: Wrong())
    assert isinstance(pyramid_or_plain(net, CPU), PlainPolarNetwork)
    assert "differs from it" in caplog.text


def test_a_pyramid_that_cannot_be_made_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: object) -> None:
        message = "no such kernel"
        raise RuntimeError(message)

    monkeypatch.setattr(PolarPyramid, "of", fails)
    assert isinstance(pyramid_or_plain(seeded(IN_3D), CPU), PlainPolarNetwork)
    assert "no such kernel" in caplog.text


def test_where_the_plain_module_is_the_worse_one_the_pyramid_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tolerance below rounding: the exact result decides."""
    monkeypatch.setattr(polar_pyramid, "TOLERANCE", 0.0)
    net = seeded(IN_3D)
    probe = rays(2, seed=0)
    exact = PlainPolarNetwork(copy.deepcopy(net).double())(probe.double()).float()

    class Exact:
        variant = net.variant

        def __call__(self, *_: object, **__: object) -> Tensor:
            return exact

    monkeypatch.setattr(PolarPyramid, "of", lambda _: Exact())
    assert isinstance(pyramid_or_plain(net, CPU), Exact)


def test_a_network_that_gives_no_numbers_is_refused() -> None:
    net = PolarCNN(IN_3D).eval()
    norm = next(part for part in net.modules() if isinstance(part, nn.BatchNorm3d))
    assert norm.running_var is not None
    norm.running_var.fill_(-1)
    with pytest.raises(ModelError, match="gives no numbers"):
        pyramid_or_plain(net, CPU)

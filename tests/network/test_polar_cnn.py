"""The contour network has the names and shapes of weights in the field, and sees what it should."""

from __future__ import annotations

import pytest
import torch
from tests.polar_networks import seeded
from torch import nn

from carotid.network.polar_cnn import CONTOUR, DROPOUT, VARIANTS, PolarCNN, Variant, dropper

CHANNELS = (1, 16, 32, 48, 64, 80, 96, 96, 2)
KERNELS = ((3, 3, 3), (3, 3, 3), (1, 3, 3), (1, 3, 3), (1, 1, 3), (1, 1, 3), (1, 1, 1), (1, 1, 1))
NUMBERS = {
    False: ((0, 1), (3, 4), (6, 7), (9, 10), (12, 13), (15, 16), (18, 19), (21, None)),
    True: ((0, 1), (3, 5), (7, 9), (11, 13), (15, 17), (19, 21), (23, 25), (27, None)),
}
"""Number of each convolution and of its norm, without and with dropout layers."""


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_names_and_shapes_are_those_in_the_field(variant: Variant) -> None:
    expected: dict[str, tuple[int, ...]] = {}
    for k, (conv, norm) in enumerate(NUMBERS[variant.dropout]):
        kernel = KERNELS[k][-variant.dimension :]
        expected[f"model.{conv}.weight"] = (CHANNELS[k + 1], CHANNELS[k], *kernel)
        expected[f"model.{conv}.bias"] = (CHANNELS[k + 1],)
        if norm is not None:
            for name in ("weight", "bias", "running_mean", "running_var"):
                expected[f"model.{norm}.{name}"] = (CHANNELS[k + 1],)
            expected[f"model.{norm}.num_batches_tracked"] = ()
    state = PolarCNN(variant).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == expected
    assert [tuple(one.state) for one in CONTOUR.architectures].count(tuple(state)) >= 1


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_output_j_looks_at_rows_j_to_j_plus_30(variant: Variant) -> None:
    net = seeded(variant)
    shape = (1, 1, 7, 61, 127) if variant.dimension == 3 else (1, 1, 61, 127)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = net(images)
        images[..., 40, :] += 1  # seen by outputs 10 to 40, of which there are 31
        after = net(images)
    assert before.shape == (1, 2, 31)
    changed = (before != after).any(1)[0]
    assert changed.tolist() == [10 <= j <= 40 for j in range(31)]


def test_dropout_layers_follow_convolutions_but_the_first() -> None:
    parts = list(PolarCNN(Variant(3, dropout=True)).model)
    places = [k for k, part in enumerate(parts) if isinstance(part, nn.Dropout)]
    assert places == [4, 8, 12, 16, 20, 24]
    assert all(isinstance(parts[k - 1], nn.Conv3d) for k in places)
    assert all(isinstance(parts[k + 1], nn.BatchNorm3d) for k in places)


def test_dropping_keeps_the_mean_and_repeats_with_its_seed() -> None:
    values = torch.ones(200_000)
    first, second = (dropper(torch.Generator().manual_seed(7))(values) for _ in range(2))
    assert torch.equal(first, second)
    assert first.unique().tolist() == pytest.approx([0, 1 / (1 - DROPOUT)])
    assert float(first.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(values, torch.ones(200_000))


def test_with_nothing_dropped_dropout_is_evaluation() -> None:
    net = seeded(Variant(3, dropout=True))
    images = torch.rand((1, 1, 7, 61, 127), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(net.with_dropout(images, lambda values: values), net(images))
        assert not torch.equal(net.with_dropout(images, dropper(torch.Generator())), net(images))

from __future__ import annotations

import pytest
import torch
from torch import nn

from carotid.training.engine.optimizer import make_optimizer, update
from carotid.training.engine.settings import EngineSettings

SETTINGS = EngineSettings()


def with_gradient(network: nn.Linear, seed: int, value: float | None = None) -> None:
    torch.manual_seed(seed)
    for weight in network.parameters():
        weight.grad = torch.randn_like(weight)
    if value is not None:
        assert network.weight.grad is not None
        network.weight.grad[0, 0] = value


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("fused", [False, True])
def test_a_gradient_that_is_not_finite_moves_nothing(value: float, fused: bool) -> None:
    bad, good = network(), network()
    optimizers = [
        make_optimizer([*n.parameters()], SETTINGS, None, fused=fused) for n in (bad, good)
    ]
    for step in range(4):
        if step == 2:
            before = bad.weight.detach().clone()
            with_gradient(bad, 9, value)
            update(bad, optimizers[0], 0.01, 1.0)
            assert torch.equal(bad.weight, before)
        for one, optimizer in zip((bad, good), optimizers, strict=True):
            with_gradient(one, step)
            update(one, optimizer, 0.01, 1.0)
    torch.testing.assert_close(bad.weight, good.weight)
    assert not torch.equal(good.weight, network().weight)


@pytest.mark.parametrize("order", [(False, True), (True, False)])
def test_training_goes_on_on_another_device(order: tuple[bool, bool]) -> None:
    moved, whole = network(), network()
    first = make_optimizer([*moved.parameters()], SETTINGS, None, fused=order[0])
    same = make_optimizer([*whole.parameters()], SETTINGS, None, fused=False)
    for step in range(6):
        if step == 3:
            saved = first.state_dict()
            first = make_optimizer([*moved.parameters()], SETTINGS, saved, fused=order[1])
            assert bool(first.param_groups[0]["fused"]) == order[1]
        for one, optimizer in ((moved, first), (whole, same)):
            with_gradient(one, step)
            update(one, optimizer, 0.01, 1.0)
    torch.testing.assert_close(moved.weight, whole.weight)

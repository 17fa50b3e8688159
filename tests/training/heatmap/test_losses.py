from __future__ import annotations

from typing import Any

import pytest
import torch

from carotid.training.heatmap.blocks import to_blocks
from carotid.training.heatmap.losses import heatmap_loss


def naive(
    p: torch.Tensor,
    t: torch.Tensor,
    counted: Any,
    height_weight: float,
    difference_weight: float,
    empty_weight: float = 1.0,
) -> torch.Tensor:
    mask = counted[:, None, :, None, None].float()
    e = (p - t) * mask
    voxels = counted.sum() * p.shape[3] * p.shape[4]
    empty = (t == 0).all(dim=4, keepdim=True).all(dim=3, keepdim=True)
    weight = (1 + t * 100 / height_weight) * torch.where(empty, empty_weight, 1.0)
    loss = (weight * e * e).sum() / (2 * voxels)
    d = e[:, 0] - e[:, 1]
    weight = 1 + 3 * (t[:, 0] - t[:, 1]).abs()
    total: torch.Tensor = loss + difference_weight * (weight * d * d).sum() / voxels
    return total


@pytest.mark.parametrize(("difference_weight", "empty_weight"), [(0.0, 1.0), (2.0, 1.0), (2, 5)])
def test_value_and_gradient_follow_the_formula(
    difference_weight: float, empty_weight: float
) -> None:
    torch.manual_seed(1)
    p = torch.randn(2, 2, 6, 8, 10, requires_grad=True)
    t = torch.rand(2, 2, 6, 8, 10) * 4
    t[0, 1, 3:] = t[1, 0, :3] = 0
    counted = torch.tensor([[1, 1, 0, 1, 1, 1], [0, 0, 1, 1, 0, 1]], dtype=torch.bool)
    fast = heatmap_loss(
        to_blocks(p),
        to_blocks(t),
        counted,
        height_weight=20,
        difference_weight=difference_weight,
        empty_weight=empty_weight,
    )
    slow = naive(p, t, counted, 20, difference_weight, empty_weight)
    assert fast.item() == pytest.approx(slow.item(), rel=1e-5)
    (a,) = torch.autograd.grad(fast, p)
    (b,) = torch.autograd.grad(slow, p)
    assert torch.allclose(a, b, atol=1e-6)
    assert not a[0, :, 2].any()


def test_nothing_counted_is_no_loss() -> None:
    blocks = to_blocks(torch.rand(1, 2, 4, 4, 4))
    counted = torch.zeros(1, 4, dtype=torch.bool)
    loss = heatmap_loss(blocks, 0 * blocks, counted, height_weight=20, difference_weight=2)
    assert loss.item() == 0

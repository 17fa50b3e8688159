from __future__ import annotations

import pytest
import torch

from carotid.network.plane_cnn import PlaneCNN, occupancy


def _network() -> PlaneCNN:
    torch.manual_seed(3)
    network = PlaneCNN()
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm3d):
                norm.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
                norm.weight.uniform_(0.7, 1.4)
    return network.eval()


def test_two_logits_for_every_cell() -> None:
    image = torch.randn(2, 2, 5, 32, 64)
    assert _network()(image).shape == (2, 2, 5, 32, 64)


def test_turning_the_planes_turns_the_result() -> None:
    network = _network()
    image = torch.randn(1, 2, 4, 32, 64)
    with torch.no_grad():
        straight, turned = network(image), network(image.roll(6, dims=3))
    scale = float(straight.abs().max())
    torch.testing.assert_close(turned, straight.roll(6, dims=3), atol=1e-4 * scale, rtol=0)


def test_planes_see_their_neighbours_and_no_further_than_they_should() -> None:
    network = _network()
    image = torch.randn(1, 2, 40, 32, 64)
    other = image.clone()
    other[:, :, 20] += 1
    with torch.no_grad():
        change = (network(image) - network(other)).abs().amax(dim=(0, 1, 3, 4))
    touched = set(torch.nonzero(change > 0).flatten().tolist())
    assert {18, 19, 20, 21, 22} <= touched
    # 1 plane by each block at half resolution, 1 + 2 + 4 + 1 by the deep ones.
    assert touched <= set(range(10, 31))


@pytest.mark.parametrize("scale", [0.1, 3.0, 60.0])
def test_lumens_lie_within_outer_boundaries(scale: float) -> None:
    seen = occupancy(torch.randn(3, 2, 4, 8, 16) * scale)
    assert bool((seen.outer >= seen.lumen).all())
    assert bool(((seen.lumen >= 0) & (seen.outer <= 1)).all())


def test_occupancy_is_what_the_logits_say() -> None:
    logits = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1)
    seen = occupancy(logits)
    assert float(seen.lumen) == pytest.approx(0.5)
    assert float(seen.outer) == pytest.approx(1 - 0.5 * (1 - 0.7310586))


def test_the_network_is_small() -> None:
    """Three to five members have to fit into 2 MB as float16."""
    assert sum(p.numel() for p in PlaneCNN().parameters()) * 2 * 5 < 2e6

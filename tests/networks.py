"""Networks for tests: real ones with seeded weights, and stand-ins that cost nothing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from carotid.network.members import Member
from carotid.network.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLOPES = (-0.7, 0.0, 1.8, 0.25, 2.5, -1.5, 0.01, 1.0, 0.1)


def weights(seed: int) -> dict[str, Tensor]:
    """A `state_dict` of the architecture; the global random state stays as it is."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet().state_dict()


def write_models(folder: Path, count: int = 2) -> Path:
    """A model directory with seeded weights."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        torch.save(weights(seed), folder / f"unet_{seed}.pt")
    return folder


def stand_in(network: Callable[[Tensor], Tensor], name: str = "stand-in") -> Member:
    """A member whose network is any function."""
    return Member(name, "", network, torch.device("cpu"))


def uneven(seed: int) -> Callable[[Tensor], Tensor]:
    """A local network that knows its axes apart: each shift and factor is another one."""
    a, b = 1 + 0.3 * seed, 2 - 0.2 * seed

    def network(x: Tensor) -> Tensor:
        up, behind, left = (torch.roll(x, 1, dim) for dim in (2, 3, 4))
        internal = a * x + 0.3 * up - 0.2 * behind + 0.1 * left
        return torch.cat([internal, b * torch.sin(x) - 0.4 * left], dim=1)

    return network


def awkward(seed: int) -> UNet:
    """A network with PReLU slopes of every kind, large biases, and activations of order one."""
    generator = torch.Generator().manual_seed(seed)
    net = UNet()
    slopes = iter(SLOPES * 2)
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("A.weight"):
                p.fill_(next(slopes))
            else:
                spread = 1.0 if name.endswith("bias") else p[0].numel() ** -0.5
                p.copy_(torch.randn(p.shape, generator=generator) * spread)
    return net.eval()


def freshly_made(seed: int) -> UNet:
    """A network as PyTorch makes it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet().eval()


def random_window(*sides: int, seed: int = 1) -> Tensor:
    """Noise between 0 and 1."""
    return torch.rand((1, 1, *sides), generator=torch.Generator().manual_seed(seed))


def smooth_window(*sides: int) -> Tensor:
    """What changes slowly, as a scan does."""
    coarse = random_window(*(n // 16 + 1 for n in sides), seed=2)
    return functional.interpolate(coarse, sides, mode="trilinear")


def exact(net: UNet, window: Tensor) -> Tensor:
    """What a network makes of a window in double precision."""
    with torch.no_grad():
        heat: Tensor = copy.deepcopy(net).double()(window.double())
    return heat


def error(found: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest value."""
    return float((found.double() - expected).abs().max() / expected.abs().max())


def assert_near_exact(found: Tensor, net: UNet, window: Tensor) -> None:
    """Heatmaps are as near to the exact ones as rounding allows on this machine.

    Kernels differ between processors, and so do their roundings. The plain module's own error is
    the measure; where it happens to be small, some 160 roundings of float32. A wrong number in the
    algebra shows as a hundred times as much.
    """
    truth = exact(net, window)
    with torch.no_grad():
        plain = error(net(window), truth)
    assert error(found, truth) < max(10 * plain, 1e-5)

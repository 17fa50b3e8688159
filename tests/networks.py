"""Networks for tests: real ones with seeded weights, and stand-ins that cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from carotid.network.members import Member
from carotid.network.unet import UNet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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

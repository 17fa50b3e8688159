"""Plane networks for tests: seeded weights, in a directory as the package's models have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from carotid.network.plane_cnn import PLANES, PlaneCNN
from carotid.storage.model_description import (
    ModelDescription,
    SpreadTable,
    write_model_description,
)

if TYPE_CHECKING:
    from pathlib import Path


def seeded_planes(seed: int) -> PlaneCNN:
    """A network that sees a lumen of some 2 mm everywhere, and a wall of about as much."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = PlaneCNN()
        torch.nn.init.constant_(net.last.bias, -2.0)  # type: ignore[arg-type]
    return net.eval()


def write_plane_models(folder: Path, count: int = 2) -> Path:
    """A model directory: `planes_<k>.pt` and `model.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        torch.save(seeded_planes(seed).state_dict(), folder / f"planes_{seed}.pt")
    table = SpreadTable((0.0, 5.0), (0.1, 0.6), (0.2, 1.0), (0.4, 2.0))
    write_model_description(
        folder,
        ModelDescription(
            "contour", PLANES.name, images="planes", spread={"lumen": table, "wall": table}
        ),
    )
    return folder

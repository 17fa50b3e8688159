"""Contour networks for tests: seeded ones, and one that sees edges without having learned to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from carotid.network.polar_cnn import OUTPUTS, PolarCNN, Variant

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.network.polar_cnn import Drop


def seeded(variant: Variant, seed: int = 0) -> PolarCNN:
    """A network whose norms do something; the global random state stays as it is."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = PolarCNN(variant)
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.3, 0.3)
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.uniform_(-0.2, 0.2)
                part.running_var.uniform_(0.3, 2)
    return net.eval()


def write_version_1(
    folder: Path, variant: Variant | None = None, count: int = 2, seed: int = 0
) -> Path:
    """A model directory as users of the known tool have it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        net = seeded(variant or Variant(3, dropout=False), seed + number)
        torch.save(net.state_dict(), folder / f"contour_{number}.pt")
    return folder


def write_version_2(
    folder: Path, variant: Variant | None = None, count: int = 2, **settings: Any
) -> Path:
    """A model directory as training writes it."""
    for number in range(count):
        split = folder / f"split-{number}"
        split.mkdir(parents=True, exist_ok=True)
        state = seeded(variant or Variant(3, dropout=False), number).state_dict()
        torch.save({"model": state, "epoch": 3, "validation_loss": 0.5}, split / "model.pt")
    (folder / "parameters.json").write_text(json.dumps(settings))
    return folder


class SeesEdges:
    """Stands in for a network of version 2, without the half sample that those lack.

    Where a scan is 1 in lumens, ½ in walls and 0 elsewhere, the sums of what lies on the far half
    of a ray are the radii in samples.
    """

    variant = Variant(3, dropout=False)

    def __call__(self, rays: Tensor, repeats: int = 1, drop: Drop | None = None) -> Tensor:
        """(batch, repeats, 2, angles)."""
        half = rays.shape[-1] // 2
        far = rays[:, rays.shape[1] // 2, :, : half + 1].clamp(0, 1)
        weights = torch.ones(half + 1)
        weights[-1] = 0.5  # of the sample at the center one half lies on this side
        outer = ((2 * far).clamp(max=1) * weights).sum(-1)
        lumen = ((2 * far - 1).clamp(min=0) * weights).sum(-1)
        found = torch.stack([lumen, outer - lumen], 1)
        return found[:, None].expand(-1, repeats, OUTPUTS, -1)

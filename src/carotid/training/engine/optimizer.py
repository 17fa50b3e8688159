"""AdamW, and a step of it that is left out where the gradient is not finite.

On a GPU the card itself leaves it out (`fused`), so that nobody waits for it to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from carotid.training.engine.settings import EngineSettings


def make_optimizer(
    weights: Sequence[nn.Parameter],
    settings: EngineSettings,
    earlier: Mapping[str, Any] | None,
    *,
    fused: bool,
) -> torch.optim.AdamW:
    """AdamW for weights, with its state from earlier steps, wherever they were taken."""
    optimizer = torch.optim.AdamW(weights, weight_decay=settings.weight_decay, fused=fused or None)
    if earlier is not None:
        groups = [{**group, "fused": fused or None} for group in earlier["param_groups"]]
        optimizer.load_state_dict({**earlier, "param_groups": groups})
    return optimizer


def update(network: nn.Module, optimizer: torch.optim.AdamW, rate: float, clip_norm: float) -> None:
    """Move the weights at a rate along their gradient, which is shortened to `clip_norm`."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
    finite = torch.isfinite(norm)
    if optimizer.defaults["fused"]:
        optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined] # as by GradScaler
        optimizer.step()
    elif bool(finite):
        optimizer.step()

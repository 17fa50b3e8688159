"""From a trained network to a weight file that the heatmap transform loads.

Networks are trained to predict heights / 100. The factor goes into the last residual unit, whose
output is x + convolution(x): 100 (x + W x + b) = x + (100 W + 99 I) x + 100 b, with I the identity
at the kernel's centre tap.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import torch

from carotid.storage.results.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

LAST_UNIT = "model.2.1.conv.unit0.conv"
"""The last convolution's name in a state dictionary."""


def with_scale(state: Mapping[str, Tensor], factor: float = 100.0) -> dict[str, Tensor]:
    """The weights of the network whose output is `factor` times as high, in float32."""
    scaled = {name: weight.detach().float().clone() for name, weight in state.items()}
    kernel = scaled[f"{LAST_UNIT}.weight"] * factor
    centre = kernel.shape[-1] // 2
    for channel in range(kernel.shape[0]):
        kernel[channel, channel, centre, centre, centre] += factor - 1
    scaled[f"{LAST_UNIT}.weight"] = kernel
    scaled[f"{LAST_UNIT}.bias"] = scaled[f"{LAST_UNIT}.bias"] * factor
    return scaled


def weight_bytes(state: Mapping[str, Tensor]) -> bytes:
    """A weight file's content: float16, nothing but tensors; the same for the same weights."""
    buffer = io.BytesIO()
    torch.save({name: weight.to("cpu", torch.float16) for name, weight in state.items()}, buffer)
    return buffer.getvalue()


def write_model(path: Path, state: Mapping[str, Tensor], factor: float = 100.0) -> str:
    """Write a trained network as a member of an ensemble.

    Args:
        path: The `.pt` file.
        state: Weights of a network that predicts heights / `factor`.
        factor: See above.

    Returns:
        SHA-256 of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    content = weight_bytes(with_scale(state, factor))
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()

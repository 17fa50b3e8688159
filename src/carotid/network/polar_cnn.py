"""The architecture of the contour networks: a convolutional network on polar images.

Its parameters carry the names that weights in the field are stored under. There are four variants:
on volumes of seven slices or on one slice, and with or without dropout layers. No convolution is
padded, so of 61 rows 31 are left, one an angle, of 127 samples one and of seven slices one. Output
j looks at rows j to j + 30, whose middle is ray j.

Every convolution but the last is followed by a norm and a ReLU, and in the variants with dropout,
but for the first, by a dropout layer before the norm. The numbers in a weight's name count all of
these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from carotid.network.architecture import Architecture, ModelKind
from carotid.network.plane_cnn import PLANES

ANGLES = 31
"""Rays of the images that the networks take."""

SAMPLES = 127
"""Samples along a ray of the images that the networks take."""

SLICES = 7
"""Slices of the images that the networks in 3D take; those in 2D take the middle one of any."""

OUTPUTS = 2
"""Where the lumen ends, and how wide the wall is."""

DROPOUT = 0.2
"""Share of activations that a dropout layer sets to zero."""


class Layer(NamedTuple):
    """A convolution.

    Attributes:
        inputs: Channels that come in.
        outputs: Channels that go out.
        kernel: Size along (slices, rows, samples).
        dilation: Step between the kernel's elements, likewise.
    """

    inputs: int
    outputs: int
    kernel: tuple[int, int, int]
    dilation: tuple[int, int, int]


LAYERS = (
    Layer(1, 16, (3, 3, 3), (1, 1, 1)),
    Layer(16, 32, (3, 3, 3), (2, 2, 2)),
    Layer(32, 48, (1, 3, 3), (1, 4, 4)),
    Layer(48, 64, (1, 3, 3), (1, 8, 8)),
    Layer(64, 80, (1, 1, 3), (1, 1, 16)),
    Layer(80, 96, (1, 1, 3), (1, 1, 32)),
    Layer(96, 96, (1, 1, 1), (1, 1, 1)),
    Layer(96, OUTPUTS, (1, 1, 1), (1, 1, 1)),
)
"""All but the last are followed by a norm and a ReLU."""


@dataclass(frozen=True)
class Variant:
    """Which of the four a network is.

    Attributes:
        dimension: Whether it sees slices above and below.
        dropout: Whether it has dropout layers.
    """

    dimension: Literal[2, 3]
    dropout: bool

    def __str__(self) -> str:
        return f"{self.dimension}D {'with' if self.dropout else 'without'} dropout"


class PolarCNN(nn.Module):
    """The network.

    Args:
        variant: Which of the four.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        norm = nn.BatchNorm3d if variant.dimension == 3 else nn.BatchNorm2d
        parts: list[nn.Module] = []
        for layer in LAYERS:
            parts.append(_convolution(layer, variant))
            if layer is LAYERS[-1]:
                break
            if variant.dropout and layer is not LAYERS[0]:
                parts.append(nn.Dropout(DROPOUT))
            parts += [norm(layer.outputs), nn.ReLU()]
        self.model = nn.Sequential(*parts)

    def forward(self, images: Tensor) -> Tensor:
        """Map complete images to outputs.

        Args:
            images: (batch, 1, 7, 61, 127) in 3D, (batch, 1, 61, 127) in 2D: all rows, with those
                that repeat.

        Returns:
            (batch, 2, 31).
        """
        found = cast("Tensor", self.model(images))
        return found[..., 0] if self.variant.dimension == 2 else found[:, :, 0, :, 0]

    def with_dropout(self, images: Tensor, drop: Drop) -> Tensor:
        """The same as `forward`, with `drop` in the place of the dropout layers.

        Everything else does what it does in evaluation.
        """
        found = images
        for part in self.model:
            found = drop(found) if isinstance(part, nn.Dropout) else part(found)
        return found[..., 0] if self.variant.dimension == 2 else found[:, :, 0, :, 0]


def _convolution(layer: Layer, variant: Variant) -> nn.Module:
    if variant.dimension == 3:
        return nn.Conv3d(layer.inputs, layer.outputs, layer.kernel, dilation=layer.dilation)
    return nn.Conv2d(layer.inputs, layer.outputs, layer.kernel[1:], dilation=layer.dilation[1:])


Drop = Callable[[Tensor], Tensor]
"""What is done with activations where a network has a dropout layer."""


def dropper(generator: torch.Generator) -> Drop:
    """Sets what the generator draws to zero and makes the rest larger, as in training."""

    def drop(values: Tensor) -> Tensor:
        kept = torch.empty_like(values).bernoulli_(1 - DROPOUT, generator=generator)
        return kept.mul_(values).div_(1 - DROPOUT)

    return drop


VARIANTS = tuple(Variant(dimension, dropout) for dimension in (3, 2) for dropout in (False, True))

ARCHITECTURES = {
    one: Architecture(f"a contour network in {one}", partial(PolarCNN, one)) for one in VARIANTS
}

CONTOUR = ModelKind(
    "contour",
    (*ARCHITECTURES.values(), PLANES),
    usual_bytes=450_000,
    checkpoint_key="model",
    inert_classes=("carotid.transform.contour.utils.ContourNet",),
)
"""What a directory of contour models holds. Files of version 2 name a class of the known tool."""

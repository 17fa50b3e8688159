"""The plane network: lumen and wall along rays, from a stack of planes across an artery.

For every cell of every ray it says how likely the cell lies in the lumen and how likely within the
wall's outer boundary. The second is never below the first, so contours nest by construction, and a
radius is the sum of likelihoods times the cell's length, so it is not bound to cells.

Convolutions wrap around the artery. Along the artery each plane sees its neighbours through
convolutions of their own, so one pass serves a whole stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from carotid.network.architecture import Architecture

CHANNELS = 2
"""Of the input: brightness, and nearness of the other artery."""

WIDTHS = (16, 24, 48)
"""Features at full, half and quarter resolution."""

_DEEP = ((1, 1), (2, 2), (4, 4), (1, 1))
"""Dilations of the deepest blocks: across rays and cells, and along the artery."""


@dataclass(frozen=True, eq=False)
class Occupancy:
    """What the network says about each cell, (batch, planes, rays, samples).

    Attributes:
        lumen: Chance of lying in the lumen.
        outer: Chance of lying within the wall's outer boundary, lumen included.
    """

    lumen: Tensor
    outer: Tensor


class _Across(nn.Module):
    """A convolution within planes, 3 × 3, wrapped around the rays."""

    def __init__(
        self, before: int, after: int, dilation: int = 1, stride: tuple[int, int] = (1, 1)
    ):
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv3d(
            before,
            after,
            (1, 3, 3),
            stride=(1, *stride),
            dilation=(1, dilation, dilation),
            padding=(0, 0, dilation),
            bias=False,
        )
        self.norm = nn.BatchNorm3d(after)

    def forward(self, x: Tensor) -> Tensor:
        d = self.dilation
        wrapped = torch.cat([x[:, :, :, -d:], x, x[:, :, :, :d]], dim=3)
        return functional.relu(self.norm(self.conv(wrapped)))


class _Along(nn.Module):
    """A convolution along the artery, 3 planes."""

    def __init__(self, features: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(
            features,
            features,
            (3, 1, 1),
            dilation=(dilation, 1, 1),
            padding=(dilation, 0, 0),
            bias=False,
        )
        self.norm = nn.BatchNorm3d(features)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)))


class _Block(nn.Module):
    """Across and along, added to what came in."""

    def __init__(self, features: int, across: int = 1, along: int = 1) -> None:
        super().__init__()
        self.across = _Across(features, features, across)
        self.along = _Along(features, along)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", x + self.along(self.across(x)))


class PlaneCNN(nn.Module):
    """Maps (batch, 2, planes, rays, samples) to two logits per cell, (batch, 2, …).

    The number of rays has to be even, that of samples a multiple of 4.
    """

    def __init__(self) -> None:
        super().__init__()
        full, half, quarter = WIDTHS
        self.first = _Across(CHANNELS + 1, full)
        self.down1 = _Across(full, half, stride=(1, 2))
        self.block1 = _Block(half)
        self.down2 = _Across(half, quarter, stride=(2, 2))
        self.deep = nn.Sequential(*[_Block(quarter, a, b) for a, b in _DEEP])
        self.around = nn.Conv3d(quarter, quarter, 1)
        self.up1 = _Across(half + quarter, half)
        self.block2 = _Block(half)
        self.up0 = _Across(full + half, full)
        self.last = nn.Conv3d(full, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of lumen, and of wall given that it is not lumen."""
        samples = image.shape[-1]
        radius = (torch.arange(samples, device=image.device, dtype=image.dtype) + 0.5) / samples
        place = radius.expand(image.shape[0], 1, *image.shape[2:])
        full = self.first(torch.cat([image, place], dim=1))
        half = self.block1(self.down1(full))
        deep = self.deep(self.down2(half))
        # What all rays of a plane have in common, such as how large the artery is.
        deep = deep + self.around(deep.mean(dim=3, keepdim=True))
        y = functional.interpolate(deep, scale_factor=(1.0, 2.0, 2.0))
        y = self.block2(self.up1(torch.cat([half, y], dim=1)))
        y = functional.interpolate(y, scale_factor=(1.0, 1.0, 2.0))
        y = self.up0(torch.cat([full, y], dim=1))
        return cast("Tensor", self.last(y))


def occupancy(logits: Tensor) -> Occupancy:
    """Chances from logits; the outer one is at least the lumen's."""
    both = logits.float()
    lumen = torch.sigmoid(both[:, 0])
    # 1 − (1 − lumen)(1 − σ(b)), written so that rounding cannot put it below the lumen's.
    beyond = torch.sigmoid(-both[:, 0]) * torch.sigmoid(both[:, 1])
    return Occupancy(lumen, (lumen + beyond).clamp(max=1))


PLANES = Architecture("a contour network on planes across the artery", PlaneCNN)

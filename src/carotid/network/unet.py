"""The architecture of every heatmap network: a residual 3D U-Net.

Its parameters carry the names that weights in the field are stored under, so that a `state_dict`
of MONAI's `UNet(spatial_dims=3, in_channels=1, out_channels=2, channels=(8, 16, 32, 64, 128),
strides=(2, 2, 2, 2), num_res_units=2, dropout=0.1)` loads as it is, without MONAI being imported.

One level halves the grid with a residual unit of two 3×3×3 convolutions (a strided 3×3×3
convolution is the shortcut), the bottom level keeps it (a 1×1×1 shortcut), and the way up is a
transposed convolution followed by a residual unit with one convolution and the identity as its
shortcut. Every convolution but the last is followed by instance normalisation (no affine, epsilon
1e-5), dropout and a PReLU with one slope.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
from torch import Tensor, nn

from carotid.network.architecture import Architecture, ModelKind

WIDTHS = (8, 16, 32, 64, 128)
"""Feature maps of each level, finest first."""

STRIDE = 2
"""Every level but the bottom one halves the grid."""

MULTIPLE_OF = STRIDE ** (len(WIDTHS) - 1)
"""Window sides must be multiples of this many voxels: 16."""

OUT_CHANNELS = 2
"""Channel 0 is the internal carotid artery, channel 1 the external one."""


class _Activation(nn.Sequential):
    """Instance normalisation, dropout, PReLU; known as N, D and A in stored weights."""

    def __init__(self, channels: int, dropout: float) -> None:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["N"] = nn.InstanceNorm3d(channels)
        parts["D"] = nn.Dropout(dropout)
        parts["A"] = nn.PReLU()
        super().__init__(parts)


def _convolution(
    inputs: int, outputs: int, stride: int, dropout: float, *, last: bool = False
) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1)
    if not last:
        parts["adn"] = _Activation(outputs, dropout)
    return nn.Sequential(parts)


def _transposed(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["conv"] = nn.ConvTranspose3d(
        inputs, outputs, 3, stride=STRIDE, padding=1, output_padding=STRIDE - 1
    )
    parts["adn"] = _Activation(outputs, dropout)
    return nn.Sequential(parts)


class ResidualUnit(nn.Module):
    """Convolutions around which the input is added: `conv(x) + residual(x)`.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        stride: Step of the first convolution.
        convolutions: How many convolutions follow each other.
        dropout: Share of feature maps dropped in training.
        last: Whether the last convolution is bare, without norm and activation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        convolutions: int,
        dropout: float,
        *,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Sequential()
        for k in range(convolutions):
            bare = last and k == convolutions - 1
            step = stride if k == 0 else 1
            unit = _convolution(inputs if k == 0 else outputs, outputs, step, dropout, last=bare)
            self.conv.add_module(f"unit{k}", unit)
        if stride != 1:
            self.residual: nn.Module = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1)
        elif inputs != outputs:
            self.residual = nn.Conv3d(inputs, outputs, 1)
        else:
            self.residual = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, s, p, l) to (n, outputs, s/stride, p/stride, l/stride)."""
        return cast("Tensor", self.conv(x) + self.residual(x))


class _Skip(nn.Module):
    """Concatenates a level's features with what the levels below make of them."""

    def __init__(self, submodule: nn.Module) -> None:
        super().__init__()
        self.submodule = submodule

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.submodule(x)], dim=1)


def _level(depth: int, inputs: int, outputs: int, dropout: float) -> nn.Module:
    """Level `depth` and all below it; the bottom one is a plain residual unit."""
    width = WIDTHS[depth]
    if depth == len(WIDTHS) - 1:
        return ResidualUnit(inputs, width, 1, 2, dropout)
    below_is_bottom = depth == len(WIDTHS) - 2
    below = WIDTHS[depth + 1] if below_is_bottom else width
    down = ResidualUnit(inputs, width, STRIDE, 2, dropout)
    skip = _Skip(_level(depth + 1, width, below, dropout))
    top = depth == 0
    up = nn.Sequential(
        _transposed(width + below, outputs, dropout),
        ResidualUnit(outputs, outputs, 1, 1, dropout, last=top),
    )
    return nn.Sequential(down, skip, up)


class UNet(nn.Module):
    """Heatmaps of the internal and external carotid from a black-blood window.

    Args:
        dropout: Share of feature maps dropped in training; without effect in `eval()`.
    """

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.model = _level(0, 1, OUT_CHANNELS, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map windows to heatmaps.

        Args:
            x: (n, 1, s, p, l) intensities in network order; sides multiples of `MULTIPLE_OF`.

        Returns:
            (n, 2, s, p, l) heatmaps: internal, external.
        """
        return cast("Tensor", self.model(x))


ARCHITECTURE = Architecture(
    f"a residual 3D U-Net with channels {', '.join(map(str, WIDTHS))}",
    UNet,
    older_names=((".act.", ".adn.A."), (".prelu.", ".adn.A.")),  # MONAI before 0.4 and 0.2
)

HEATMAP = ModelKind("heatmap", (ARCHITECTURE,), usual_bytes=5 << 20)
"""What a directory of heatmap models holds."""

"""The U-Net's forward pass on a GPU, faster than the plain module and as exact.

Measured on a GPU, nearly all the time of the plain module goes into its instance norms: PyTorch
gives each channel to one block of threads, and there are 2 to 16 channels of up to a million
voxels. `CudaUNet` computes the same numbers in float32, but for rounding, with

- norms made of a reduction that all of the GPU takes part in, and steps in place;
- the finest level in blocks of 2×2×2 voxels, as on the CPU (`carotid.network.subpixel`);
- transposed convolutions as convolutions that give blocks: unlike cuDNN's own they add up in a
  fixed order, so that the same window gives the same bytes every time;
- the two convolutions that read the same input, a unit's first and its shortcut, as one.

Whoever calls it sees to it that convolutions are in float32 (`carotid.network.exact`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch.nn import functional

from carotid.network import subpixel
from carotid.network.fast.slabs import EPSILON
from carotid.network.unet import STRIDE, WIDTHS

if TYPE_CHECKING:
    from torch import Tensor, nn

    from carotid.network.unet import UNet

_AHEAD = (0, 1, 0, 1, 0, 1)
"""Padding at the end of each axis, none at its start."""


class CudaUNet:
    """The forward pass of one network, on the device that its weights are on.

    The same window gives the same bytes at every call. What it is not made for (batches) goes to
    the plain module.

    Args:
        net: A network in evaluation mode; its weights are copied where they are rearranged.
    """

    def __init__(self, net: UNet) -> None:
        self._plain = net
        self._halvings, self._doublings = [], []
        level = net.get_submodule("model")
        self._finest = _Finest.of(level.get_submodule("2"))
        for depth in range(len(WIDTHS) - 1):
            self._halvings.append(_Halving.of(level.get_submodule("0")))
            if depth > 0:
                self._doublings.append(_Doubling.of(level.get_submodule("2")))
            level = level.get_submodule("1.submodule")
        self._bottom = _Bottom.of(level)

    def __call__(self, window: Tensor) -> Tensor:
        """Map a window to heatmaps, without gradients.

        Args:
            window: (1, 1, s, p, l) float32; sides multiples of 16.

        Returns:
            (1, 2, s, p, l) heatmaps.
        """
        with torch.no_grad():
            if len(window) != 1:
                return cast("Tensor", self._plain(window))
            x = window
            skipped = []
            for halving in self._halvings:
                x = halving(x)
                skipped.append(x)
            x = self._bottom(x)
            for doubling in reversed(self._doublings):
                x = doubling(torch.cat((skipped.pop(), x), 1))
            return self._finest(torch.cat((skipped.pop(), x), 1))


@dataclass(frozen=True)
class _Unit:
    """A convolution without bias, followed by a norm and a PReLU."""

    weight: Tensor
    slope: float

    @classmethod
    def of(cls, unit: nn.Module) -> _Unit:
        return cls(_parameter(unit, "conv.weight"), _slope(unit))

    def __call__(self, x: Tensor) -> Tensor:
        return _active(functional.conv3d(x, self.weight, padding=1), self.slope)


@dataclass(frozen=True)
class _Halving:
    """A residual unit that halves the grid; its shortcut's outputs follow its first one's."""

    first_and_shortcut: Tensor
    bias: Tensor
    slope: float
    second: _Unit

    @classmethod
    def of(cls, unit: nn.Module) -> _Halving:
        first = _parameter(unit, "conv.unit0.conv.weight")
        bias = _parameter(unit, "residual.bias")
        return cls(
            torch.cat((first, _parameter(unit, "residual.weight"))),
            torch.cat((torch.zeros_like(bias), bias)),
            _slope(unit.get_submodule("conv.unit0")),
            _Unit.of(unit.get_submodule("conv.unit1")),
        )

    def __call__(self, x: Tensor) -> Tensor:
        y = functional.conv3d(x, self.first_and_shortcut, self.bias, STRIDE, 1)
        first, shortcut = y.chunk(2, 1)
        return self.second(_active(first, self.slope)).add_(shortcut)


@dataclass(frozen=True)
class _Bottom:
    """The residual unit of the lowest level, with a 1×1×1 shortcut."""

    first: _Unit
    second: _Unit
    shortcut: Tensor
    bias: Tensor

    @classmethod
    def of(cls, unit: nn.Module) -> _Bottom:
        return cls(
            _Unit.of(unit.get_submodule("conv.unit0")),
            _Unit.of(unit.get_submodule("conv.unit1")),
            _parameter(unit, "residual.weight"),
            _parameter(unit, "residual.bias"),
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)).add_(functional.conv3d(x, self.shortcut, self.bias))


@dataclass(frozen=True)
class _Doubling:
    """A transposed convolution, and a residual unit with one convolution around the identity."""

    transposed: Tensor
    slope: float
    second: _Unit

    @classmethod
    def of(cls, level: nn.Module) -> _Doubling:
        return cls(
            subpixel.transposed_as_blocks(_parameter(level, "0.conv.weight")),
            _slope(level.get_submodule("0")),
            _Unit.of(level.get_submodule("1.conv.unit0")),
        )

    def __call__(self, x: Tensor) -> Tensor:
        blocks = functional.conv3d(functional.pad(x, _AHEAD), self.transposed)
        y = _active(subpixel.as_voxels(blocks), self.slope)
        return self.second(y).add_(y)


@dataclass(frozen=True)
class _Finest:
    """The last level, whose output has the window's resolution, in 2×2×2 blocks."""

    transposed: Tensor
    slope: float
    last: Tensor
    bias: Tensor

    @classmethod
    def of(cls, level: nn.Module) -> _Finest:
        last = subpixel.with_identity(_parameter(level, "1.conv.unit0.conv.weight"))
        return cls(
            subpixel.transposed_as_blocks(_parameter(level, "0.conv.weight")),
            _slope(level.get_submodule("0")),
            subpixel.convolution_as_shifted_blocks(last),
            _parameter(level, "1.conv.unit0.conv.bias").repeat_interleave(subpixel.BLOCK**3),
        )

    def __call__(self, x: Tensor) -> Tensor:
        blocks = functional.conv3d(functional.pad(x, _AHEAD), self.transposed)
        blocks = _active(blocks, self.slope, pooled=subpixel.BLOCK**3)
        shifted = functional.conv3d(blocks, self.last, self.bias, padding=1)
        return subpixel.as_voxels(shifted)[:, :, 1:-1, 1:-1, 1:-1]


def _active(y: Tensor, slope: float, pooled: int = 1) -> Tensor:
    """Instance norm and PReLU of one window, in place.

    Args:
        y: (1, channels, d, h, w), contiguous.
        slope: What the PReLU multiplies negative values by.
        pooled: So many neighbouring channels have their statistics in common.
    """
    rows = y.view(y.shape[1] // pooled, -1)
    variance, mean = torch.var_mean(rows, 1, correction=0, keepdim=True)
    rows.sub_(mean).mul_(variance.add_(EPSILON).rsqrt_())
    functional.leaky_relu_(rows, slope)
    return y


def _parameter(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(name).detach()


def _slope(unit: nn.Module) -> float:
    return float(_parameter(unit, "adn.A.weight"))

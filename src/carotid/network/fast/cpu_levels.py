"""The levels of the fast forward pass: weights as they are needed, and what is done with them.

Each class is one kind of level of `carotid.network.unet.UNet`; `of` rearranges the weights of the
plain level and `apply` computes what it computes. Volumes are (d, h, w, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from carotid.network import subpixel
from carotid.network.fast.slabs import NormedVolume, empty_volume, slices_with_zeros
from carotid.network.unet import OUT_CHANNELS, STRIDE

if TYPE_CHECKING:
    from torch import Tensor, nn

    from carotid.network.fast.slabs import Convolver

_SIDES = (0, 1, 1)
"""Padding for a slab that brings its neighbouring slices along."""

_ALL_SIDES = (1, 1, 1)
"""For a slab that begins with the volume; a strided kernel does not reach beyond its end."""


@dataclass(frozen=True)
class Scaled:
    """A volume whose numbers are still to be multiplied.

    Attributes:
        values: (d, h, w, channels).
        scale: (channels,).
    """

    values: Tensor
    scale: Tensor

    def into_inputs(self, weight: Tensor, axis: int) -> Tensor:
        """Multiply the last inputs of a kernel, whose number is that of the channels, instead.

        Args:
            weight: A kernel with inputs along `axis`.
            axis: Which one.
        """
        result = weight.clone()
        last = result.narrow(axis, weight.shape[axis] - len(self.scale), len(self.scale))
        last.mul_(self.scale.view([-1 if a == axis else 1 for a in range(weight.ndim)]))
        return result


@dataclass(frozen=True)
class SameConvolution:
    """A 3×3×3 convolution with as many outputs as inputs, followed by a norm and a PReLU."""

    weight: Tensor
    slope: float

    @classmethod
    def of(cls, unit: nn.Module) -> SameConvolution:
        """Take the weights of a plain unit of convolution, norm and PReLU."""
        return cls(_channels_last(_parameter(unit, "conv.weight")), _slope(unit))

    def apply(self, convolve: Convolver, x: NormedVolume) -> NormedVolume:
        """Convolve, finishing the norm and PReLU of `x` on the way."""
        result = NormedVolume(x.values.shape, self.slope)
        weight = _scaled(self.weight, x.scale)
        for slab in convolve.slabs(x.values):
            result.put(slab, convolve(x.around(slab), weight, padding=_SIDES))
        return result.close()


@dataclass(frozen=True)
class Halving:
    """A residual unit that halves the grid: two convolutions and a strided one as the shortcut.

    The first convolution and the shortcut read the same voxels; they are one convolution whose
    outputs are those of the first and then those of the shortcut.
    """

    first_and_shortcut: Tensor
    bias: Tensor
    slope: float
    second: SameConvolution

    @classmethod
    def of(cls, unit: nn.Module) -> Halving:
        """Take the weights of a plain residual unit of stride 2."""
        first, shortcut = (
            _parameter(unit, "conv.unit0.conv.weight"),
            _parameter(unit, "residual.weight"),
        )
        bias = _parameter(unit, "residual.bias")
        return cls(
            _channels_last(torch.cat((first, shortcut))),
            torch.cat((torch.zeros_like(bias), bias)),
            _slope(unit.get_submodule("conv.unit0")),
            SameConvolution.of(unit.get_submodule("conv.unit1")),
        )

    def apply(self, convolve: Convolver, x: Tensor) -> Tensor:
        """Map (d, h, w, inputs) to (d/2, h/2, w/2, outputs)."""
        channels = len(self.bias) // 2
        shape = (*(n // STRIDE for n in x.shape[:3]), channels)
        result = empty_volume(shape)
        main = NormedVolume(shape, self.slope)
        for slab in convolve.slabs(result):
            first = STRIDE * slab.start - 1
            part = x[max(first, 0) : STRIDE * slab.stop]
            padding = _ALL_SIDES if first < 0 else _SIDES
            y = convolve(part, self.first_and_shortcut, self.bias, stride=STRIDE, padding=padding)
            main.put(slab, y)
            result[slab] = y[..., channels:]
        self.second.apply(convolve, main.close()).add_to(result)
        return result


@dataclass(frozen=True)
class Bottom:
    """The residual unit of the lowest level, on a small grid: with a 1×1×1 shortcut."""

    first: Tensor
    slope: float
    shortcut: Tensor
    bias: Tensor
    second: SameConvolution

    @classmethod
    def of(cls, unit: nn.Module) -> Bottom:
        """Take the weights of a plain residual unit of stride 1."""
        return cls(
            _channels_last(_parameter(unit, "conv.unit0.conv.weight")),
            _slope(unit.get_submodule("conv.unit0")),
            _channels_last(_parameter(unit, "residual.weight")),
            _parameter(unit, "residual.bias"),
            SameConvolution.of(unit.get_submodule("conv.unit1")),
        )

    def apply(self, convolve: Convolver, x: Tensor) -> Tensor:
        """Map (d, h, w, inputs) to (d, h, w, outputs)."""
        y = convolve(x, self.first, padding=(1, 1, 1))
        main = NormedVolume(y.shape, self.slope)
        main.put(slice(0, len(y)), y)
        result = convolve(x, self.shortcut, self.bias)
        self.second.apply(convolve, main.close()).add_to(result)
        return result


@dataclass(frozen=True)
class Doubling:
    """A transposed convolution, and a residual unit with one convolution around the identity."""

    transposed: Tensor
    slope: float
    second: SameConvolution

    @classmethod
    def of(cls, level: nn.Module) -> Doubling:
        """Take the weights of a plain level of the way up."""
        return cls(
            _channels_last(_parameter(level, "0.conv.weight")),
            _slope(level.get_submodule("0")),
            SameConvolution.of(level.get_submodule("1.conv.unit0")),
        )

    def apply(self, convolve: Convolver, skipped: Tensor, below: Scaled) -> Scaled:
        """Map two (d, h, w, …) volumes to one of (2d, 2h, 2w, outputs)."""
        d, h, w = skipped.shape[:3]
        weight = below.into_inputs(self.transposed, 0)
        shape = (STRIDE * d, STRIDE * h, STRIDE * w, self.transposed.shape[1])
        main = NormedVolume(shape, self.slope)
        for slab in convolve.doubling_slabs(skipped):
            ahead = slice(slab.start, slab.stop + 1)
            part = _joined(skipped[ahead], below.values[ahead])
            y = convolve.doubled(part, weight, last=slab.stop == d)
            fine = slice(STRIDE * slab.start, STRIDE * slab.stop)
            main.put(fine, y[: fine.stop - fine.start])
        self.second.apply(convolve, main.close()).add_to(main.values, main.scale)
        return Scaled(main.values, main.scale)


@dataclass(frozen=True)
class Finest:
    """The last level, whose output has the window's resolution, in 2×2×2 blocks."""

    transposed: Tensor
    slope: float
    last: Tensor
    bias: Tensor

    @classmethod
    def of(cls, level: nn.Module) -> Finest:
        """Take the weights of the plain last level of the way up."""
        last = subpixel.with_identity(_parameter(level, "1.conv.unit0.conv.weight"))
        return cls(
            _channels_last(subpixel.transposed_as_blocks(_parameter(level, "0.conv.weight"))),
            _slope(level.get_submodule("0")),
            _channels_last(subpixel.convolution_as_shifted_blocks(last)),
            _parameter(level, "1.conv.unit0.conv.bias").repeat_interleave(subpixel.BLOCK**3),
        )

    def apply(self, convolve: Convolver, skipped: Tensor, below: Scaled) -> Tensor:
        """Map two (d, h, w, …) volumes to heatmaps: (1, 2, 2d, 2h, 2w), in a frame of its own."""
        d, h, w = skipped.shape[:3]
        blocks = self._blocks(convolve, skipped, below)
        framed = empty_volume((OUT_CHANNELS, 2 * d + 2, 2 * h + 2, 2 * w + 2))
        weight = _scaled(self.last, blocks.scale)
        for slab in convolve.slabs(blocks.values, more=1):
            part = slices_with_zeros(blocks.active(slab.stop), slab.start - 1, slab.stop)
            y = convolve(part, weight, self.bias, padding=_SIDES)
            subpixel.write_blocks(y, framed, slab.start)
        return framed[None, :, 1:-1, 1:-1, 1:-1]

    def _blocks(self, convolve: Convolver, skipped: Tensor, below: Scaled) -> NormedVolume:
        """The blocks of the transposed convolution's output."""
        d, h, w = skipped.shape[:3]
        weight = below.into_inputs(self.transposed, 1)
        result = NormedVolume((d, h, w, len(self.transposed)), self.slope)
        for slab in convolve.slabs(skipped):
            ahead = slice(slab.start, slab.stop + 1)
            part = _joined(skipped[ahead], below.values[ahead], more=slab.stop // d)
            y = convolve(part, weight, padding=_SIDES)
            result.put(slab, y[:, 1:, 1:])
        return result.close(subpixel.BLOCK**3)


def _joined(skipped: Tensor, below: Tensor, more: int = 0) -> Tensor:
    """The channels of two volumes, one after the other, and `more` slices of zeros behind them."""
    depth, h, w = skipped.shape[:3]
    result = empty_volume((depth + more, h, w, skipped.shape[3] + below.shape[3]))
    torch.cat((skipped, below), dim=-1, out=result[:depth])
    result[depth:] = 0
    return result


def _scaled(weight: Tensor, scale: Tensor) -> Tensor:
    """Give each input channel of a kernel its factor."""
    return weight * scale.view(1, -1, 1, 1, 1)


def _parameter(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(name).detach()


def _slope(unit: nn.Module) -> float:
    return float(_parameter(unit, "adn.A.weight"))


def _channels_last(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last_3d)

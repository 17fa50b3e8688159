"""The U-Net's forward pass on a CPU, several times faster than the plain module and as exact.

It computes what `carotid.network.unet.UNet` computes in evaluation mode, in float32, in another
order; the difference is rounding. What makes it fast:

- Volumes are (d, h, w, channels) arrays, the layout in which oneDNN convolves without reordering.
- The finest level, where the plain network convolves 2 and 16 channels at full resolution, works
  on blocks of 2×2×2 voxels: 16 channels on the half grid (`carotid.network.subpixel`).
- Steps follow each other slab by slab while the data are in the cache, and arrays are reused
  (`carotid.network.slabwise`).
- A convolution's bias before an instance norm has no effect: left out. 1/σ passes through a PReLU
  and goes into the weights of the next convolution. The two convolutions that read the same input,
  a unit's first and its shortcut, are one with twice the outputs.
- On processors with 512-bit vectors, convolutions of 8 channels work on pairs of voxels, as 16.

`fast_or_plain` gives the fast pass only after it has agreed with the plain module.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import nn

from carotid.network import subpixel
from carotid.network.huge_pages import empty_volume
from carotid.network.slabwise import (
    NormedVolume,
    convolve,
    library_convolution,
    lines,
    per_line,
    public_convolution,
    slabs,
    slices_with_zeros,
)
from carotid.network.unet import MULTIPLE_OF, OUT_CHANNELS, STRIDE, ResidualUnit, UNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from carotid.network.slabwise import Convolve

_logger = logging.getLogger(__name__)

TOLERANCE = 1e-5
"""How far the fast pass may be from the plain one, relative to the largest value.

Each is about 1e-6 from the exact result: some twenty convolutions and norms, each of which adds a
few roundings of 6e-8.
"""

_VECTOR_OF_PAIRS = 16
"""Floats in a 512-bit vector: two voxels of 8 channels."""


@dataclass(frozen=True)
class _Convolution:
    """A 3×3×3 convolution of stride 1 that keeps its number of channels, a norm and a PReLU."""

    weight: Tensor
    slope: float
    pairs: bool

    @classmethod
    def of(cls, unit: nn.Module, *, wide_vectors: bool) -> _Convolution:
        weight = _parameter(unit, "conv.weight")
        pairs = wide_vectors and 2 * weight.shape[0] == _VECTOR_OF_PAIRS
        if pairs:
            weight = subpixel.convolution_as_shifted_pairs(weight)
        return cls(_channels_last(weight), _slope(unit), pairs)

    def apply(self, operator: Convolve, x: NormedVolume, memory: Tensor | None) -> NormedVolume:
        """Convolve, with the norm and PReLU of `x` finished on the way."""
        scale = x.scale.repeat(2) if self.pairs else x.scale
        weight = self.weight * scale.view(1, -1, 1, 1, 1)
        d, h, w, channels = x.values.shape
        result = NormedVolume(empty_volume(x.values.shape) if memory is None else memory, self.slope)
        for slab in slabs(d, h * w):
            part = slices_with_zeros(x.active(slab.stop + 1), slab.start - 1, slab.stop + 1)
            if self.pairs:
                part = part.view(-1, h, w // 2, 2 * channels)
                y = convolve(operator, part, weight, padding=(0, 1, 1))
                y = y.view(-1, h, w + 2, channels)[:, :, 1:-1]
            else:
                y = convolve(operator, part, weight, padding=(0, 1, 1))
            result.put(slab, y)
        return result.close()


@dataclass(frozen=True)
class _Down:
    """A residual unit of the way down: two convolutions and a convolution as the shortcut."""

    first: Tensor
    first_slope: float
    first_bias: Tensor | None
    shortcut: Tensor | None
    shortcut_bias: Tensor | None
    second: _Convolution
    stride: int

    @classmethod
    def of(cls, unit: ResidualUnit, *, wide_vectors: bool) -> _Down:
        unit0 = unit.conv.get_submodule("unit0")
        first = _parameter(unit0, "conv.weight")
        shortcut = _parameter(unit, "residual.weight")
        bias = _parameter(unit, "residual.bias")
        second = _Convolution.of(unit.conv.get_submodule("unit1"), wide_vectors=wide_vectors)
        if shortcut.shape == first.shape:
            both = _channels_last(torch.cat((first, shortcut)))
            both_bias = torch.cat((torch.zeros_like(bias), bias))
            return cls(both, _slope(unit0), both_bias, None, None, second, STRIDE)
        first, shortcut = _channels_last(first), _channels_last(shortcut)
        return cls(first, _slope(unit0), None, shortcut, bias, second, 1)

    def apply(self, operator: Convolve, x: Tensor) -> Tensor:
        """Map (d, h, w, inputs) to (d/stride, h/stride, w/stride, outputs)."""
        stride = self.stride
        channels = self.second_channels
        d, h, w = (n // stride for n in x.shape[:3])
        main = NormedVolume(empty_volume((d, h, w, channels)), self.first_slope)
        result = empty_volume((d, h, w, channels))
        for slab in slabs(d, h * w):
            part = slices_with_zeros(x, stride * slab.start - 1, stride * (slab.stop - 1) + 2)
            y = convolve(
                operator, part, self.first, self.first_bias, stride=stride, padding=(0, 1, 1)
            )
            main.put(slab, y[..., :channels])
            if self.shortcut is None:
                result[slab] = y[..., channels:]
            else:
                result[slab] = convolve(operator, x[slab], self.shortcut, self.shortcut_bias)
        second = self.second.apply(operator, main.close(), None)
        _add(result, second)
        return result

    @property
    def second_channels(self) -> int:
        return self.first.shape[0] // (2 if self.shortcut is None else 1)


@dataclass(frozen=True)
class _Up:
    """A transposed convolution and a residual unit with one convolution around the identity."""

    transposed: Tensor
    slope: float
    convolution: _Convolution

    @classmethod
    def of(cls, level: nn.Module, *, wide_vectors: bool) -> _Up:
        first = level.get_submodule("0")
        unit = level.get_submodule("1.conv.unit0")
        convolution = _Convolution.of(unit, wide_vectors=wide_vectors)
        return cls(_channels_last(_parameter(first, "conv.weight")), _slope(first), convolution)

    def apply(self, operator: Convolve, skipped: Tensor, below: Tensor) -> Tensor:
        """Map two (d, h, w, …) volumes to one of (2d, 2h, 2w, outputs)."""
        x = torch.cat((skipped, below), dim=-1).unsqueeze(0).permute(0, 4, 1, 2, 3)
        y = F.conv_transpose3d(x, self.transposed, None, STRIDE, padding=1, output_padding=1)
        values = y.permute(0, 2, 3, 4, 1).squeeze(0).contiguous()
        main = NormedVolume(values, self.slope)
        for slab in slabs(values.shape[0], values.shape[1] * values.shape[2]):
            main.put(slab, values[slab])
        main.close()
        second = self.convolution.apply(operator, main, None)
        _add(values, second, main.scale)
        return values


@dataclass(frozen=True)
class _Top:
    """The last level, in 2×2×2 blocks on the half grid."""

    transposed: Tensor
    slope: float
    last: Tensor
    bias: Tensor

    @classmethod
    def of(cls, level: nn.Module) -> _Top:
        first = level.get_submodule("0")
        unit = level.get_submodule("1.conv.unit0")
        transposed = subpixel.transposed_as_blocks(_parameter(first, "conv.weight"))
        weight = subpixel.with_identity(_parameter(unit, "conv.weight"))
        last = subpixel.convolution_as_shifted_blocks(weight)
        bias = _parameter(unit, "conv.bias").repeat_interleave(subpixel.BLOCK**3)
        return cls(_channels_last(transposed), _slope(first), _channels_last(last), bias)

    def blocks(self, operator: Convolve, skipped: Tensor, below: Tensor) -> NormedVolume:
        """Map two (d, h, w, 8) volumes to the blocks of the transposed convolution's output."""
        d, h, w = skipped.shape[:3]
        result = NormedVolume(empty_volume((d, h, w, self.last.shape[1])), self.slope)
        for slab in slabs(d, h * w):
            ahead = slice(slab.start, min(slab.stop + 1, d))
            part = torch.cat((skipped[ahead], below[ahead]), dim=-1)
            part = slices_with_zeros(part, 0, slab.stop + 1 - slab.start)
            y = convolve(operator, part, self.transposed, padding=(0, 1, 1))
            result.put(slab, y[:, 1:, 1:])
        return result.close(subpixel.BLOCK**3)

    def voxels(self, operator: Convolve, x: NormedVolume) -> Tensor:
        """Map the blocks to the network's output: (1, 2, s, p, l)."""
        weight = self.last * x.scale.view(1, -1, 1, 1, 1)
        d, h, w = x.values.shape[:3]
        out = empty_volume((1, OUT_CHANNELS, 2 * d, 2 * h, 2 * w))
        for slab in slabs(d + 1, h * w):
            part = slices_with_zeros(x.active(slab.stop), slab.start - 1, slab.stop)
            y = convolve(operator, part, weight, self.bias, padding=(0, 1, 1))
            subpixel.write_shifted_blocks(y, out[0], slab.start)
        return out


class FastUNet:
    """The forward pass of one network, on the CPU; made by `from_plain`.

    It keeps no arrays between calls, so any number of them can take turns in one thread, or work in
    several. What it is not made for (batches, sides that give the bottom level a single voxel or
    are no multiples of 16, other devices and types) goes to the plain module, errors included.
    """

    def __init__(
        self,
        plain: UNet,
        downs: list[_Down],
        ups: list[_Up],
        top: _Top,
        operator: Convolve,
    ) -> None:
        self._plain = plain
        self._downs = downs
        self._ups = ups
        self._top = top
        self._operator = operator

    @classmethod
    def from_plain(cls, net: UNet) -> FastUNet:
        """Rearrange the weights of a plain network, of which a copy is kept.

        Raises:
            ValueError: If the module is not the known architecture, or a weight is not finite.
        """
        plain = frozen(net)
        if not all(bool(p.isfinite().all()) for p in plain.parameters()):
            msg = "a weight is not finite"
            raise ValueError(msg)
        wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
        downs, levels = [], []
        level = plain.model
        while not isinstance(level, ResidualUnit):
            downs.append(
                _Down.of(cast("ResidualUnit", level.get_submodule("0")), wide_vectors=wide)
            )
            levels.append(level.get_submodule("2"))
            level = level.get_submodule("1.submodule")
        downs.append(_Down.of(level, wide_vectors=wide))
        ups = [_Up.of(up, wide_vectors=wide) for up in levels[1:]]
        return cls(plain, downs, ups, _Top.of(levels[0]), _operator())

    def __call__(self, window: Tensor) -> Tensor:
        """Map one window to heatmaps.

        Args:
            window: (1, 1, s, p, l) float32 on the CPU; sides multiples of 16.

        Returns:
            (1, 2, s, p, l) heatmaps, an array of its own.
        """
        if not _suits(window):
            return cast("Tensor", self._plain(window))
        with torch.no_grad():
            return self._forward(window.detach().reshape(*window.shape[2:], 1))

    def _forward(self, x: Tensor) -> Tensor:
        skipped = []
        for down in self._downs:
            x = down.apply(self._operator, x)
            skipped.append(x)
        skipped.pop()
        for up in reversed(self._ups):
            x = up.apply(self._operator, skipped.pop(), x)
        blocks = self._top.blocks(self._operator, skipped.pop(), x)
        del x
        return self._top.voxels(self._operator, blocks)


def frozen(net: UNet) -> UNet:
    """Return a copy of a network in evaluation mode, whose weights need no gradient."""
    return copy.deepcopy(net).eval().requires_grad_(requires_grad=False)


def _add(base: Tensor, x: NormedVolume, base_scale: Tensor | None = None) -> None:
    """Add a normed volume to `base` (times its own scale), in place, slab by slab."""
    d, h, w = base.shape[:3]
    scale = per_line(x.scale, base)
    for slab in slabs(d, h * w):
        part = lines(base[slab])
        if base_scale is not None:
            part.mul_(per_line(base_scale, base))
        part.addcmul_(lines(x.active(slab.stop)[slab]), scale)


def _operator() -> Convolve:
    """The library's convolution if this build of PyTorch has it, else the public one."""
    x = torch.linspace(-1, 1, 8 * 27).view(1, 8, 3, 3, 3)
    try:
        found = library_convolution(x, x, None, [1, 1, 1], [1, 1, 1])
    except (RuntimeError, AttributeError, TypeError, NotImplementedError):
        return public_convolution
    same = torch.allclose(found, F.conv3d(x, x, None, padding=1), rtol=1e-4, atol=1e-4)
    return library_convolution if same else public_convolution


def _suits(window: Tensor) -> bool:
    sides = window.shape[2:]
    return (
        window.ndim == 5
        and tuple(window.shape[:2]) == (1, 1)
        and all(n > 0 and n % MULTIPLE_OF == 0 for n in sides)
        and sides.numel() > MULTIPLE_OF**3
        and window.dtype == torch.float32
        and window.device.type == "cpu"
    )


def _parameter(module: nn.Module, name: str) -> Tensor:
    return module.get_parameter(name).detach()


def _slope(unit: nn.Module) -> float:
    return float(_parameter(unit, "adn.A.weight"))


def _channels_last(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last_3d)

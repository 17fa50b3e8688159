"""A forward pass of the U-Net made for training on a CPU: same parameters, same function.

Plain modules spend most of a training step on the finest level (two channels at full size) and on
norms that leave the channels-last layout. Here the finest level works on the half grid (`subpixel`)
and normalisation and activation are one step with a hand-written gradient. Dropout is left out.
A convolution's bias before a normalisation cancels and is left out too; it receives no gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from carotid.network import subpixel

if TYPE_CHECKING:
    from carotid.network.unet import ResidualUnit, UNet

NORM_EPSILON = 1e-5
"""Added to the variance, as in the plain network."""

_CHUNK = 512
"""Numbers that are summed in the working precision before float32 takes over."""

_ROW = 512
"""Wanted length of the rows that channels-last arrays are folded into, for wide instructions."""


def blocked_forward(network: UNet, images: Tensor) -> Tensor:
    """Map windows to heatmaps in blocks of 2×2×2 voxels (see `carotid.training.heatmap.blocks`).

    Args:
        network: The network; its parameters receive the gradients.
        images: (n, 1, s, p, l); sides multiples of 16.

    Returns:
        (n, 16, s/2 + 1, p/2 + 1, l/2 + 1); the voxels beyond the borders mean nothing.
    """
    x = images.contiguous()
    _, _, s, p, l = x.shape  # noqa: E741
    # With one channel both layouts are the same memory; these strides say channels-last.
    x = x.as_strided(x.shape, (s * p * l, 1, p * l, l, 1))
    return _level(cast("nn.Sequential", network.model), x, top=True)


def _level(level: nn.Sequential, x: Tensor, *, top: bool = False) -> Tensor:
    down, skip, up = level[0], cast("Any", level[1]).submodule, cast("nn.Sequential", level[2])
    h = _residual_unit(cast("ResidualUnit", down), x, stride=2)
    if isinstance(skip, nn.Sequential):
        below = _level(skip, h)
    else:
        below = _residual_unit(skip, h, stride=1)
    joined = torch.cat([h, below], dim=1)
    return _last_up(up, joined) if top else _up(up, joined)


def _norm_act(x: Tensor, unit: Any, groups: int) -> Tensor:
    return cast("Tensor", _NormAct.apply(x, unit.adn.A.weight, groups))  # type: ignore[no-untyped-call]


def _residual_unit(unit: Any, x: Tensor, stride: int) -> Tensor:
    first, second, shortcut = unit.conv.unit0, unit.conv.unit1, unit.residual
    y = functional.conv3d(x, first.conv.weight, None, stride, 1)
    y = _norm_act(y, first, y.shape[1])
    y = functional.conv3d(y, second.conv.weight, None, 1, 1)
    y = _norm_act(y, second, y.shape[1])
    padding = shortcut.kernel_size[0] // 2
    return y + functional.conv3d(x, shortcut.weight, shortcut.bias, stride, padding)


def _up(up: Any, x: Tensor) -> Tensor:
    transposed, unit = up[0], up[1].conv.unit0
    y = functional.conv_transpose3d(x, transposed.conv.weight, None, 2, 1, 1)
    y = _norm_act(y, transposed, y.shape[1])
    z = functional.conv3d(y, unit.conv.weight, None, 1, 1)
    return y + _norm_act(z, unit, z.shape[1])


def _last_up(up: Any, x: Tensor) -> Tensor:
    transposed, unit = up[0], up[1].conv.unit0
    blocks = subpixel.transposed_as_blocks(transposed.conv.weight)
    last = subpixel.convolution_as_shifted_blocks(subpixel.with_identity(unit.conv.weight))
    y = functional.conv3d(functional.pad(x, (0, 1) * 3), blocks)
    channels = transposed.conv.weight.shape[1]
    y = _norm_act(y, transposed, channels)
    bias = unit.conv.bias.repeat_interleave(y.shape[1] // channels)
    return functional.conv3d(y, last, bias, 1, 1)


def _fold(x: Tensor) -> tuple[Tensor, int]:
    """View channels-last (n, c, ...) as (n, rows, repeats * c) and tell the repeats."""
    n, channels = x.shape[:2]
    voxels = x[0, 0].numel()
    limit = max(1, _ROW // channels)
    repeats = next(r for r in range(limit, 0, -1) if voxels % r == 0)
    return x.permute(0, 2, 3, 4, 1).reshape(n, voxels // repeats, repeats * channels), repeats


def _sum_rows(v: Tensor, channels: int, groups: int) -> Tensor:
    """Sum (n, rows, repeats * channels) to (n, groups) in float32, in two sweeps."""
    n, rows, width = v.shape
    whole = rows // _CHUNK * _CHUNK
    total = v[:, whole:].sum(1, dtype=torch.float32)
    if whole:
        chunks = v[:, :whole].reshape(n, whole // _CHUNK, _CHUNK, width).sum(2)
        total = total + chunks.sum(1, dtype=torch.float32)
    return total.view(n, -1, groups, channels // groups).sum((1, 3))


def _spread(per_group: Tensor, channels: int, repeats: int, dtype: torch.dtype) -> Tensor:
    """Turn (n, groups) into (n, 1, repeats * channels) factors for folded arrays."""
    per_channel = per_group.repeat_interleave(channels // per_group.shape[1], 1)
    return per_channel.repeat(1, repeats).unsqueeze(1).to(dtype)


class _NormAct(torch.autograd.Function):
    """Instance normalisation over groups of channels, then a PReLU with one slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, groups: int) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last_3d)
        channels = x.shape[1]
        v, repeats = _fold(x)
        count = v.shape[1] * v.shape[2] // groups
        mean = _sum_rows(v, channels, groups) / count
        z = v - _spread(mean, channels, repeats, v.dtype)
        variance = _sum_rows(z * z, channels, groups) / count
        scale = (variance + NORM_EPSILON).rsqrt()
        z.mul_(_spread(scale, channels, repeats, z.dtype))
        ctx.save_for_backward(z, scale)
        ctx.slope = float(slope) if slope.device.type == "cpu" else slope.to(z.dtype)
        ctx.repeats, ctx.count, ctx.groups = repeats, count, groups
        return _unfold(_leaky(z, ctx.slope), x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        z, scale = ctx.saved_tensors
        shape = gradients[0].shape
        channels, repeats, groups = shape[1], ctx.repeats, ctx.groups
        g = gradients[0].contiguous(memory_format=torch.channels_last_3d)
        g = g.permute(0, 2, 3, 4, 1).reshape(z.shape)
        dz = _leaky_gradient(g, z, ctx.slope)
        slope_gradient = _sum_rows(g * z.clamp(max=0), channels, groups).sum().reshape(1)
        along = _sum_rows(dz * z, channels, groups) / ctx.count
        mean = _sum_rows(dz, channels, groups) / ctx.count
        dz.mul_(_spread(scale, channels, repeats, dz.dtype))
        dz.addcmul_(z, _spread(-along * scale, channels, repeats, dz.dtype))
        dz.sub_(_spread(mean * scale, channels, repeats, dz.dtype))
        return _unfold(dz, shape), slope_gradient, None


def _leaky(z: Tensor, slope: float | Tensor) -> Tensor:
    """The activation; where the slope is a tensor nobody waits for a GPU to tell it."""
    if isinstance(slope, Tensor):
        return torch.where(z > 0, z, z * slope)
    return functional.leaky_relu(z, slope)


def _leaky_gradient(gradient: Tensor, z: Tensor, slope: float | Tensor) -> Tensor:
    if isinstance(slope, Tensor):
        return torch.where(z > 0, gradient, gradient * slope)
    found: Tensor = torch.ops.aten.leaky_relu_backward(gradient, z, slope, False)  # noqa: FBT003
    return found


def _unfold(v: Tensor, shape: torch.Size) -> Tensor:
    n, channels, s, p, l = shape  # noqa: E741
    return v.view(n, s, p, l, channels).permute(0, 4, 1, 2, 3)

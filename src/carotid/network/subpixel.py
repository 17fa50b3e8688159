"""Fine-grid convolutions, rewritten so that they run on a coarser grid with more channels.

A convolution library is slow with 2 channels on a big grid and fast with 16 channels on a small
one. A volume of 2 channels can be read as one of 16 on half the grid: each 2×2×2 block of voxels
becomes one coarse voxel, and the 8 positions in the block become channels. What has to be found is
the kernel that does to blocks what the given kernel does to voxels. It exists exactly: the numbers
are those of the given kernel, at other places. Everything below is separable, so it is enough to
say it for one axis; `i` counts coarse positions and fine positions are `2i` and `2i + 1`.

**A transposed convolution (kernel 3, stride 2, padding 1, output padding 1)** adds `in[j]·w[k]` to
fine position `2j + k − 1`. Seen from the output at `2i + p` (p = 0, 1), the coarse voxel
`j = i + t` contributes through the tap `k` with

    p + 1 = 2t + k        (p = 0: t = 0, k = 1;   p = 1: t = 0, k = 2 and t = 1, k = 0)

so each output block needs two coarse voxels, `i` and `i + 1`: an ordinary convolution with kernel 2
that looks ahead by one voxel, and the outputs `p` are channels.

**A convolution (kernel 3, stride 1, padding 1)** on blocks `(2i, 2i + 1)` would need the blocks
`i − 1`, `i` and `i + 1`: a kernel of 3. If the *output* blocks are shifted by one voxel, to
`(2i − 1, 2i)`, two are enough, because the fine input positions `2i − 2 … 2i + 1` that they need
are exactly the blocks `i − 1` and `i`. With output position `q`, tap `k`, input block `i − 1 + b`
and position `r` in it, the fine positions agree when

    (2i − 1 + q) + (k − 1) = 2(i − 1 + b) + r,   that is   q + k = 2b + r

In three dimensions that is a kernel of 2×2×2 = 8 block taps where unshifted blocks need 27. There
is one output block more than input blocks, and the outermost half of the first and of the last one
lies outside the volume and is cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 2
"""Voxels of a block along each axis that is blocked."""

_TAPS = 3


def _ahead(like: Tensor) -> Tensor:
    """1 where output position p, coarse offset t and tap k belong together: (p, t, k)."""
    p, t, k = _indices(like, BLOCK, BLOCK, _TAPS)
    return (p + 1 == 2 * t + k).to(like)


def _shifted(like: Tensor) -> Tensor:
    """1 where output position q, input position r, block b and tap k agree: (q, r, b, k)."""
    q, r, b, k = _indices(like, BLOCK, BLOCK, BLOCK, _TAPS)
    return (q + k == 2 * b + r).to(like)


def _indices(like: Tensor, *sizes: int) -> tuple[Tensor, ...]:
    axes = [torch.arange(size, device=like.device) for size in sizes]
    return torch.meshgrid(*axes, indexing="ij")


def transposed_as_blocks(weight: Tensor) -> Tensor:
    """Kernel of the convolution that makes the blocks of a transposed convolution's output.

    Args:
        weight: (inputs, outputs, 3, 3, 3) of a transposed convolution with stride 2, padding 1 and
            output padding 1.

    Returns:
        (outputs·8, inputs, 2, 2, 2). An output channel is `((c·2 + s)·2 + p)·2 + l` for the
        transposed convolution's channel c and the position (s, p, l) in the block. The volume has
        to be padded with one voxel of zeros at the end of each axis, and none at the start.
    """
    ahead = _ahead(weight)
    blocks = torch.einsum("ioxyz,aux,bvy,cwz->oabciuvw", weight, ahead, ahead, ahead)
    return blocks.reshape(-1, weight.shape[0], BLOCK, BLOCK, BLOCK)


def convolution_as_shifted_blocks(weight: Tensor) -> Tensor:
    """Kernel that convolves a volume of 2×2×2 blocks; its output blocks are shifted by a voxel.

    Args:
        weight: (outputs, inputs, 3, 3, 3) of a convolution with stride 1 and padding 1.

    Returns:
        (outputs·8, inputs·8, 2, 2, 2), for a volume of blocks padded with one block of zeros on
        each side. Channels count as in `transposed_as_blocks`; output block i holds the fine
        positions 2i − 1 and 2i of each axis.
    """
    shifted = _shifted(weight)
    blocks = torch.einsum("oixyz,aAux,bBvy,cCwz->oabciABCuvw", weight, shifted, shifted, shifted)
    outputs, inputs = weight.shape[:2]
    return blocks.reshape(outputs * BLOCK**3, inputs * BLOCK**3, BLOCK, BLOCK, BLOCK)


def with_identity(weight: Tensor) -> Tensor:
    """Kernel 3 of `convolution(x) + x`: one is added to each channel's own center."""
    outputs, inputs = weight.shape[:2]
    result = weight.clone()
    result[:, :, 1, 1, 1] += torch.eye(outputs, inputs, dtype=weight.dtype, device=weight.device)
    return result


def write_blocks(blocks: Tensor, voxels: Tensor, first: int) -> None:
    """Write 2×2×2 blocks as voxels.

    Shifted blocks go into a frame of one voxel about the volume, for the halves of the outermost
    blocks that lie outside.

    Args:
        blocks: (n, h, w, channels·8) float32, contiguous: n of d coarse slices.
        voxels: (channels, 2d, 2h, 2w), contiguous. The slices that `blocks` covers are written.
        first: Coarse index of the first slice of `blocks`.
    """
    places = _in_places(voxels)[:, first : first + len(blocks)]
    places.copy_(_in_blocks(blocks, len(voxels)))


# Two neighbours along the last axis travel together, as one complex number: four times faster.


def _in_blocks(blocks: Tensor, channels: int) -> Tensor:
    """(channels, d, 2, h, 2, w) complex numbers of blocks."""
    neighbours = blocks.view(*blocks.shape[:3], channels, BLOCK, BLOCK, BLOCK)
    return torch.view_as_complex(neighbours).permute(3, 0, 4, 1, 5, 2)


def _in_places(voxels: Tensor) -> Tensor:
    """(channels, d, 2, h, 2, w) complex numbers of voxels."""
    d, h, w = (n // BLOCK for n in voxels.shape[1:])
    return torch.view_as_complex(voxels.view(len(voxels), d, BLOCK, h, BLOCK, w, BLOCK))


def as_voxels(blocks: Tensor) -> Tensor:
    """Arrange 2×2×2 blocks, channels first, as voxels.

    Args:
        blocks: (n, channels·8, d, h, w); channels count as in `transposed_as_blocks`.

    Returns:
        (n, channels, 2d, 2h, 2w).
    """
    n, count, d, h, w = blocks.shape
    channels = count // BLOCK**3
    parts = blocks.reshape(n, channels, BLOCK, BLOCK, BLOCK, d, h, w)
    ordered = parts.permute(0, 1, 5, 2, 6, 3, 7, 4)
    return ordered.reshape(n, channels, BLOCK * d, BLOCK * h, BLOCK * w)

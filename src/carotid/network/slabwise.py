"""Convolution, instance norm and PReLU, a few slices at a time.

Volumes are (d, h, w, channels) arrays here, contiguous: the layout in which a convolution library
needs no reordering. They are worked on in slabs of slices along the first axis, small enough that
what one step leaves is still in the cache when the next step takes it, and that the temporary
arrays are small.

Instance norm needs the mean and the variance of a whole channel before a single voxel can be
normalised. So the output of a convolution passes twice: `NormedVolume.put` takes it slab by slab,
stores it less the slab's own mean, and adds up what is left and its squares (centred before
squaring: raw intensities may have a mean that is large against their spread); when all slabs are
there the sums are put together by the formula of Chan, Golub and LeVeque (1979),

    mean = Σ nₖ mₖ / n,        variance = Σ (Sₖ + nₖ (mₖ − mean)²) / n

with nₖ voxels, mean mₖ and centred square sum Sₖ in slab k. `NormedVolume.active` then gives
PReLU(x − mean), and `scale` the 1/σ that is still missing: it is positive, so that it passes
through the PReLU, and whoever takes the volume next multiplies its weights by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    Convolve = Callable[[Tensor, Tensor, Tensor | None, list[int], list[int]], Tensor]

EPSILON = 1e-5
"""What instance norm adds to the variance."""

SLAB_VOXELS = int(__import__('os').environ.get('SV',2**15))
"""Voxels of a slab at most (but at least one slice): a megabyte at 8 channels."""


def public_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int]
) -> Tensor:
    """Convolve by PyTorch's documented function, which chooses the library by its own rules."""
    return F.conv3d(x, weight, bias, stride, padding)


def library_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int], padding: list[int]
) -> Tensor:
    """Convolve by oneDNN's operator, asked for by name.

    The public function comes to the same operator for large inputs, but sends small ones to a loop
    of its own that is several times slower. The operator is internal to PyTorch: it may be missing
    from a build or change, so it has to be tried before it is relied on.
    """
    result: Tensor = torch.ops.aten.mkldnn_convolution(
        x, weight, bias, padding, stride, [1, 1, 1], 1
    )
    return result


def slabs(depth: int, slice_voxels: int, slab_voxels: int = SLAB_VOXELS) -> Iterator[slice]:
    """Cut `depth` slices of `slice_voxels` voxels each into slabs of nearly equal thickness."""
    count = -(-depth // max(1, slab_voxels // slice_voxels))
    edges = [depth * k // count for k in range(count + 1)]
    for start, stop in zip(edges, edges[1:], strict=False):
        yield slice(start, stop)


def slices_with_zeros(volume: Tensor, start: int, stop: int) -> Tensor:
    """Slices start … stop of a volume, with slices of zeros where they lie outside it."""
    depth = volume.shape[0]
    inside = volume[max(start, 0) : min(stop, depth)]
    before, after = max(0, -start), max(0, stop - depth)
    if not before and not after:
        return inside
    return F.pad(inside, (0, 0, 0, 0, 0, 0, before, after))


def convolve(
    operator: Convolve,
    volume: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int = 1,
    padding: tuple[int, int, int] = (0, 0, 0),
) -> Tensor:
    """Convolve a (d, h, w, inputs) volume to a contiguous (d', h', w', outputs) one."""
    x = volume.unsqueeze(0).permute(0, 4, 1, 2, 3)
    y = operator(x, weight, bias, [stride] * 3, list(padding))
    return y.permute(0, 2, 3, 4, 1).squeeze(0).contiguous()


def per_line(values: Tensor, volume: Tensor) -> Tensor:
    """Repeat one value a channel for each voxel of a line, to go with `lines(volume)`.

    The innermost loop then runs over a line instead of the few channels of a voxel.
    """
    return values.expand(volume.shape[2], -1).reshape(-1)


def lines(volume: Tensor) -> Tensor:
    """A (d, h, w, channels) volume as (d, h, w·channels), without a copy."""
    return volume.view(*volume.shape[:2], -1)


class NormedVolume:
    """The output of a convolution on its way through instance norm and PReLU.

    Args:
        values: (d, h, w, channels) float32, contiguous; memory for the result.
        slope: What the PReLU multiplies negative values by.
    """

    def __init__(self, values: Tensor, slope: float) -> None:
        self.values = values
        self.scale: Tensor = values.new_empty(0)
        self._slope = slope
        self._slabs: list[slice] = []
        self._centres: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._shifts: Tensor = values.new_empty(0)
        self._active = 0
        thickest = max(s.stop - s.start for s in slabs(values.shape[0], values[0, ..., 0].numel()))
        self._scratch = values.new_empty(thickest * values[0].numel())

    def put(self, slab: slice, y: Tensor) -> None:
        """Take the next slices.

        Args:
            slab: Which slices; each call goes on where the last one ended.
            y: (n, h, w, …), lines contiguous; of more channels the first ones are taken. It may
                be that part of `values` itself.
        """
        values = self.values[slab]
        channels = values.shape[3]
        n, h, w = y.shape[:3]
        centre = _sum_lines(y.flatten(2), y.shape[3])[:channels].div_(n * h * w)
        if y.shape[3] == channels:
            torch.sub(y.flatten(2), per_line(centre, y), out=lines(values))
        else:
            torch.sub(y[..., :channels], centre, out=values)
        scratch = self._scratch[: values.numel()].view_as(values)
        torch.mul(values, values, out=scratch)
        self._slabs.append(slab)
        self._centres.append(centre)
        self._sums.append(_sum_lines(lines(values), channels))
        self._squares.append(_sum_lines(lines(scratch), channels))

    def close(self, pooled: int = 1) -> NormedVolume:
        """Work out mean and variance, now that all slices are there.

        Args:
            pooled: So many neighbouring channels are the positions of one channel in a block, and
                have their statistics in common.
        """
        h, w = self.values.shape[1:3]
        counts = torch.tensor([(s.stop - s.start) * h * w for s in self._slabs])
        counts = counts.to(torch.float64).unsqueeze(1)
        centres = torch.stack(self._centres).to(torch.float64)
        rests = torch.stack(self._sums).to(torch.float64) / counts
        squares = torch.stack(self._squares).to(torch.float64) - counts * rests.square()
        means = centres + rests
        total = counts.sum()
        mean = _pool((counts * means).sum(0) / total, pooled)
        variance = (squares + counts * (means - mean).square()).sum(0) / total
        self.scale = (_pool(variance, pooled) + EPSILON).rsqrt().to(self.values)
        self._shifts = (mean - centres).to(self.values)
        self._scratch = self.values.new_empty(0)
        return self

    def active(self, stop: int) -> Tensor:
        """Return `values`, of which the slices before `stop` at least are PReLU(x − mean)."""
        while self._active < len(self._slabs) and self._slabs[self._active].start < stop:
            values = lines(self.values[self._slabs[self._active]])
            values.sub_(per_line(self._shifts[self._active], self.values))
            F.leaky_relu_(values, self._slope)
            self._active += 1
        return self.values


def _sum_lines(volume: Tensor, channels: int) -> Tensor:
    """Sum a (d, h, w·channels) volume to (channels,)."""
    return volume.sum((0, 1)).view(-1, channels).sum(0)


def _pool(statistic: Tensor, pooled: int) -> Tensor:
    """Average over groups of `pooled` channels and give each its group's value."""
    return statistic.view(-1, pooled).mean(1).repeat_interleave(pooled)

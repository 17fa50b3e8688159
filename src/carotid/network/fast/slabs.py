"""Convolution, instance norm and PReLU, a few slices at a time.

Volumes are (d, h, w, channels) arrays here, contiguous: the layout in which a convolution library
needs no reordering. They are worked on in slabs of slices along the first axis, small enough that
what one step leaves is still in the cache when the next step takes it, and that the temporary
arrays are small.

Instance norm needs the mean and the variance of a whole channel before a single voxel can be
normalised, so the output of a convolution passes twice. `NormedVolume.put` takes it slab by slab,
stores it less the mean of the slab's middle slice, and adds up what is left and its squares. (It is
centered before squaring, as raw intensities may have a mean that is large against their spread; one
slice of a few is near enough: its mean is off by less than the slab's spread times the root of
their number.) When all slabs are there, the sums are put together by the formula of Chan, Golub and
LeVeque (1979),

    mean = Σ nₖ mₖ / n,        variance = Σ (Sₖ + nₖ (mₖ − mean)²) / n

with nₖ voxels, mean mₖ and square sum Sₖ about mₖ in slab k. `NormedVolume.active` then gives
PReLU(x − mean), and `scale` the 1/σ that is still missing: it is positive, so that it passes
through the PReLU, and whoever takes the volume next multiplies its weights by it.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

EPSILON = 1e-5
"""What instance norm adds to the variance."""

SLAB_VOXELS = 2**16
"""Voxels of a slab at most (but at least one slice): 2 MiB at 8 channels."""

_ALL = 2**62

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Convolver:
    """How to convolve, and in slabs of how many voxels.

    oneDNN's operators, asked for by name, are fast for slabs of any size. PyTorch's public
    functions come to the same operators for large inputs only, and send others to loops of their
    own that are several times slower. But the names are internal to PyTorch: one may be missing
    from a build, or change. `available` tries them.

    Attributes:
        by_name: Whether the convolution is asked for by name.
        doubles_by_name: Whether the transposed one is.
        slab_voxels: Voxels of a slab at most (but at least one slice) of what is done by name; the
            rest is done in one piece.
    """

    by_name: bool
    doubles_by_name: bool
    slab_voxels: int

    @classmethod
    def available(cls) -> Convolver:
        """By name what this build of PyTorch can, the rest by public functions in one piece."""
        x = torch.linspace(-1, 1, 4 * 5 * 6 * 8, dtype=torch.float32, device="cpu")
        x = x.view(4, 5, 6, 8)
        weight = torch.linspace(-1, 1, 8 * 8 * 27, dtype=torch.float32, device="cpu")
        weight = weight.view(8, 8, 3, 3, 3)
        named = cls(by_name=True, doubles_by_name=True, slab_voxels=SLAB_VOXELS)
        public = cls(by_name=False, doubles_by_name=False, slab_voxels=SLAB_VOXELS)

        def same(convolved: Callable[[Convolver], Tensor]) -> bool:
            try:
                found = convolved(named)
            except (RuntimeError, AttributeError, TypeError) as error:
                _logger.info("convolutions are slower with this PyTorch: %s", error)
                return False
            agrees = torch.allclose(found, convolved(public), rtol=1e-4, atol=1e-4)
            if not agrees:
                _logger.info("convolutions are slower with this PyTorch: an operator differs")
            return agrees

        by_name = same(lambda convolve: convolve(x, weight, padding=(1, 1, 1)))
        doubles_by_name = same(lambda convolve: convolve.doubled(x, weight, last=True))
        return cls(by_name, doubles_by_name, SLAB_VOXELS)

    def in_slabs_of(self, voxels: int) -> Convolver:
        """Return the same with other slabs, where it works in slabs at all."""
        return replace(self, slab_voxels=voxels)

    def slabs(self, volume: Tensor, more: int = 0) -> list[slice]:
        """Cut a (d, h, w, …) volume, and `more` slices, into slabs of nearly equal thickness."""
        depth, h, w = volume.shape[:3]
        voxels = self.slab_voxels if self.by_name else _ALL
        return _cut(depth + more, voxels // (h * w))

    def doubling_slabs(self, volume: Tensor) -> list[slice]:
        """Cut a volume so that `doubled` makes slabs of the usual size of it."""
        depth, h, w = volume.shape[:3]
        voxels = self.slab_voxels if self.doubles_by_name else _ALL
        return _cut(depth, voxels // (2**3 * h * w))

    def __call__(
        self,
        volume: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        stride: int = 1,
        padding: tuple[int, int, int] = (0, 0, 0),
    ) -> Tensor:
        """Convolve a (d, h, w, inputs) volume to a contiguous (d', h', w', outputs) one."""
        x = volume.unsqueeze(0).permute(0, 4, 1, 2, 3)
        if self.by_name:
            y: Tensor = torch.ops.aten.mkldnn_convolution(
                x, weight, bias, list(padding), [stride] * 3, [1] * 3, 1
            )
        else:
            y = functional.conv3d(x, weight, bias, stride, padding)
        return y.permute(0, 2, 3, 4, 1).squeeze(0).contiguous()

    def doubled(self, volume: Tensor, weight: Tensor, *, last: bool) -> Tensor:
        """Transposed convolution with stride 2 and padding 1, of a slab that ends or goes on.

        Args:
            volume: (d, h, w, inputs).
            weight: (inputs, outputs, 3, 3, 3).
            last: Whether no slice follows the slab. Where one does, the last slice of the output
                is left out: it lacks what the next slice adds.

        Returns:
            (2d, 2h, 2w, outputs), or (2d − 1, …) where a slice follows; contiguous.
        """
        x = volume.unsqueeze(0).permute(0, 4, 1, 2, 3)
        more = [int(last), 1, 1]
        if self.doubles_by_name:
            y: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
                x, weight, None, [1] * 3, more, [2] * 3, [1] * 3, 1, "none", [], ""
            )
        else:
            y = functional.conv_transpose3d(x, weight, None, 2, 1, more)
        return y.permute(0, 2, 3, 4, 1).squeeze(0).contiguous()


def _cut(depth: int, thickness: int) -> list[slice]:
    """Slabs of nearly equal thickness, not above the given one, but of one slice at least."""
    count = -(-depth // max(1, thickness))
    edges = [depth * k // count for k in range(count + 1)]
    return [slice(*pair) for pair in itertools.pairwise(edges)]


def empty_volume(shape: Sequence[int]) -> Tensor:
    """An uninitialised float32 array on the CPU, whatever type and device PyTorch prefers."""
    return torch.empty(tuple(shape), dtype=torch.float32, device="cpu")


class NormedVolume:
    """The output of a convolution on its way through instance norm and PReLU.

    Args:
        shape: (d, h, w, channels).
        slope: What the PReLU multiplies negative values by.

    Attributes:
        values: What was put there; then, slab by slab as `active` is asked for it, PReLU(x − mean).
        scale: (channels,) 1/σ, once it is closed.
    """

    def __init__(self, shape: Sequence[int], slope: float) -> None:
        self._framed = empty_volume((shape[0] + 2, *shape[1:]))
        self._framed[:: shape[0] + 1] = 0
        self.values = self._framed[1:-1]
        self.scale = self.values.new_empty(0)
        self._slope = slope
        self._slabs: list[slice] = []
        self._centers: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._squares: list[Tensor] = []
        self._scratch = self.values.new_empty(0)
        self._shifts = self.values.new_empty(0)
        self._finished = 0

    def put(self, slab: slice, y: Tensor) -> None:
        """Take the next slices.

        Args:
            slab: Which slices; each call goes on where the last one ended.
            y: (n, h, w, …), lines contiguous; of more channels the first ones are taken. It may
                be that part of `values` itself.
        """
        values = self.values[slab]
        channels = values.shape[3]
        middle = y[len(y) // 2].flatten(0, 1)
        center = middle.sum(0)[:channels].div_(len(middle))
        if y.shape[3] == channels:
            torch.sub(y.flatten(2), per_line(center, y), out=lines(values))
        else:
            torch.sub(y[..., :channels], center, out=values)
        if self._scratch.numel() < values.numel():
            self._scratch = torch.empty_like(values).view(-1)
        squares = self._scratch[: values.numel()].view_as(values)
        torch.mul(values, values, out=squares)
        self._slabs.append(slab)
        self._centers.append(center)
        self._sums.append(values.view(-1, channels).sum(0))
        self._squares.append(squares.view(-1, channels).sum(0))

    def close(self, pooled: int = 1) -> NormedVolume:
        """Work out mean and variance, now that all slices are there.

        Args:
            pooled: So many neighbouring channels are the positions of one channel in a block, and
                have their statistics in common.
        """
        h, w = self.values.shape[1:3]
        voxels = [(slab.stop - slab.start) * h * w for slab in self._slabs]
        counts = torch.tensor(voxels, dtype=torch.float64, device="cpu").unsqueeze(1)
        total = counts.sum()
        centers = torch.stack(self._centers).to(torch.float64)
        rests = torch.stack(self._sums).to(torch.float64) / counts
        squares = torch.stack(self._squares).to(torch.float64) - counts * rests.square()
        means = centers + rests
        mean = _pool((counts * means).sum(0) / total, pooled)
        variance = (squares + counts * (means - mean).square()).sum(0) / total
        self.scale = (_pool(variance, pooled) + EPSILON).rsqrt().to(self.values)
        self._shifts = (mean - centers).to(self.values)
        self._scratch = self._scratch.new_empty(0)
        return self

    def active(self, stop: int) -> Tensor:
        """Return `values`, of which the slices before `stop` at least are PReLU(x − mean)."""
        while self._finished < len(self._slabs) and self._slabs[self._finished].start < stop:
            values = lines(self.values[self._slabs[self._finished]])
            values.sub_(per_line(self._shifts[self._finished], self.values))
            functional.leaky_relu_(values, self._slope)
            self._finished += 1
        return self.values

    def around(self, slab: slice) -> Tensor:
        """Slices of PReLU(x − mean) and their neighbours, or zeros: (n + 2, h, w, channels)."""
        self.active(slab.stop + 1)
        return self._framed[slab.start : slab.stop + 2]

    def add_to(self, base: Tensor, base_scale: Tensor | None = None) -> None:
        """Add the normed volume to `base`, in place.

        Args:
            base: (d, h, w, channels).
            base_scale: (channels,): what `base` is to be multiplied by later.
        """
        scale = per_line(self.scale if base_scale is None else self.scale / base_scale, base)
        for slab in self._slabs:
            self.active(slab.stop)
            lines(base[slab]).addcmul_(lines(self.values[slab]), scale)


def slices_with_zeros(volume: Tensor, start: int, stop: int) -> Tensor:
    """Slices start … stop of a volume, with slices of zeros where they lie outside it."""
    depth = volume.shape[0]
    parts = [volume[max(start, 0) : min(stop, depth)]]
    if start < 0:
        parts.insert(0, volume.new_zeros(-start, *volume.shape[1:]))
    if stop > depth:
        parts.append(volume.new_zeros(stop - depth, *volume.shape[1:]))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def lines(volume: Tensor) -> Tensor:
    """A (d, h, w, channels) volume as (d, h, w·channels), without a copy."""
    return volume.view(*volume.shape[:2], volume.shape[2] * volume.shape[3])


def per_line(values: Tensor, volume: Tensor) -> Tensor:
    """Repeat one value a channel for each voxel of a line, to go with `lines(volume)`.

    The innermost loop then runs over a line instead of the few channels of a voxel.
    """
    return values.expand(volume.shape[2], -1).reshape(-1)


def _pool(statistic: Tensor, pooled: int) -> Tensor:
    """Average over groups of `pooled` channels and give each its group's value."""
    return statistic.view(-1, pooled).mean(1).repeat_interleave(pooled)

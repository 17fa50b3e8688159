"""The last convolution of a network, once for a whole volume instead of once for each window.

Nothing but an average over overlapping windows follows a network's last convolution, and both are
linear. So windows can be added up before it. Let a_w be what window w gives to the convolution, its
*features*, cut to the volume and zero outside the window. The heatmaps of the volume are

    Σ_w 1_w · conv(window's own a_w) / n + bias  =  (conv(Σ_w a_w) + Σ_w r_w) / n + bias

where 1_w is 1 inside window w and 0 elsewhere, and n = Σ_w 1_w. The right side is exact with what
passes the faces of the windows, r_w: less the leaks and plus what is missing, as
`carotid.network.window_faces` explains. It differs from zero in thin planes only, and windows that
end at the same place have them in common, so that Σ_w r_w is kept plane by plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from carotid.geometry.memory import SMALLEST_BYTES
from carotid.network.fast import subpixel
from carotid.network.fast.subpixel import BLOCK
from carotid.network.volumes import empty_volume
from carotid.network.window_faces import faces, plane_voxels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from carotid.network.fast.slabs import Convolver
    from carotid.network.windows.plan import WindowPlan

_LEAST_OVERLAP = 2
"""So many windows have to see a voxel, on average, for features to be worth their while."""

_SLAB_VOXELS = 2**14
"""Blocks that are convolved together: temporary arrays of 1 MiB."""

_MOST_PLANE_VOXELS = 2**21
"""What may be kept plane by plane: 16 MiB with two channels. Only a very small step needs more."""


@dataclass(frozen=True, eq=False)
class Part:
    """What a network gives for a window.

    Attributes:
        voxels: (1, channels, s, p, l): heatmaps, or features.
        scale: A number for each channel that `voxels` is still to be multiplied by; None for 1.
        head: What makes heatmaps of the sum of all windows' features; None for heatmaps.
    """

    voxels: Tensor
    scale: tuple[float, ...] | None = None
    head: Head | None = None

    def add_to(self, total: Tensor, box: tuple[slice, slice, slice]) -> None:
        """Add the voxels of a box to `total`: (channels, …) of the box's shape, in any strides."""
        voxels = self.voxels[0][(slice(None), *box)]
        if self.scale is None:
            total += voxels
            return
        for channel, factor in enumerate(self.scale):
            total[channel].add_(voxels[channel], alpha=factor)


@runtime_checkable
class GivesParts(Protocol):
    """A network that can stop before its last convolution."""

    def __call__(self, window: Tensor) -> Tensor:
        """Map (1, 1, s, p, l) to (1, channels, s, p, l) heatmaps."""

    def part(self, window: Tensor) -> Part:
        """Map (1, 1, s, p, l) to features, or to heatmaps where it cannot."""


def part_of(network: Callable[[Tensor], Tensor], window: Tensor) -> Part:
    """Features of a window, from a network that gives any; else heatmaps."""
    if isinstance(network, GivesParts):
        return network.part(window)
    return heatmaps_of(network, window)


def heatmaps_of(network: Callable[[Tensor], Tensor], window: Tensor) -> Part:
    """Heatmaps of a window."""
    return Part(network(window))


def features_pay(plan: WindowPlan) -> bool:
    """Whether windows overlap so much that the last convolution had better wait for their sum."""
    overlap = prod(sum(plan.counts(axis)) / size for axis, size in enumerate(plan.shape))
    return overlap >= _LEAST_OVERLAP and plane_voxels(plan) <= _MOST_PLANE_VOXELS


@dataclass(frozen=True, eq=False)
class Head:
    """A 3×3×3 convolution around the identity, with as many outputs as inputs.

    Attributes:
        weight: (channels, channels, 3, 3, 3), with the identity in it.
        blocks: The same for 2×2×2 blocks; see `subpixel.convolution_as_shifted_blocks`.
        bias: (channels,).
        convolve: How to convolve blocks.
    """

    weight: Tensor
    blocks: Tensor
    bias: Tensor
    convolve: Convolver

    @classmethod
    def of(cls, unit: nn.Module, convolve: Convolver) -> Head:
        """Take the weights of a plain residual unit with one bare convolution."""
        weight = subpixel.with_identity(unit.get_parameter("conv.unit0.conv.weight").detach())
        blocks = subpixel.convolution_as_shifted_blocks(weight)
        blocks = blocks.contiguous(memory_format=torch.channels_last_3d)
        bias = unit.get_parameter("conv.unit0.conv.bias").detach()
        return cls(weight, blocks, bias, convolve.in_slabs_of(_SLAB_VOXELS))

    def average(self, total: Tensor, passed: Passed, plan: WindowPlan) -> None:
        """Turn a sum of features into averaged heatmaps, in place.

        Args:
            total: (channels, s, p, l), in any strides.
            passed: What passed the faces of the windows.
            plan: The windows.
        """
        counts = [torch.tensor(plan.counts(axis), dtype=total.dtype) for axis in range(3)]
        plane = counts[1][:, None] * counts[2]
        bias = self.bias.view(-1, 1, 1, 1)
        for slab, voxels in self._convolved(total):
            passed.add_to(voxels, slab)
            count = counts[0][slab, None, None] * plane
            torch.addcdiv(bias, voxels, count, out=total[:, slab])

    def _convolved(self, total: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Slices, and the convolution's (channels, n, p, l) there, without bias.

        When slices come, what `total` holds there has been used, and may be overwritten.
        """
        channels, depth, p, l = total.shape  # noqa: E741 - the axis is named l everywhere
        coarse = total[0, ::BLOCK, ::BLOCK, ::BLOCK]
        h, w = coarse.shape[1:]
        behind = total.new_zeros(1, h, w, self.blocks.shape[1])
        for slab in self.convolve.slabs(coarse, more=1 - depth % BLOCK):
            n, first = slab.stop - slab.start, BLOCK * slab.start
            part = _with_blocks(behind, total[:, first : first + BLOCK * n], n)
            behind = part[n:].clone()
            y = self.convolve(part, self.blocks, padding=(0, 1, 1))
            del part
            framed = total.new_empty(channels, BLOCK * n, BLOCK * h + 2, BLOCK * w + 2)
            subpixel.write_blocks(y, framed, 0)
            del y
            # Blocks are shifted by a voxel: the first slice of `framed` lies before `first`.
            done = slice(max(first - 1, 0), min(first - 1 + BLOCK * n, depth))
            inside = slice(done.start - first + 1, done.stop - first + 1)
            yield done, framed[:, inside, 1 : p + 1, 1 : l + 1]


def _with_blocks(behind: Tensor, voxels: Tensor, count: int) -> Tensor:
    """(count + 1, h, w, channels·8): a slice of blocks, and those of voxels with zeros beyond."""
    channels, n, p, l = voxels.shape  # noqa: E741
    _, h, w, width = behind.shape
    even = voxels.new_zeros(channels, BLOCK * count, BLOCK * h, BLOCK * w)
    even[:, :n, :p, :l] = voxels
    part = voxels.new_empty(count + 1, h, w, width)
    part[:1] = behind
    subpixel.read_blocks(even, part[1:])
    return part


class Passed:
    """What passes the faces of windows, added up plane by plane.

    Args:
        head: The convolution.
        plan: The windows.
    """

    def __init__(self, head: Head, plan: WindowPlan) -> None:
        self._weight = head.weight
        self._plan = plan
        self._planes: dict[tuple[int, int], Tensor] = {}
        # In one piece, and so large that it lies in a region, where it makes no gaps for others.
        size = max(len(head.weight) * plane_voxels(plan), SMALLEST_BYTES // 4)
        self._free = empty_volume([size])

    def add(self, part: Part, corner: tuple[int, int, int]) -> None:
        """Take a window's features into account.

        Args:
            part: The features.
            corner: Its first voxel in the padded volume.
        """
        features, weight = part.voxels, self._weight
        if part.scale is not None:
            weight = weight * weight.new_tensor(part.scale).view(1, -1, 1, 1, 1)
        for face in faces(self._plan, corner):
            source = features[(slice(None), slice(None), *face.source)].squeeze(face.axis + 2)
            through = weight.select(face.axis + 2, face.tap)
            found = functional.conv2d(source, through, padding=BLOCK)[0]
            target = [box for axis, box in enumerate(face.target) if axis != face.axis]
            for axis, (box, before) in enumerate(zip(target, face.before, strict=True), 1):
                found = found.narrow(axis, before + 1, box.stop - box.start)
            plane = self._plane(face.axis, face.target[face.axis].start)
            plane[(slice(None), *target)].add_(found, alpha=-1 if face.leaks else 1)

    def add_to(self, voxels: Tensor, slab: slice) -> None:
        """Add it to the slices `slab` of a volume: (channels, n, p, l)."""
        for (axis, place), plane in self._planes.items():
            if axis > 0:
                voxels.select(axis + 1, place).add_(plane[:, slab])
            elif slab.start <= place < slab.stop:
                voxels[:, place - slab.start].add_(plane)

    def _plane(self, axis: int, place: int) -> Tensor:
        if (axis, place) not in self._planes:
            sides = [n for other, n in enumerate(self._plan.shape) if other != axis]
            shape = (len(self._weight), *sides)
            numbers, self._free = self._free.tensor_split([prod(shape)])
            self._planes[axis, place] = numbers.view(shape).zero_()
        return self._planes[axis, place]

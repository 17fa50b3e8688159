"""The members' heatmaps of one side, brought to the stored grid and folded, slab by slab.

Mean and standard deviation are written to a file whose slowest axis may be any of the patient's
axes, so slabs are cut along that one. The maxima are asked for per axial slice, which a slab may
hold only a part of; `Maxima` therefore keeps the best seen so far.
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.errors import ModelError
from carotid.geometry.memory import empty_array
from carotid.network.ahead import one_ahead
from carotid.network.fast.cuda import aside, to_host
from carotid.network.unet import OUT_CHANNELS
from carotid.network.volumes import volume_like
from carotid.stages.heatmap.coarse import CoarseHeatmaps
from carotid.stages.heatmap.sampling import sample_axis, sample_last_axis

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from carotid.geometry.frame import NetworkFrame
    from carotid.geometry.grid import Reordering
    from carotid.geometry.resample import AxisSampling
    from carotid.geometry.sides import Side

logger = logging.getLogger(__name__)

_SLAB_BYTES = 6 << 20
"""One member's float32 heatmaps of a slab, in bytes: small enough to stay in the cache."""

_ALL_SLABS_BYTES = 64 << 20
"""All members' heatmaps of a slab together."""

_GPU_SLAB_BYTES, _ALL_GPU_SLABS_BYTES = 32 << 20, 256 << 20
"""The same on a GPU, which takes as long for a small slab as for a large one."""


@dataclass(frozen=True, eq=False)
class RawSlab:
    """The next slices of a side's result along the stored grid's slowest axis.

    Attributes:
        mean: (k, j, i, 2) float32, C-contiguous, mean over the members.
        std: Likewise, standard deviation (n−1); zeros for one member.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]


class Maxima:
    """The largest value of every member, channel and axial slice, and where it lies.

    Among equal values the first in (x, y) order counts, in canonical (R-A-S) voxel indices.

    Args:
        members: Number of members.
        raw_shape: Raw voxels in S-P-L order.
    """

    def __init__(self, members: int, raw_shape: tuple[int, int, int]) -> None:
        slices, self._depth, self._width = raw_shape
        self._value = np.full((members, OUT_CHANNELS, slices), -np.inf, np.float32)
        self._key = np.full((members, OUT_CHANNELS, slices), np.iinfo(np.int64).max, np.int64)

    @property
    def indices(self) -> NDArray[np.int64]:
        """(members, 2, axial slices, 2) int64: canonical (x, y)."""
        return np.stack(np.divmod(self._key, self._depth), axis=-1)

    @property
    def values(self) -> NDArray[np.float32]:
        """(members, 2, axial slices) float32: the largest values."""
        return self._value

    def add(self, member: int, heatmaps: Tensor, start: tuple[int, int, int]) -> None:
        """Look at a block of one member's heatmaps.

        Args:
            member: Which member.
            heatmaps: (2, s, p, l) float32 on the raw voxels, S-P-L order.
            start: Raw S-P-L index of the block's first voxel.
        """
        columns = heatmaps.amax(2).cpu().numpy()
        l_best = columns.shape[2] - 1 - columns[:, :, ::-1].argmax(2)
        value = np.take_along_axis(columns, l_best[:, :, None], 2)[:, :, 0]
        index = torch.from_numpy(l_best).to(heatmaps.device)[:, :, None, None]
        depth = heatmaps.shape[2]
        column = heatmaps.gather(3, index.expand(-1, -1, depth, 1))[..., 0].cpu().numpy()
        p_best = depth - 1 - column[:, :, ::-1].argmax(2)
        self._keep(member, start[0], value, start[1] + p_best, start[2] + l_best)

    def add_zeros(self, slices: int, l_last: int) -> None:
        """Take into account that whole columns of the neck are zero.

        Args:
            slices: Number of axial slices.
            l_last: The zero column that is furthest to the patient's left.
        """
        shape = (OUT_CHANNELS, slices)
        p = np.full(shape, self._depth - 1, np.int64)
        columns = np.full(shape, l_last, np.int64)
        for member in range(len(self._value)):
            self._keep(member, 0, np.zeros(shape, np.float32), p, columns)

    def _keep(
        self,
        member: int,
        first_slice: int,
        value: NDArray[np.float32],
        p: NDArray[np.int64],
        columns: NDArray[np.int64],
    ) -> None:
        key = (self._width - 1 - columns) * self._depth + (self._depth - 1 - p)
        box = (member, slice(None), slice(first_slice, first_slice + value.shape[1]))
        better = (value > self._value[box]) | ((value == self._value[box]) & (key < self._key[box]))
        self._value[box] = np.where(better, value, self._value[box])
        self._key[box] = np.where(better, key, self._key[box])


@dataclass(frozen=True, eq=False)
class _Block:
    """What is folded into the next slab.

    Attributes:
        heatmaps: Each member's (2, s, p, l) on the raw voxels; nothing where all are zero.
        shape: Raw voxels of the slab, in S-P-L order, with columns that are zero.
        start: Raw S-P-L index of the slab's first voxel.
        l_start: Columns of the slab that are zero before the heatmaps' first one.
    """

    heatmaps: list[Tensor]
    shape: tuple[int, int, int]
    start: tuple[int, int, int]
    l_start: int


class SideResult:
    """Collects the members' predictions of one side and folds them on the stored grid.

    Args:
        frame: The way back to the stored grid.
        side: Which side.
        members: How many members there will be.
        scratch_file: See `CoarseHeatmaps`.
    """

    def __init__(
        self, frame: NetworkFrame, side: Side, members: int, scratch_file: Path | None = None
    ) -> None:
        self._frame = frame
        self._slab_axis = frame.reordering.axes.index(2)
        s, p, columns = frame.side_to_raw(side)
        self._columns = columns.support()
        if self._slab_axis != 2:  # each slab has all columns; only those that are not zero count
            columns = columns.part(*self._columns)
        self._sampling = (s, p, columns)
        self.side = side
        self._members = members
        self.coarse = CoarseHeatmaps(self._slab_axis, scratch_file)
        self.maxima = Maxima(members, frame.raw_shape)
        self._extremes: list[tuple[str, Tensor]] = []
        self._moving = threading.Lock()

    def add(self, heatmaps: Tensor, member: str) -> None:
        """Keep one member's (2, s, p, l) heatmaps, as the network gave them.

        A GPU is not waited for until the last member is there.

        Raises:
            ModelError: Where they hold NaN or infinity.
        """
        last = len(self.coarse) + 1 == self._members
        extremes = torch.stack((heatmaps.amin(), heatmaps.amax()))  # NaN prevails
        self._extremes.append((member, extremes))
        self.coarse.add(heatmaps, last=last)
        if last or not heatmaps.is_cuda:
            self._check()  # waits for a GPU, so that all is there when it is folded

    def _check(self) -> None:
        """Refuse heatmaps that are no numbers, of the members added since the last time."""
        for member, extremes in self._extremes:
            if not bool(torch.isfinite(extremes).all()):
                raise ModelError(
                    "the network's heatmaps hold NaN or infinity",
                    where=member,
                    remedy="check the weights, and whether the scan's intensities must be rescaled",
                )
        self._extremes.clear()

    def slabs(self, *, ahead: bool = False) -> Generator[RawSlab]:
        """Mean and standard deviation on the stored grid, in the order of its slowest axis.

        Afterwards `maxima` is complete and the members' heatmaps are forgotten.

        Args:
            ahead: Whether the members' next slab is brought to the stored grid in a thread, on one
                core, while the last one is folded.
        """
        blocks = self._blocks()
        with self.coarse, closing(one_ahead(blocks) if ahead else blocks) as ready:
            for block in ready:
                yield self._folded_in_memory(block)
                del block  # not to be kept while the next one is waited for
            self._zero_columns()

    def leave_device(self) -> None:
        """Work in main memory from here on: that of the device is needed, or was not enough."""
        self.coarse.leave_device()

    def _blocks(self) -> Generator[_Block]:
        """The members' heatmaps of slab after slab."""
        raw_size = self._frame.raw_shape[self._slab_axis]
        backwards = self._frame.reordering.flips[self._slab_axis]
        done = 0
        while done < raw_size:
            stop = min(done + self._slab_rows(), raw_size)
            if backwards:
                yield self._block_in_memory(raw_size - stop, raw_size - done)
            else:
                yield self._block_in_memory(done, stop)
            done = stop

    def _block_in_memory(self, start: int, stop: int) -> _Block:
        """`_block`, on the CPU where the device has no memory for it."""
        try:
            return self._block(start, stop)
        except torch.OutOfMemoryError:
            self._tell_and_leave_device()
        return self._block(start, stop)

    def _tell_and_leave_device(self) -> None:
        with self._moving, aside(self.coarse.device):  # what is being folded comes first
            self.leave_device()
        logger.warning("out of memory on the device; heatmaps are put together on the CPU")

    def _slab_rows(self) -> int:
        others = [n for a, n in enumerate(self._frame.raw_shape) if a != self._slab_axis]
        row_bytes = 4 * OUT_CHANNELS * others[0] * others[1]
        one, together = _SLAB_BYTES, _ALL_SLABS_BYTES
        if self.coarse.device.type == "cuda":
            one, together = _GPU_SLAB_BYTES, _ALL_GPU_SLABS_BYTES
        return max(1, min(one, together // max(len(self.coarse), 1)) // row_bytes)

    @torch.inference_mode()
    def _block(self, start: int, stop: int) -> _Block:
        with self._moving, aside(self.coarse.device):
            return self._block_of_all(start, stop)

    def _block_of_all(self, start: int, stop: int) -> _Block:
        axis = self._slab_axis
        sampling = list(self._sampling)
        sampling[axis] = sampling[axis].part(start, stop)
        low, high = self._columns
        if axis == 2:
            low, high = sampling[2].support()
            sampling[2] = sampling[2].part(low, high)
        first, shape = [0, 0, 0], list(self._frame.raw_shape)
        first[axis], shape[axis] = start, stop - start
        if low == high:
            heatmaps = []
        else:
            heatmaps = [self._raw_member(member, sampling) for member in range(len(self.coarse))]
        return _Block(heatmaps, (shape[0], shape[1], shape[2]), (first[0], first[1], first[2]), low)

    def _folded_in_memory(self, block: _Block) -> RawSlab:
        """`_folded`, on the CPU where the device has no memory for it."""
        try:
            return self._folded(block)
        except torch.OutOfMemoryError:
            self._tell_and_leave_device()
        start = block.start[self._slab_axis]
        return self._folded(self._block(start, start + block.shape[self._slab_axis]))

    @torch.inference_mode()
    def _folded(self, block: _Block) -> RawSlab:
        if not block.heatmaps:
            zeros = self._stored(None, block.shape, 0)
            return RawSlab(zeros, zeros)
        with aside(block.heatmaps[0].device):
            return self._folded_of_all(block)

    def _folded_of_all(self, block: _Block) -> RawSlab:
        s, p, columns = block.start
        for member, heat in enumerate(block.heatmaps):
            self.maxima.add(member, heat, (s, p, columns + block.l_start))
        mean, std = mean_and_std(block.heatmaps)
        return RawSlab(
            self._stored(mean, block.shape, block.l_start),
            self._stored(std, block.shape, block.l_start),
        )

    def _raw_member(self, member: int, sampling: list[AxisSampling]) -> Tensor:
        """(2, s, p, l) float32: one member's heatmaps on the raw voxels of a slab."""
        axis = self._slab_axis
        low, high = sampling[axis].input_range()
        x = self.coarse.slab(member, low, high)
        middle, last = (sampling[a] for a in range(3) if a != axis)
        x = sample_axis(sample_last_axis(x, last), 2, middle)
        x = sample_axis(x, 0, sampling[axis].shifted(low, high - low))
        if all(one.is_identity for one in (last, middle, sampling[axis].shifted(low, high - low))):
            x = volume_like(x, "writing").copy_(x)  # what is kept must not be worked on in place
        return x.movedim(0, axis + 1)

    def _stored(
        self, heatmaps: Tensor | None, shape: tuple[int, int, int], l_start: int
    ) -> NDArray[np.float32]:
        """Lay a block of S-P-L heatmaps out as the stored grid's slices, zeros beside it."""
        way = self._frame.reordering
        if heatmaps is not None and heatmaps.is_cuda:
            return to_host(_laid_out(heatmaps, shape, l_start, way))
        raw = [shape[way.axes.index(a)] for a in range(3)]
        shape_out = (raw[2], raw[1], raw[0], OUT_CHANNELS)
        out: NDArray[np.float32] = empty_array(shape_out, np.dtype(np.float32), "writing")
        if heatmaps is None:
            out[:] = 0
            return out
        ordered = way.view(out.transpose(2, 1, 0, 3))
        block = heatmaps.cpu().numpy()
        l_stop = l_start + block.shape[3]
        ordered[:, :, :l_start] = 0
        ordered[:, :, l_stop:] = 0
        for channel in range(OUT_CHANNELS):
            ordered[:, :, l_start:l_stop, channel] = block[channel]
        return out

    def _zero_columns(self) -> None:
        low, high = self._columns
        width = self._frame.raw_shape[2]
        if high < width:
            self.maxima.add_zeros(self._frame.raw_shape[0], width - 1)
        elif low > 0:
            self.maxima.add_zeros(self._frame.raw_shape[0], low - 1)


def _laid_out(
    heatmaps: Tensor, shape: tuple[int, int, int], l_start: int, way: Reordering
) -> Tensor:
    """(k, j, i, 2): what `SideResult._stored` gives, made where the heatmaps are."""
    whole = heatmaps.new_zeros((OUT_CHANNELS, *shape))
    whole[..., l_start : l_start + heatmaps.shape[3]] = heatmaps
    backwards = [a + 1 for a in range(3) if way.flips[a]]
    ordered = whole.flip(backwards) if backwards else whole
    return ordered.permute([*(way.axes.index(a) + 1 for a in (2, 1, 0)), 0]).contiguous()


def mean_and_std(heatmaps: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (n−1; zeros for one) over tensors of one shape.

    In two passes over what is in the cache anyway. All tensors' memory is used up; the standard
    deviation lies in that of the first.
    """
    n = len(heatmaps)
    mean = volume_like(heatmaps[0], "writing").copy_(heatmaps[0])
    for heat in heatmaps[1:]:
        mean += heat
    mean /= n
    if n == 1:
        return mean, heatmaps[0].zero_()
    variance = heatmaps[0].sub_(mean).square_()
    for heat in heatmaps[1:]:
        variance.addcmul_(heat.sub_(mean), heat)
    return mean, variance.div_(n - 1).sqrt_()

"""The members' heatmaps of one side, brought to the stored grid and folded, slab by slab.

Mean and standard deviation are written to a file whose slowest axis may be any of the patient's
axes, so slabs are cut along that one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from carotid.errors import ModelError
from carotid.network.exact import exact
from carotid.network.gpu import folding_stream, to_host
from carotid.network.unet import OUT_CHANNELS
from carotid.stages.heatmap.coarse import CoarseHeatmaps
from carotid.stages.heatmap.maxima import Maxima
from carotid.stages.heatmap.sampling import sample_axis, sample_last_axis
from carotid.stages.heatmap.trace import Ridges, SideTraces, Trace

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


class SideResult:
    """Collects the members' predictions of one side and folds them on the stored grid.

    Args:
        frame: The way back to the stored grid.
        side: Which side.
        members: How many members there will be.
        scratch_file: See `CoarseHeatmaps`.

    Attributes:
        side: Which side.
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
        self._maxima_of_members: list[Trace] = []
        self._ridges: Ridges | None = None
        self._extremes: list[tuple[str, Tensor]] = []

    def add(self, heatmaps: Tensor, member: str) -> None:
        """Keep one member's (2, s, p, l) heatmaps, as the network gave them.

        A GPU is not waited for until the last member is there.

        Raises:
            ModelError: Where they hold NaN or infinity.
        """
        last = len(self.coarse) + 1 == self._members
        extremes = torch.stack((heatmaps.amin(), heatmaps.amax()))  # NaN prevails
        self._extremes.append((member, extremes))
        trace = Trace.of(heatmaps)
        self.coarse.add(heatmaps, last=last)
        self._maxima_of_members.append(trace)
        if last:
            self._ridges = self._ridges_in_memory()
        if last or not heatmaps.is_cuda:
            self._check()  # waits for a GPU, so that all is there when it is folded

    @property
    def traces(self) -> SideTraces:
        """What is kept to judge heatmaps by."""
        if self._ridges is None:
            message = "not all members were added"
            raise ValueError(message)
        return SideTraces(self._maxima_of_members, self._ridges)

    def _ridges_in_memory(self) -> Ridges:
        """Those of the mean, found on the CPU where the device has no memory for it."""
        try:
            return self.coarse.ridges_of_mean()
        except torch.OutOfMemoryError:
            self.leave_device()
        return self.coarse.ridges_of_mean()

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

    def slabs(self) -> Generator[RawSlab]:
        """Mean and standard deviation on the stored grid, in the order of its slowest axis.

        Afterwards `maxima` is complete and the members' heatmaps are forgotten.
        """
        raw_size = self._frame.raw_shape[self._slab_axis]
        backwards = self._frame.reordering.flips[self._slab_axis]
        done = 0
        with self.coarse:
            while done < raw_size:
                stop = min(done + self._slab_rows(), raw_size)
                span = (raw_size - stop, raw_size - done) if backwards else (done, stop)
                yield self._slab_in_memory(*span)
                done = stop
            self._zero_columns()

    def leave_device(self) -> None:
        """Work in main memory from here on: that of the device is needed, or was not enough."""
        self.coarse.leave_device()

    def _slab_in_memory(self, start: int, stop: int) -> RawSlab:
        """`_slab`, on the CPU where the device has no memory for it."""
        try:
            return self._slab(start, stop)
        except torch.OutOfMemoryError:
            logger.warning("out of memory on the device; heatmaps are put together on the CPU")
            with folding_stream(self.coarse.device):
                self.leave_device()
        return self._slab(start, stop)

    def _slab_rows(self) -> int:
        others = [n for a, n in enumerate(self._frame.raw_shape) if a != self._slab_axis]
        row_bytes = 4 * OUT_CHANNELS * others[0] * others[1]
        one, together = _SLAB_BYTES, _ALL_SLABS_BYTES
        if self.coarse.device.type == "cuda":
            one, together = _GPU_SLAB_BYTES, _ALL_GPU_SLABS_BYTES
        return max(1, min(one, together // max(len(self.coarse), 1)) // row_bytes)

    @torch.inference_mode()
    def _slab(self, start: int, stop: int) -> RawSlab:
        """Slices start … stop along the slab axis, all members' folded."""
        axis = self._slab_axis
        sampling = list(self._sampling)
        sampling[axis] = sampling[axis].part(start, stop)
        low, high = self._columns
        if axis == 2:
            low, high = sampling[2].support()
            sampling[2] = sampling[2].part(low, high)
        first, sizes = [0, 0, 0], list(self._frame.raw_shape)
        first[axis], sizes[axis] = start, stop - start
        shape = (sizes[0], sizes[1], sizes[2])
        if low == high:
            zeros = self._stored(None, shape, 0)
            return RawSlab(zeros, zeros)
        with folding_stream(self.coarse.device), exact(self.coarse.device):
            heatmaps = [self._raw_member(member, sampling) for member in range(len(self.coarse))]
            for member, heat in enumerate(heatmaps):
                self.maxima.add(member, heat, (first[0], first[1], first[2] + low))
            mean, std = mean_and_std(heatmaps)
            return RawSlab(self._stored(mean, shape, low), self._stored(std, shape, low))

    def _raw_member(self, member: int, sampling: list[AxisSampling]) -> Tensor:
        """(2, s, p, l) float32: one member's heatmaps on the raw voxels of a slab."""
        axis = self._slab_axis
        low, high = sampling[axis].input_range()
        x = self.coarse.slab(member, low, high)
        middle, last = (sampling[a] for a in range(3) if a != axis)
        x = sample_axis(sample_last_axis(x, last), 2, middle)
        x = sample_axis(x, 0, sampling[axis].shifted(low, high - low))
        if all(one.is_identity for one in (last, middle, sampling[axis].shifted(low, high - low))):
            x = x.clone()  # what is kept must not be worked on in place
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
        out = np.empty(shape_out, np.float32)
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
    mean = heatmaps[0].clone()
    for heat in heatmaps[1:]:
        mean += heat
    mean /= n
    if n == 1:
        return mean, heatmaps[0].zero_()
    variance = heatmaps[0].sub_(mean).square_()
    for heat in heatmaps[1:]:
        variance.addcmul_(heat.sub_(mean), heat)
    return mean, variance.div_(n - 1).sqrt_()

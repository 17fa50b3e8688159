"""Keeps every member's heatmaps of one side at the network's resolution until all have predicted.

An ensemble's standard deviation needs all members at one place at one time. At the network's
resolution a member is small (84 MB for a whole neck), and the way back to the stored grid is
walked slab by slab, so this is all that has to be kept. Beyond a budget of memory, members are
kept in a scratch file: memory does not grow with the ensemble.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from carotid.network.gpu import spare_bytes
from carotid.stages.heatmap.scratch import KEPT_BYTES, ScratchFile, Spilled
from carotid.stages.heatmap.trace import Ridges

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor


_MEAN_BYTES = 4 << 20
"""Of the mean that is looked at together: few enough to stay in the cache."""

GPU_BUDGET_BYTES = 2 << 30
"""Heatmaps kept on a GPU, of one side, where half of what it has to spare is not less."""


class CoarseHeatmaps:
    """The members' heatmaps of one side, cut in slabs along one axis.

    Args:
        slab_axis: The axis of S-P-L along which slabs will be read.
        scratch_file: Where members beyond the budget go; None keeps all in memory.
        kept_bytes: How much is kept in main memory where there is a scratch file.

    Attributes:
        device: Where slabs are handed out.
        memory_order: How the axes of (2, s, p, l) heatmaps follow each other in memory here; such
            as come in this order are not copied.
    """

    def __init__(
        self,
        slab_axis: int,
        scratch_file: Path | None = None,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self.slab_axis = slab_axis
        self.memory_order = (slab_axis + 1, 0, *(a + 1 for a in range(3) if a != slab_axis))
        self._kept: list[Tensor | Spilled] = []
        self._shape: tuple[int, ...] = ()
        self._scratch = None if scratch_file is None else ScratchFile(scratch_file)
        self.device = torch.device("cpu")
        self._bytes_left = self._main_memory_bytes = kept_bytes
        self._left_device = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, heatmaps: Tensor, *, last: bool = False) -> None:
        """Keep one member's (2, s, p, l) float32 heatmaps.

        Room in memory is left for the last member, which is read back at once.

        Raises:
            ResourceError: Where the scratch file cannot be written.
        """
        if self._left_device:
            heatmaps = heatmaps.cpu()
        slabs = heatmaps.permute(self.memory_order).contiguous()
        if slabs.is_cuda and not self._kept:
            self._bytes_left = min(GPU_BUDGET_BYTES, spare_bytes(slabs.device) // 2)
        self.device = slabs.device
        self._shape = tuple(slabs.shape)
        self._kept.append(self._place(slabs, last=last))

    def _place(self, slabs: Tensor, *, last: bool) -> Tensor | Spilled:
        """Where a member is kept: as it is, or in the scratch file."""
        if self._scratch is None:
            return slabs
        size = slabs.numel() * slabs.element_size()
        if (size if last else 2 * size) <= self._bytes_left:
            self._bytes_left -= size
            return slabs
        return self._scratch.append(_bytes_of(slabs.cpu().numpy()))

    def slab(self, member: int, start: int, stop: int) -> Tensor:
        """(stop−start, 2, …) float32: slices of one member along the slab axis, others in order."""
        kept = self._kept[member]
        if not isinstance(kept, Spilled):
            return kept[start:stop]
        shape = (stop - start, *self._shape[1:])
        out = np.empty(shape, np.float32)
        row_bytes = out.nbytes // max(stop - start, 1)
        kept.read_into(_bytes_of(out), start * row_bytes)
        return torch.from_numpy(out).to(self.device)

    @torch.inference_mode()
    def ridges_of_mean(self) -> Ridges:
        """The ridges of the mean over the members that are kept."""
        axis = self.slab_axis
        sizes = dict(zip(self.memory_order, self._shape, strict=True))
        s, p, columns = shape = [sizes[a] for a in (1, 2, 3)]
        over_l = torch.full((2, s, p), -torch.inf, device=self.device)
        over_p = torch.full((2, s, columns), -torch.inf, device=self.device)
        rows = max(1, _MEAN_BYTES * shape[axis] // (8 * s * p * columns))
        for start in range(0, shape[axis], rows):
            stop = min(start + rows, shape[axis])
            mean = self.slab(0, start, stop).clone()
            for member in range(1, len(self)):
                mean += self.slab(member, start, stop)
            found = Ridges.of(mean.div_(len(self)).movedim(0, axis + 1))
            box = [slice(start, stop) if a == axis else slice(None) for a in range(3)]
            for whole, part, other in ((over_l, found.over_l, 1), (over_p, found.over_p, 2)):
                known = whole[:, box[0], box[other]]
                torch.maximum(known, part, out=known)
        return Ridges(over_l, over_p)

    def leave_device(self) -> None:
        """Keep in main memory what is kept on a device, now and from here on.

        Raises:
            ResourceError: Where the scratch file cannot be written.
        """
        self._left_device = True
        if self.device.type == "cpu":
            return
        self.device = torch.device("cpu")
        self._bytes_left = self._main_memory_bytes
        for member, kept in enumerate(self._kept):
            if not isinstance(kept, Spilled):
                self._kept[member] = self._place(kept.cpu(), last=False)

    def close(self) -> None:
        """Forget everything and remove the scratch file."""
        self._kept.clear()
        if self._scratch is not None:
            self._scratch.close()


def _bytes_of(array: NDArray[np.float32]) -> memoryview:
    return memoryview(array.data).cast("B")

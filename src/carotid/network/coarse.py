"""Keeps every member's heatmaps of one side at the network's resolution until all have predicted.

An ensemble's standard deviation needs all members at one place at one time. At the network's
resolution a member is small (84 MB for a whole neck), and the way back to the stored grid is
walked slab by slab, so this is all that has to be kept. Beyond a budget of memory, members are
kept in a scratch file: memory does not grow with the ensemble.
"""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from carotid.errors import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

MEMORY_BUDGET_BYTES = 176 << 20
"""Heatmaps kept in memory, of one side: two members of a whole neck, or many of a small one."""


class CoarseHeatmaps:
    """The members' heatmaps of one side, cut in slabs along one axis.

    Args:
        slab_axis: The axis of S-P-L along which slabs will be read.
        scratch_file: Where members beyond the budget go; None keeps all in memory.
        budget_bytes: How much is kept in memory where there is a scratch file.

    Attributes:
        memory_order: How the axes of (2, s, p, l) heatmaps follow each other in memory here; such
            as come in this order are not copied.
    """

    def __init__(
        self,
        slab_axis: int,
        scratch_file: Path | None = None,
        budget_bytes: int = MEMORY_BUDGET_BYTES,
    ) -> None:
        self.slab_axis = slab_axis
        self.memory_order = (slab_axis + 1, 0, *(a + 1 for a in range(3) if a != slab_axis))
        self._kept: list[Tensor | int] = []
        self._shape: tuple[int, ...] = ()
        self._scratch_file = scratch_file
        self._descriptor: int | None = None
        self._closing: weakref.finalize[[int], CoarseHeatmaps] | None = None
        self._device = torch.device("cpu")
        self._budget = budget_bytes
        self._in_memory = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, heatmaps: Tensor) -> None:
        """Keep one member's (2, s, p, l) float32 heatmaps.

        Raises:
            ResourceError: Where the scratch file cannot be written.
        """
        slabs = heatmaps.permute(self.memory_order).contiguous()
        self._shape = tuple(slabs.shape)
        self._device = slabs.device
        size = slabs.numel() * slabs.element_size()
        if self._scratch_file is None or self._in_memory + size <= self._budget:
            self._in_memory += size
            self._kept.append(slabs)
        else:
            self._kept.append(self._spill(self._scratch_file, slabs))

    def slab(self, member: int, start: int, stop: int) -> Tensor:
        """(stop−start, 2, …) float32: slices of one member along the slab axis, others in order."""
        kept = self._kept[member]
        if not isinstance(kept, int):
            return kept[start:stop]
        shape = (stop - start, *self._shape[1:])
        out = np.empty(shape, np.float32)
        row = out.nbytes // max(stop - start, 1)
        view = memoryview(out.data).cast("B")
        done = 0
        while done < out.nbytes:
            got = os.preadv(self._file(), [view[done:]], kept + start * row + done)
            if got <= 0:
                raise ResourceError(
                    "the scratch file is shorter than what was written to it",
                    where=self._scratch_file,
                    remedy="check the disk that the output directory is on",
                )
            done += got
        return torch.from_numpy(out).to(self._device)

    def leave_device(self) -> None:
        """Keep in main memory what is kept on a device, now and from here on."""
        self._device = torch.device("cpu")
        for member, kept in enumerate(self._kept):
            if not isinstance(kept, int):
                self._kept[member] = kept.cpu()

    def close(self) -> None:
        """Forget everything and remove the scratch file."""
        self._kept.clear()
        self._descriptor = None
        if self._closing is not None:
            self._closing()

    def _file(self) -> int:
        if self._descriptor is None:
            message = "nothing was spilled"
            raise ValueError(message)
        return self._descriptor

    def _spill(self, path: Path, slabs: Tensor) -> int:
        try:
            if self._descriptor is None:
                self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                self._closing = weakref.finalize(self, os.close, self._descriptor)
                with suppress(OSError):  # gone with the process, however that ends
                    path.unlink()
            offset = os.lseek(self._descriptor, 0, os.SEEK_END)
            view = memoryview(slabs.cpu().numpy().data).cast("B")
            done = 0
            while done < view.nbytes:
                done += os.write(self._descriptor, view[done:])
        except OSError as error:
            raise ResourceError(
                f"cannot keep a member's heatmaps in a scratch file: {error.strerror}",
                where=path,
                remedy="free space on the disk that the output directory is on",
            ) from error
        return offset

"""How much memory the heatmaps of a scan will take, foreseen from its header.

All large arrays follow from the scan's grid, its type and the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.geometry.frame import NetworkFrame
from carotid.network.windows.plan import WindowPlan
from carotid.stages.heatmap.scratch import KEPT_BYTES

if TYPE_CHECKING:
    import numpy as np

    from carotid.geometry.grid import Grid
    from carotid.stages.heatmap.parameters import HeatmapParameters

_LIBRARIES_BYTES = 260 << 20
"""PyTorch and what else is imported, as measured."""

_MEMBER_BYTES = 12 << 20
"""A member's weights, plainly and rearranged for the fast pass."""

_FORWARD_BYTES_PER_VOXEL = 20
"""What one forward pass works with at its peak, per voxel of the window, as measured. The CPU has
to have it also beside a GPU, where the networks go when the GPU's memory is not enough."""

_HANDED_OVER_BYTES_PER_VOXEL = 8
"""What the network made of a window."""

_PADDED_BYTES_PER_VOXEL = 4
"""A window that reaches beyond the scan; others are views of it."""

_FLOAT_BYTES = 4
_HEATMAP_BYTES = 8
"""Two channels in float32."""

_SIDES_IN_FLIGHT = 2
"""While one side is predicted, the one before is being written; each may hold a member beyond what
is kept in memory, on its way to the scratch file or into the sum."""

_SLABS_BYTES_PER_MEMBER, _SLABS_BYTES = 12 << 20, 128 << 20
"""Slabs on the stored grid, of which there are two at a time; of all members at most so much."""

_WRITING_BYTES = 20 << 20
"""Mean and standard deviation, and what is being deflated."""

_GPU_LIBRARIES_BYTES = 700 << 20
"""CUDA's libraries and what they keep in main memory, as measured."""

_GPU_WRITING_BYTES = 256 << 20
"""What comes from a GPU does so in larger pieces: two slabs of mean and standard deviation, of
32 MiB each, and as much on its way into the file."""

_DRIVER = Path("/proc/driver/nvidia/version")

_WINDOW = "one window"


@dataclass(frozen=True)
class HeatmapForecast:
    """What a scan will take at its peak, in bytes.

    Attributes:
        libraries: Imported code.
        models: The members' weights.
        scan: The voxels as stored, and both sides as the networks see them.
        forward: The windows on their way through a network, and one that waits.
        predictions: One side's windows put together.
        kept: The members' heatmaps until they are folded, of the side that is predicted and the
            one that is written.
        writing: Slabs on their way to the disk.
    """

    libraries: int
    models: int
    scan: int
    forward: int
    predictions: int
    kept: int
    writing: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return (
            self.libraries
            + self.models
            + self.scan
            + self.forward
            + self.predictions
            + self.kept
            + self.writing
        )

    @property
    def largest(self) -> tuple[str, int]:
        """What takes most of it, in words, and how many bytes."""
        parts = {
            "the scan": self.scan,
            _WINDOW: self.forward,
            "heatmaps": self.predictions + self.kept,
        }
        return max(parts.items(), key=lambda part: part[1])

    @property
    def remedy(self) -> str:
        """What one can do about that."""
        smaller = "a smaller roi_size, or max_roi_depth"
        return smaller if self.largest[0] == _WINDOW else "crop the scan"


def foresee(
    grid: Grid,
    dtype: np.dtype[np.generic],
    members: int,
    parameters: HeatmapParameters,
    workers: int = 1,
    *,
    beside_gpu: bool = False,
) -> HeatmapForecast:
    """What a scan will take of main memory at its peak.

    Args:
        grid: Its stored grid.
        dtype: Its type when read.
        members: Size of the ensemble.
        parameters: Window, overlap, resampling, crop and sides.
        workers: How many windows are predicted at a time.
        beside_gpu: Whether a GPU computes, for as long as its own memory is enough; then the next
            scan is read beside what is written.

    Raises:
        InputError: The crop leaves nothing of the scan.
    """
    frame = NetworkFrame.of(
        grid, resample=parameters.spacing, crop=parameters.crop, sides=parameters.sides
    )
    shapes = [parameters.shown_shape(frame.side_shape(one)) for one in frame.seen_sides]
    side = max(prod(one) for one in shapes)
    plans = [WindowPlan.of(one, parameters.window(one), parameters.overlap) for one in shapes]
    window = max(prod(plan.window) for plan in plans)
    at_a_time = min(workers, members * sum(len(plan) for plan in plans))
    padded = any(n < m for plan in plans for n, m in zip(plan.shape, plan.window, strict=True))
    waiting = 1 if at_a_time > 1 else 0
    one_member = _HEATMAP_BYTES * side
    in_memory = KEPT_BYTES // max(one_member, 1)
    scans = 2 if beside_gpu else 1
    return HeatmapForecast(
        libraries=_LIBRARIES_BYTES + beside_gpu * _GPU_LIBRARIES_BYTES,
        models=_MEMBER_BYTES * members,
        scan=scans * (prod(grid.shape) * dtype.itemsize + len(shapes) * _FLOAT_BYTES * side),
        forward=window
        * (
            _FORWARD_BYTES_PER_VOXEL * at_a_time
            + (_HANDED_OVER_BYTES_PER_VOXEL + padded * _PADDED_BYTES_PER_VOXEL)
            * (at_a_time + waiting)
        ),
        predictions=one_member,
        kept=one_member * min(_SIDES_IN_FLIGHT * members, in_memory + _SIDES_IN_FLIGHT),
        writing=_WRITING_BYTES
        + beside_gpu * _GPU_WRITING_BYTES
        + min(_SLABS_BYTES_PER_MEMBER * members, _SLABS_BYTES),
    )


def expect_gpu(device: str | None) -> bool:
    """Whether a GPU will compute, as far as one can tell before PyTorch is imported.

    Args:
        device: What was asked for: cuda, cpu, or whatever there is.
    """
    return device == "cuda" or (device is None and _DRIVER.exists())

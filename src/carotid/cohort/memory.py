"""How much memory a scan will take, foreseen from its header, and how much there is.

A machine that begins to swap in the middle of a night's run is worse than a clear refusal at its
start. All large arrays follow from the scan's grid, its type and the window; what they add up to is
compared with what the system and the container still have before the first voxel is read.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.errors import ResourceError
from carotid.geometry.frame import NetworkFrame
from carotid.network.windows.plan import WindowPlan
from carotid.stages.heatmap.scratch import KEPT_BYTES

if TYPE_CHECKING:
    import numpy as np

    from carotid.config import HeatmapParameters
    from carotid.geometry.grid import Grid

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class Forecast:
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
    def total(self) -> int:
        """All of it, in bytes."""
        return (
            self.libraries
            + self.models
            + self.scan
            + self.forward
            + self.predictions
            + self.kept
            + self.writing
        )


def foresee(
    grid: Grid,
    dtype: np.dtype[np.generic],
    members: int,
    parameters: HeatmapParameters,
    workers: int = 1,
    *,
    beside_gpu: bool = False,
) -> Forecast:
    """What a scan will take of main memory at its peak.

    Args:
        grid: Its stored grid.
        dtype: Its type when read.
        members: Size of the ensemble.
        parameters: Window, overlap and resampling.
        workers: How many windows are predicted at a time.
        beside_gpu: Whether a GPU computes, for as long as its own memory is enough; then the next
            scan is read beside what is written.
    """
    frame = NetworkFrame.of(grid, resample=parameters.spacing)
    side = max(prod(frame.side_shape(one)) for one in frame.sides)
    window = prod(parameters.roi_size)
    plans = [
        WindowPlan.of(frame.side_shape(one), parameters.roi_size, parameters.overlap)
        for one in frame.sides
    ]
    at_a_time = min(workers, members * sum(len(plan) for plan in plans))
    padded = any(n < m for plan in plans for n, m in zip(plan.shape, plan.window, strict=True))
    waiting = 1 if at_a_time > 1 else 0
    one_member = _HEATMAP_BYTES * side
    in_memory = KEPT_BYTES // max(one_member, 1)
    scans = 2 if beside_gpu else 1
    return Forecast(
        libraries=_LIBRARIES_BYTES + beside_gpu * _GPU_LIBRARIES_BYTES,
        models=_MEMBER_BYTES * members,
        scan=scans * (prod(grid.shape) * dtype.itemsize + len(frame.sides) * _FLOAT_BYTES * side),
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


def check_memory(where: str | Path, forecast: Forecast) -> None:
    """Say at INFO what a scan will take, and refuse it where there is not so much.

    Raises:
        ResourceError: Says how much is needed, how much there is, and what to do.
    """
    available = available_bytes() + resident_bytes()
    needed = forecast.total
    logger.info("%s: needs about %s of memory, %s available", where, _gib(needed), _gib(available))
    if needed <= available:
        return
    parts = {
        "the scan": forecast.scan,
        "one window": forecast.forward,
        "heatmaps": forecast.predictions + forecast.kept,
    }
    largest = max(parts, key=lambda name: parts[name])
    raise ResourceError(
        "the scan needs more memory than there is",
        where=where,
        found=f"{_gib(available)} available",
        expected=f"about {_gib(needed)}, of which {_gib(parts[largest])} for {largest}",
        remedy="use a machine or a container with more memory"
        + (", or a smaller roi_size" if largest == "one window" else ", or crop the scan"),
    )


def available_bytes() -> int:
    """Memory that this process can still get without making the machine swap."""
    limits = [_system_bytes(Path("/proc/meminfo"))]
    limits += _cgroup_bytes(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return min(limits)


def resident_bytes() -> int:
    """Memory that this process has already; 0 where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/self/status").read_text("ascii", errors="replace")
        return int(text.split("VmRSS:")[1].split()[0]) << 10
    return 0


def _system_bytes(meminfo: Path) -> int:
    """MemAvailable of Linux; where nobody tells, more than any machine has."""
    with suppress(OSError, ValueError, IndexError):
        text = meminfo.read_text("ascii", errors="replace")
        return int(text.split("MemAvailable:")[1].split()[0]) << 10
    return 1 << 62


def _cgroup_bytes(own: Path, root: Path) -> list[int]:
    """What is left under each memory limit of this process's control groups, version 2 and 1."""
    found = []
    for folder, limit, usage in _cgroup_folders(own, root):
        with suppress(OSError, ValueError):
            most = int((folder / limit).read_text("ascii"))  # "max" where there is no limit
            used = int((folder / usage).read_text("ascii"))
            found.append(max(0, most - used + _reclaimable_bytes(folder)))
    return found


def _cgroup_folders(own: Path, root: Path) -> list[tuple[Path, str, str]]:
    """Each control group that this process is in, from its own up to the root."""
    try:
        lines = own.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        place = Path(path.lstrip("/"))
        for part in (place, *place.parents):
            if ".." in part.parts:
                continue
            if controllers == "":
                folders.append((root / part, "memory.max", "memory.current"))
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
                folders.append((root / "memory" / part, *names))
    return folders


def _reclaimable_bytes(folder: Path) -> int:
    """Cached pages of files, which count as used but are given up on demand."""
    with suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text("ascii", errors="replace").splitlines():
            key, _, value = line.partition(" ")
            if key in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"

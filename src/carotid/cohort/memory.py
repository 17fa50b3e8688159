"""How much memory there is, and whether what is foreseen fits into it.

A machine that begins to swap in the middle of a night's run is worse than a clear refusal at its
start. What a stage foresees from a scan's header is compared with what the system and the container
still have before the first voxel is read.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.errors import ResourceError

if TYPE_CHECKING:
    from carotid.stages.stage import Forecast

logger = logging.getLogger(__name__)


def check_memory(where: str | Path, forecast: Forecast) -> None:
    """Say at INFO what a scan will take, and refuse it where there is not so much.

    Raises:
        ResourceError: Says how much is needed, how much there is, and what to do.
    """
    available = available_bytes() + resident_bytes()
    needed = forecast.total_bytes
    logger.info("%s: needs about %s of memory, %s available", where, _gib(needed), _gib(available))
    if needed <= available:
        return
    largest, largest_bytes = forecast.largest
    raise ResourceError(
        "the scan needs more memory than there is",
        where=where,
        found=f"{_gib(available)} available",
        expected=f"about {_gib(needed)}, of which {_gib(largest_bytes)} for {largest}",
        remedy=f"use a machine or a container with more memory, or {forecast.remedy}",
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

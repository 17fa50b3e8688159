"""How many cores this process was given, and how its threads behave beside those of others."""

from __future__ import annotations

import os
from contextlib import suppress
from math import ceil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def given_cores() -> int:
    """Cores that this process may use, at least 1: what is there, or what a variable allows."""
    limits = [os.cpu_count() or 1]
    with suppress(AttributeError, OSError):
        limits.append(len(os.sched_getaffinity(0)))
    limits.append(_cgroup_cores(_CGROUP))
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"):
        with suppress(ValueError):  # OpenMP takes a list, one number for each level of nesting
            limits.append(int(os.environ.get(name, "").split(",")[0]))
    return max(1, min(limit for limit in limits if limit > 0))


def wait_without_spinning() -> None:
    """Let threads that wait for each other sleep; to be called before torch is imported.

    OpenMP's threads spin while they wait. Where more threads than cores are about, as with two
    commands side by side, that keeps those off the cores that are waited for. A setting of the
    user's own stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def one_thread_in_workers() -> None:
    """Let matrix products of NumPy use one thread in processes that are started from now on.

    Workers have a core each; a side of a simulated neck takes twice the computing time where two
    of them share two cores with two threads each. A setting of the user's own stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _cgroup_cores(root: Path) -> int:
    """The CPU quota of version 2 or 1 control groups in whole cores, rounded up; 0 for none."""
    with suppress(OSError, ValueError, IndexError):
        quota, period = (root / "cpu.max").read_text("ascii").split()[:2]
        return ceil(int(quota) / int(period))
    with suppress(OSError, ValueError):
        quota_us = int((root / "cpu" / "cpu.cfs_quota_us").read_text("ascii"))
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text("ascii"))
        return ceil(quota_us / period_us) if quota_us > 0 else 0
    return 0

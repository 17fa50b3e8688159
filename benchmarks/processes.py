"""Commands timed from their start to their end, and ratios of what they took."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

THIS = (sys.executable, "-m", "carotid")
FIGURES = ("wall_s", "cpu_s", "peak_mib")


@dataclass(frozen=True)
class Run:
    """What a process took.

    Attributes:
        wall_s: From its start to its end.
        cpu_s: Processor time, the system's included.
        peak_mib: Most resident memory.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float


def apart(make: Callable[..., object], *arguments: object) -> None:
    """Call a function in a process of its own, so that this one stays small.

    Linux counts what a process had at its highest as its children's, too, so large arrays made here
    would show in the peaks of all commands.
    """
    process = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{make.__name__} failed")


def timed(command: Sequence[str]) -> tuple[Run, dict[str, Any]]:
    """What a command took, and the JSON object that it printed last."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        text = process.stdout.read().decode() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{text}")
    last = text.strip().splitlines()[-1:]
    printed = json.loads(last[0]) if last and last[0].startswith("{") else {}
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), printed


def table(label: str, runs: Sequence[Run]) -> None:
    """What each run took, with the median first."""
    for figure in FIGURES:
        print(f"  {label:13} {figure:8} {several([getattr(run, figure) for run in runs], 1)}")


def ratios(label: str, ours: Sequence[Run], theirs: Sequence[Run], figures: Sequence[str]) -> None:
    """The median over the rounds, and each round's."""
    print(f"{label}:")
    for figure in figures:
        pairs = zip(ours, theirs, strict=True)
        values = [getattr(one, figure) / getattr(other, figure) for one, other in pairs]
        print(f"  {figure:8} {several(values, 3)}", flush=True)


def several(values: Sequence[float], digits: int) -> str:
    """The median, and all values."""
    return f"{median(values):.{digits}f}  ({', '.join(f'{v:.{digits}f}' for v in values)})"


def machine() -> str:
    """The processor and Python, in words."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"

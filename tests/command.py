"""The command, run as users run it: in a process of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.forks import Forks

CAROTID = Path(sys.executable).with_name("carotid")
TIMEOUT_S = 500


def environment(**more: str) -> dict[str, str]:
    """One core, so that tests side by side do not fight."""
    return {**os.environ, "SLURM_CPUS_PER_TASK": "1", "OMP_NUM_THREADS": "1", **more}


def run_carotid(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; `more` are environment variables.

    Without any, it is a fork that need not import PyTorch, and strings have the same hashes in all
    forks; with some, such as PYTHONHASHSEED, it is the installed command.
    """
    words = [str(CAROTID), *map(str, arguments)]
    if not more:
        return _forks().run(words, environment(), TIMEOUT_S)
    return subprocess.run(
        words,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@cache
def _forks() -> Forks:
    return Forks(environment())


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below a folder but locks, with its SHA-256 and the time of its last change."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def unfinished(output_dir: Path) -> list[str]:
    """What a run has left behind in an output directory that is neither a result nor a lock."""
    return sorted(
        path.name for path in (output_dir / ".carotid").glob("*") if path.suffix != ".lock"
    )


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder with its SHA-256."""
    return {name: digest for name, (digest, _) in tree(folder).items()}

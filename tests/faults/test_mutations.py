"""Damaged files of every kind: a documented error or the scan, never a crash or a hang."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import environment
from tests.faults.mutation import KINDS

pytestmark = pytest.mark.timeout(3000)  # on a busy machine; seconds on a free one

ROOT = Path(__file__).parents[2]
FEW, PIECE = 100, 2500

MAIN = ("deflated MHA", "gzipped NIfTI", "DICOM", "weights")
SHARES = [
    *(pytest.param(kind, FEW, 0, id=f"{kind}, {FEW}") for kind in MAIN),
    *(
        pytest.param(kind, PIECE, seed, id=f"{kind}, part {seed}", marks=pytest.mark.faults)
        for kind in MAIN
        for seed in (1, 2, 3, 4)
    ),
    *(
        pytest.param(kind, PIECE, 1, id=f"{kind}, part 1", marks=pytest.mark.faults)
        for kind in KINDS
        if kind not in MAIN
    ),
]


@pytest.mark.parametrize(("kind", "count", "seed"), SHARES)
def test_damage_is_an_error_or_the_same_scan(
    kind: str, count: int, seed: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.mutation", kind, str(count), str(seed), tmp_path],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=3000,
    )
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    *problems, tally = [json.loads(line) for line in done.stdout.splitlines()]
    assert problems == [], problems[:5]
    assert done.stderr == "", done.stderr[-500:]
    assert sum(tally.values()) == count
    assert tally["refused"] > 0.2 * count
    print(f"{kind}: {tally}")  # noqa: T201 - shown with -rP

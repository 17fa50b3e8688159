"""Damaged files of every kind: a documented error or the scan, never a crash or a hang."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.faults.harness import run_module
from tests.faults.mutation import KINDS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(3000)  # on a busy machine; seconds on a free one

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
    (*problems, tally), errors = run_module("mutation", kind, count, seed, tmp_path)
    assert problems == [], problems[:5]
    assert errors == "", errors[-500:]
    assert sum(tally.values()) == count
    assert tally["refused"] > 0.2 * count
    print(f"{kind}: {tally}")  # noqa: T201 - shown with -rP

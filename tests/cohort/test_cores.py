"""Cores that were given: what is there, or what somebody allows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from carotid.cohort import cores
from carotid.cohort.cores import given_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_those_that_the_process_may_run_on() -> None:
    assert given_cores() == 8


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3), ("12", 8), ("0", 8), ("", 8), ("many", 8), ("-1", 8), ("2,4", 2)],
)
def test_variables_are_upper_bounds(
    name: str, value: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert given_cores() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("150000 100000\n", 2), ("max 100000\n", 8), ("50000 100000", 1), ("", 8)],
)
def test_a_quota_of_version_2(text: str, expected: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert given_cores() == expected


def test_a_quota_of_version_1(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("300000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert given_cores() == 3

"""Runs of toy stages over two scans."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import MagicMock

import pytest
from tests.necks import write_scan

from carotid.cohort.run import Request, run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.cohort.outcome import Outcome
    from carotid.cohort.runner import Progress
    from carotid.stages.stage import Stage


def write(path: Path, factor: float = 1000) -> None:
    """A scan whose file has the same size whatever the factor."""
    write_scan(path, factor)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        write(tmp_path / "raw" / f"{name}.mha")
    return tmp_path / "raw"


def run(stage: Stage, output_dir: Path, **more: Any) -> list[Outcome]:
    request = Request(stage=stage, output_dir=output_dir, **more)
    return run_stage(request, lambda _: nullcontext(cast("Progress", MagicMock())))


def status(outcomes: list[Outcome]) -> list[str]:
    return [one.status for one in outcomes]


def entries(output_dir: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output_dir / "parameters.json").read_text())
    return content

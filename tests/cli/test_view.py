"""`carotid view` as users run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.test_measurement import annotate
from tests.command import run_carotid

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("plotly")


def test_a_page_of_one_participant(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "annotations"
    annotate(elsewhere, "a", 1.0)
    places: list[str | Path] = ["--contour_dir", elsewhere, "--centerline_dir", elsewhere]
    assert run_carotid("transform", "measurement", out, *places).returncode == 0
    run = run_carotid("view", out, "-p", "a", *places)
    assert run.returncode == 0, run.stderr
    assert "the scan is not shown" in run.stderr
    page = out / "views" / "a.html"
    assert f"open {page}" in run.stdout
    assert "<title>a " in page.read_text()
    run = run_carotid("view", out, "-p", "b")
    assert run.returncode == 2
    assert "b" in run.stderr
    run = run_carotid("view", out, "-p", "a", "--view_dir", tmp_path / "x")
    assert run.returncode == 2
    assert "there is nothing to view of a" in run.stderr

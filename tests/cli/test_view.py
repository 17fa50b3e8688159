"""`carotid view` as users run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.test_figure import scan_of_ones
from tests.cli.test_measurement import annotate
from tests.command import run_carotid

from carotid.storage.metaimage.write import write_metaimage

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("plotly")


def test_a_page_of_one_participant(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "annotations"
    annotate(elsewhere, "a", 1.0)
    places: list[str | Path] = ["--contour_dir", elsewhere, "--centerline_dir", elsewhere]
    assert run_carotid("transform", "measurement", out, *places).returncode == 0
    run = run_carotid("view", out, *places)  # everyone who is measured
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


def test_a_scan_on_another_grid_is_not_shown_under_the_outlines(tmp_path: Path) -> None:
    out, raw = tmp_path / "out", tmp_path / "raw"
    annotate(out, "a", 1.0)
    assert run_carotid("transform", "measurement", out).returncode == 0
    raw.mkdir()
    write_metaimage(raw / "a.mha", scan_of_ones())
    run = run_carotid("view", out, "-p", "a", "--raw_dir", raw)
    assert run.returncode == 0, run.stderr
    assert "data:image/webp" in (out / "views" / "a.html").read_text()
    write_metaimage(raw / "a.mha", scan_of_ones(1.1))
    run = run_carotid("view", out, "-p", "a", "--raw_dir", raw, "--view_dir", tmp_path / "x")
    assert run.returncode == 1
    assert f"{raw / 'a.mha'}: the scan lies on another grid" in run.stderr
    assert not (tmp_path / "x").exists()

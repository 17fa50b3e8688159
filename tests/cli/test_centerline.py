"""`carotid transform centerline` as users run it, on the golden heatmaps."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.command import contents, run_carotid, unfinished
from tests.golden.test_centerline import HERE, expected_rows, heatmaps_of

from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Input, Record
from carotid.storage.results.centerlines import load_centerlines
from carotid.storage.results.heatmaps import SideSlabs, write_side
from carotid.storage.results.layout import HeatmapLayout
from carotid.storage.results.record import grid_facts, read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

CASES = ("anisotropic", "bifurcation", "no_external")


def write_heatmaps(output_dir: Path, case: str) -> None:
    """A case's heatmaps, as `transform heatmap` would leave them."""
    heatmaps = heatmaps_of(case)
    folder = HeatmapLayout(output_dir / case / "heatmap_transform")
    for side in SIDE_NAMES:
        one = heatmaps.side(side)
        slabs = [(one.mean.transpose(3, 2, 1, 0).copy(), one.std.transpose(3, 2, 1, 0).copy())]
        write_side(folder, side, heatmaps.grid, SideSlabs(slabs, lambda one=one: one.max_indices))  # type: ignore[misc]
    made_from = {"scan": Input("0" * 64, 3)}
    record = Record("heatmap", {}, inputs=made_from, context=grid_facts(heatmaps.grid))
    write_record(folder.root, record)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three golden cases, done once; tests work on copies."""
    root = tmp_path_factory.mktemp("made")
    for case in CASES:
        write_heatmaps(root / "out", case)
        shutil.copy(HERE / case / "config.toml", root / f"{case}.toml")
    entry = {"heatmap_transform": {"raw_dir": "scans", "overlap": 0.6}}
    (root / "out" / "parameters.json").write_text(json.dumps(entry))
    run = run_carotid("transform", "centerline", root / "out", "-c", root / "bifurcation.toml")
    assert run.returncode == 0, run.stderr
    assert "3 done, 0 skipped, 0 failed" in run.stdout
    return root


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made" / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("side", SIDE_NAMES)
def test_the_tables_are_the_golden_ones(side: str, made: Path) -> None:
    folder = made / "out" / "bifurcation" / "centerline_transform"
    found = rows(folder / f"{side}_centerline.tsv")
    expected = expected_rows("bifurcation", side)
    assert [(row["label"], *(float(row[axis]) for axis in "xyz")) for row in found] == [
        (row["label"], *(float(row[axis]) for axis in "xyz")) for row in expected
    ]


def test_the_tree_and_the_records(made: Path) -> None:
    out = made / "out"
    folder = out / "anisotropic" / "centerline_transform"
    assert sorted(path.name for path in folder.iterdir()) == [
        "bifurcation.json",
        "left_centerline.tsv",
        "provenance.json",
        "right_centerline.tsv",
    ]
    entry = json.loads((out / "parameters.json").read_text())
    assert entry["heatmap_transform"] == {"raw_dir": "scans", "overlap": 0.6}
    own = entry["centerline_transform"]
    assert {"method", "step_size", "threshold", "spatial_threshold", "versions"} <= set(own)
    assert (own["dir"], own["heatmap_dir"]) == (str(out), str(out))
    record, heatmaps = read_record(folder), read_record(out / "anisotropic" / "heatmap_transform")
    assert record is not None
    assert heatmaps is not None
    assert record.inputs["heatmap"].record == heatmaps
    grid = load_centerlines(folder).grid
    assert grid is not None
    assert grid.agrees_with(heatmaps_of("anisotropic").grid)
    assert unfinished(out) == []


def test_an_artery_that_is_not_there_is_named(made: Path, tmp_path: Path) -> None:
    arguments = ("-hdir", made / "out", "-p", "no_external", "-c", made / "no_external.toml")
    run = run_carotid("transform", "centerline", tmp_path / "new", *arguments)
    assert run.returncode == 0, run.stderr
    assert "no artery was found here: left external" in run.stderr
    entry = json.loads((tmp_path / "new" / "parameters.json").read_text())
    assert entry["heatmap_transform"]["raw_dir"] == "scans"
    assert entry["centerline_transform"]["heatmap_dir"] == str(made / "out")


def test_one_that_fails_does_not_stop_the_others(out: Path) -> None:
    for case in CASES:
        shutil.rmtree(out / case / "centerline_transform")
    (out / "anisotropic" / "heatmap_transform" / "left_heatmap" / "mean.mha").write_bytes(b"torn")
    run = run_carotid("transform", "centerline", out, "-c", out.parent / "bifurcation.toml")
    assert run.returncode == 1
    assert "2 done, 0 skipped, 1 failed" in run.stdout
    assert "was not written by carotid, or was changed since" in run.stderr
    assert not (out / "anisotropic" / "centerline_transform").exists()
    summary = json.loads((out / "summary.json").read_text())["centerline_transform"]
    assert [row["result"] for row in summary["participants"]] == ["failed", "done", "done"]


def test_again_is_nothing_and_force_gives_the_same_bytes(out: Path) -> None:
    before = contents(out)
    arguments = ("transform", "centerline", out, "--config_path", out.parent / "bifurcation.toml")
    run = run_carotid(*arguments)
    assert run.returncode == 0
    assert "already holds the centerline results of all 3 participants" in run.stdout
    assert run_carotid(*arguments, "-f", PYTHONHASHSEED="1").returncode == 0
    after = contents(out)
    directories = {"parameters.json"}  # tells directories, and this is a copy
    assert {name for name in after if after[name] != before[name]} == directories
    (out.parent / "other.toml").write_text("[centerline_transform]\nstep_size = 7\n")
    other = run_carotid(*arguments[:3], "-c", out.parent / "other.toml")
    assert other.returncode == 2
    assert "was done differently" in other.stderr
    assert "step_size is 7" in other.stderr
    assert contents(out) == after


def test_a_directory_without_heatmaps_is_refused(tmp_path: Path) -> None:
    run = run_carotid("transform", "centerline", tmp_path)
    assert run.returncode == 2
    assert "the folder holds no results of the heatmap step" in run.stderr
    assert "--heatmap_dir" in run.stderr
    assert list(tmp_path.iterdir()) == []

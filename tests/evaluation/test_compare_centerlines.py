from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.command import run_carotid

from carotid.errors import OutputError, UsageError
from carotid.evaluation.compare_centerlines import compare_centerlines, table_path
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.provenance import Record
from carotid.storage.results.layout import CENTERLINE_TRANSFORM, CenterlineLayout, OutputLayout
from carotid.storage.results.record import grid_facts, write_record

GOLDEN = Path(__file__).parents[1] / "golden" / "compare"
TOLERANCE = 2e-6
CANONICAL = Grid((60, 50, 20), np.diag([0.5, 0.8, 1.2, 1.0]))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def layout(root: Path, participant: str) -> CenterlineLayout:
    return CenterlineLayout(OutputLayout(root).transform(participant, CENTERLINE_TRANSFORM))


def give_grid(root: Path, participant: str, grid: Grid) -> None:
    record = Record("centerline", {}, context=grid_facts(grid))
    write_record(layout(root, participant).root, record)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "golden")
    return tmp_path / "golden"


def compare(golden: Path) -> Any:
    return compare_centerlines(golden / "transform", golden / "reference", golden / "table.tsv")


def assert_same_tables(found: list[dict[str, str]], expected: list[dict[str, str]]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert list(ours) == list(theirs)
        for column, value in theirs.items():
            if column in ("participant_id", "side", "label") or value == "":
                assert ours[column] == value
            else:
                assert float(ours[column]) == pytest.approx(float(value), abs=TOLERANCE)


@pytest.mark.parametrize("stored", ["RAS", "LPS", "PIL", "SAR"])
@pytest.mark.parametrize("which", ["transform", "reference"])
def test_golden_tables(golden: Path, stored: str, which: str) -> None:
    for participant in ("sub-01", "sub-02"):
        give_grid(golden / which, participant, CANONICAL.reoriented(stored))
    found = compare(golden)
    assert found.participants == 2
    assert any("sub-03" in warning for warning in found.warnings)
    assert_same_tables(rows(found.table), rows(golden / "expected" / "compare_centerline.tsv"))
    expected = rows(golden / "expected" / "compare_centerline_summary.tsv")
    assert_same_tables(rows(found.summary), expected)
    for table in (found.table, found.summary):
        dictionary = json.loads(table.with_suffix(".json").read_text())
        assert list(dictionary) == list(rows(table)[0])


def test_without_a_grid_there_are_voxels_and_a_warning(golden: Path) -> None:
    found = compare(golden)
    known_tool = rows(golden / "known_tool" / "compare_centerline.tsv")
    for ours, theirs in zip(rows(found.table), known_tool, strict=True):
        assert float(ours["euclidean_distance"]) == pytest.approx(
            float(theirs["euclidean_distance"]), abs=TOLERANCE
        )
        assert ours["distance_mm"] == ours["nearest_mm"] == ""
        assert float(ours["z"]) == float(theirs["z"])
    assert sum("no grid is known" in warning for warning in found.warnings) == 2
    assert all(row["median_mm"] == row["hausdorff_mm"] == "" for row in rows(found.summary))


def test_grids_that_differ_fail_the_participant_and_no_other(golden: Path) -> None:
    for participant in ("sub-01", "sub-02"):
        give_grid(golden / "transform", participant, CANONICAL)
    give_grid(golden / "reference", "sub-01", Grid((60, 50, 20), np.diag([0.5, 0.8, 1.3, 1.0])))
    found = compare(golden)
    assert "different grids" in found.failed["sub-01"]
    assert {row["participant_id"] for row in rows(found.table)} == {"sub-02"}


def test_missing_side_is_left_out_and_named(golden: Path) -> None:
    layout(golden / "reference", "sub-01").table("right").unlink()
    found = compare(golden)
    assert any("right side is left out" in warning for warning in found.warnings)
    sides = {(row["participant_id"], row["side"]) for row in rows(found.table)}
    assert sides == {("sub-01", "left"), ("sub-02", "left"), ("sub-02", "right")}


def test_second_row_for_a_slice_is_named(golden: Path) -> None:
    table = layout(golden / "transform", "sub-02").table("left")
    text = table.read_text()
    table.write_text(text + text.splitlines()[1] + "\n")
    found = compare(golden)
    assert "a second" in found.failed["sub-02"]
    assert f"row {len(text.splitlines()) + 1}" in found.failed["sub-02"]


def test_side_without_centers_is_compared(golden: Path) -> None:
    table = layout(golden / "transform", "sub-01").table("left")
    table.write_text(table.read_text().splitlines()[0] + "\n")
    found = compare(golden)
    assert not found.failed
    summary = [row for row in rows(found.summary) if row["participant_id"] == "sub-01"]
    left = [row for row in summary if row["side"] == "left"]
    assert [row["slices_1"] for row in left] == ["0", "0"]
    assert [row["slices_both"] for row in left] == ["0", "0"]


def test_nothing_in_common_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / name / CENTERLINE_TRANSFORM).mkdir(parents=True)
    with pytest.raises(UsageError, match="nothing can be compared"):
        compare_centerlines(tmp_path / "a", tmp_path / "b", tmp_path / "table.tsv")
    assert not (tmp_path / "table.tsv").exists()


def test_where_the_table_goes(tmp_path: Path) -> None:
    assert table_path(tmp_path, "t.tsv") == tmp_path / "t.tsv"
    assert table_path(tmp_path / "mine.tsv", "t.tsv") == tmp_path / "mine.tsv"
    assert table_path(tmp_path / "v1.2", "t.tsv") == tmp_path / "v1.2.tsv"


def test_table_that_cannot_be_written(golden: Path) -> None:
    with pytest.raises(OutputError):
        compare_centerlines(golden / "transform", golden / "reference", golden / "no" / "t.tsv")


def test_command(golden: Path) -> None:
    for participant in ("sub-01", "sub-02"):
        give_grid(golden / "transform", participant, CANONICAL)
    run = run_carotid(
        "compare", "centerline", golden / "transform", golden / "reference", golden / "table"
    )
    assert run.returncode == 0, run.stderr
    assert "2 participants" in run.stdout
    assert "56 in both" in run.stdout
    assert "sub-03" in run.stderr
    assert (golden / "table.tsv").is_file()
    assert (golden / "table_summary.tsv").is_file()
    for side in SIDE_NAMES:
        layout(golden / "reference", "sub-02").table(side).write_text("label\tx\ty\n")
    run = run_carotid(
        "compare", "centerline", golden / "transform", golden / "reference", golden / "table"
    )
    assert run.returncode == 1
    assert "sub-02 was not compared" in run.stderr
    assert "Traceback" not in run.stderr

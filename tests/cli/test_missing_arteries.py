"""Necks in which an artery or a whole side was not found, and inputs that are half there."""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING

import pytest
import SimpleITK
from tests.cli.test_contour_inputs import IN_2D, centerlines
from tests.command import run_carotid
from tests.polar_networks import write_version_1

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sub-01` has an internal artery on the left and nothing else; contours of both are made."""
    root = tmp_path_factory.mktemp("missing")
    made = centerlines(root)
    tables = made / "sub-01" / "centerline_transform"
    for side in ("left", "right"):
        table = tables / f"{side}_centerline.tsv"
        head, *rows = table.read_text().splitlines()
        kept = [row for row in rows if side == "left" and row.startswith("internal")]
        table.write_text("\n".join([head, *kept]) + "\n")
    write_version_1(root / "models", IN_2D)
    run = run_carotid("transform", "contour", made, root / "models", "--device", "cpu")
    assert run.returncode == 0, run.stderr
    return made


def test_what_is_there_goes_all_the_way(out: Path) -> None:
    for step in ("segmentation", "measurement"):
        run = run_carotid("transform", step, out, "-p", "sub-01", "-v")
        assert run.returncode == 0, run.stderr
        if step == "segmentation":
            for missing in ("left: no contours of the external", "right: no contours; its"):
                assert f"sub-01: {missing}" in run.stderr
    masks = {
        side: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        for side in ("left", "right")
        for path in [out / "sub-01" / "segmentation_transform" / f"{side}_segmentation.mha"]
    }
    assert masks["left"].any()
    assert not masks["right"].any()
    with (out / "arteries.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    slices = {row["side"]: 0 for row in rows}
    for row in rows:
        slices[row["side"]] += int(row["slices"])
    assert slices == {"left": 2, "right": 0}
    report = run_carotid("report", out)
    assert report.returncode == 0, report.stderr
    assert "sub-01" in (out / "report.html").read_text("utf-8")


def test_an_input_that_is_half_there_fails_by_name_and_alone(out: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(out, tmp_path / "copy")
    gone = copy / "sub-01" / "contour_transform" / "right_contour.tsv"
    gone.unlink()
    run = run_carotid("transform", "segmentation", tmp_path / "new", "--contour_dir", copy)
    assert run.returncode == 1
    row = next(line for line in run.stdout.splitlines() if line.startswith("sub-01"))
    assert str(gone) in row
    assert (tmp_path / "new" / "P.002_U" / "segmentation_transform" / "labels.mha").is_file()
    assert not (tmp_path / "new" / "sub-01").exists()

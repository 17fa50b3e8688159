"""Outlines that a reader takes away: gone from masks, tables and page until they are taken back."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cli.test_correct import Study
from tests.command import contents, run_carotid

from carotid.storage.markups import read_markups
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.measurement_tables import load_table

if TYPE_CHECKING:
    from pathlib import Path


WHOLE = ("left internal", "--remove", "left external")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A participant with contours, masks, measurements and an export; tests work on copies."""
    return Study.made(tmp_path_factory.mktemp("removed")).out.parent


@pytest.fixture
def study(done: Path, tmp_path: Path) -> Study:
    return Study(shutil.copytree(done, tmp_path, dirs_exist_ok=True))


def slices(study: Study, label: str) -> list[int]:
    contours = load_contours(study.out / "a" / "contour_transform")
    return [one.z for one in contours.side("left") if one.label == label]


def test_an_artery_that_is_none_is_taken_away_and_taken_back(study: Study) -> None:
    original = contents(study.out / "a" / "contour_transform")
    masks = (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes()
    count = len(slices(study, "external"))
    assert count
    said = study.run("correct", study.out, "-p", "a", "--remove", "left external")
    assert f"outlines removed by hand in {count} cross-sections" in said
    assert slices(study, "external") == []
    table = load_table(study.out / "a" / "measurement_transform" / "left_slices.tsv")
    assert "external" not in table.words("label")
    assert np.isnan(study.measured("la_mean_mm2", segment="external"))
    assert study.measured("removed_slices", segment="external") == count
    assert study.measured("removed_slices", segment="common_internal") == 0
    participants = load_table(study.out / "participants.tsv")
    assert participants.numbers("removed_slices").tolist() == [count]
    measured = study.out / "a" / "measurement_transform" / "provenance.json"
    by_hand = json.loads(measured.read_text())["context"]["corrected_by_hand"]
    assert by_hand == {"slices": 0, "bifurcations": [], "removed_slices": count}
    assert (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes() != masks
    note = json.loads(
        (study.out / "a" / "contour_transform" / "corrected" / "correction.json").read_text()
    )
    assert note["corrected_by_hand"]["removed"] == ["left external"]
    assert OutputLayout(study.out).is_corrected("a", "contour_transform")

    study.run("correct", study.out, "-p", "a", "--undo")
    assert contents(study.out / "a" / "contour_transform") == original
    assert (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes() == masks


def test_some_slices_go_and_corrections_of_others_stay(study: Study) -> None:
    before = slices(study, "internal")
    folder = study.slicer / "a" / "contours"
    study.scale("left_internal_lumen_z0012", 1.25)
    some = ("--contours", folder, "--remove", "left internal 20-23", "--remove", "left internal 5")
    said = study.run("correct", study.out, "-p", "a", *some)
    assert "1 outline corrected by hand" in said
    assert "outlines removed by hand in 5 cross-sections" in said
    gone = {5, 20, 21, 22, 23}
    assert slices(study, "internal") == [z for z in before if z not in gone]
    assert study.measured("corrected_slices", segment="common") > 0
    for segment, told in {"common": 5, "internal": 0, "common_internal": 5, "external": 0}.items():
        assert study.measured("removed_slices", segment=segment) == told

    # The curves of the export are still there, as they were found: they do not come back.
    again = run_carotid("correct", study.out, "-p", "a", "--contours", folder)
    assert again.returncode == 2
    assert "no outline differs" in again.stderr
    assert slices(study, "internal") == [z for z in before if z not in gone]
    # One that is drawn there again does.
    study.scale("left_internal_lumen_z0020", 1.1)
    study.scale("left_internal_wall_z0020", 1.1)
    study.run("correct", study.out, "-p", "a", "--contours", folder)
    assert slices(study, "internal") == [z for z in before if z not in gone - {20}]
    assert study.measured("removed_slices", segment="common_internal") == len(gone) - 1
    study.run("export", "slicer", study.out, study.slicer, "--force", "--every_mm", "4")
    assert not (folder / "left_internal_lumen_z0005.mrk.json").exists()
    assert read_markups(folder / "left_internal_lumen_z0020.mrk.json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("left external 0-2", "no outline to remove: left external 0-2"),
        ("left outer 3", "is not understood"),
    ],
)
def test_what_removes_nothing_is_told(study: Study, words: str, message: str) -> None:
    before = contents(study.out)
    run = run_carotid("correct", study.out, "-p", "a", "--remove", words)
    assert run.returncode == 2
    assert message in run.stderr
    assert contents(study.out) == before


def test_the_curve_of_a_corrected_outline_does_not_bring_it_back(study: Study) -> None:
    """It differs from what was found: somebody had changed it before it was taken away."""
    folder = study.slicer / "a" / "contours"
    study.scale("left_internal_lumen_z0012", 1.25)
    study.run("correct", study.out, "-p", "a", "--contours", folder)
    study.run("correct", study.out, "-p", "a", "--remove", "left internal 12")
    study.run("correct", study.out, "-p", "a", "--remove", "left external 40-44")
    study.scale("left_internal_lumen_z0004", 1.1)
    said = study.run("correct", study.out, "-p", "a", "--contours", folder)
    assert "1 outline corrected by hand" in said
    assert 12 not in slices(study, "internal")
    note = json.loads(
        (study.out / "a" / "contour_transform" / "corrected" / "correction.json").read_text()
    )
    assert note["corrected_by_hand"]["removed"] == ["left internal 12", "left external 40-44"]
    assert note["corrected_by_hand"]["outlines"] == 1


def test_what_was_drawn_stays_on_record_when_others_are_taken_away(study: Study) -> None:
    folder = study.slicer / "a" / "contours"
    path = study.out / "a" / "contour_transform" / "corrected" / "correction.json"
    study.scale("left_internal_lumen_z0012", 1.25)
    study.run("correct", study.out, "-p", "a", "--contours", folder)
    before = json.loads(path.read_text())
    study.run("correct", study.out, "-p", "a", "--remove", "left external 40-44")
    facts = before["corrected_by_hand"] | {"removed": ["left external 40-44"]}
    assert json.loads(path.read_text()) == before | {"corrected_by_hand": facts}


def test_a_bifurcation_that_moves_with_what_is_gone_is_told(study: Study) -> None:
    """The flow divider cannot be seen any more: positions count from where the courses meet."""
    said = study.run("correct", study.out, "-p", "a", "--remove", "left external 40-44")
    assert "the bifurcation lies" not in said
    said = study.run("correct", study.out, "-p", "a", "--remove", "left external 22-28")
    assert "left: with these outlines the bifurcation lies 5.0 mm lower than before" in said
    study.run("correct", study.out, "-p", "a", "--undo")
    run = run_carotid("correct", study.out, "-p", "a", "--remove", *WHOLE)
    assert "the bifurcation lies" not in run.stderr  # nothing is left that could be measured


def test_tables_hold_nobody_of_whom_nothing_is_left(study: Study) -> None:
    tables = [study.out / name for name in ("arteries.tsv", "participants.tsv")]
    before = [load_table(path) for path in tables]
    assert all(len(table) for table in before)
    run = run_carotid("correct", study.out, "-p", "a", "--remove", *WHOLE)
    assert "no outline with an area" in run.stdout
    for path, table in zip(tables, before, strict=True):
        assert len(load_table(path)) == 0
        assert load_table(path).columns == table.columns
    study.run("correct", study.out, "-p", "a", "--undo")
    assert [len(load_table(path)) for path in tables] == [len(table) for table in before]


def test_curves_of_what_is_taken_away_are_not_missed(study: Study) -> None:
    folder = study.slicer / "a" / "contours"
    for boundary in ("lumen", "wall"):
        (folder / f"left_internal_{boundary}_z0020.mrk.json").unlink()
    study.scale("left_internal_lumen_z0012", 1.25)
    some = ("--contours", folder, "--remove", "left internal 20")
    assert "removed since the export" not in study.run("correct", study.out, "-p", "a", *some)
    study.scale("left_internal_lumen_z0012", 0.9)
    said = study.run("correct", study.out, "-p", "a", "--contours", folder)
    assert "removed since the export" not in said

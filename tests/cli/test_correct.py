"""Corrections by hand as users make them: export, change, take in, look, take back."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.cli.test_measurement import annotate
from tests.command import contents, run_carotid
from tests.evaluation.cohort import of

from carotid.errors import UsageError
from carotid.export.corrections import Place, correct
from carotid.report.write import write_report
from carotid.storage.markups import Markup, markups_text, read_markups
from carotid.storage.results.contours import load_contours
from carotid.storage.results.layout import PROVENANCE_FILE, OutputLayout
from carotid.storage.results.made_of import is_older
from carotid.storage.results.measurement_tables import load_table

if TYPE_CHECKING:
    from pathlib import Path


class Study:
    """A participant with contours, centerlines, masks and measurements in one directory."""

    def __init__(self, root: Path) -> None:
        self.out, self.slicer = root / "out", root / "slicer"

    @classmethod
    def made(cls, root: Path, *settings: str | Path) -> Study:
        """One that was measured, with `settings` of that command, and exported to Slicer."""
        one = cls(root)
        annotate(one.out, "a", 1.0)
        one.run("transform", "measurement", one.out, *settings)
        one.run("transform", "segmentation", one.out)
        one.run("export", "slicer", one.out, one.slicer, "--every_mm", "4")
        return one

    def run(self, *arguments: str | Path) -> str:
        run = run_carotid(*arguments)
        assert run.returncode == 0, run.stderr
        return run.stdout + run.stderr

    def measured(self, name: str, **key: str) -> float:
        table = load_table(self.out / "a" / "measurement_transform" / "arteries.tsv")
        return float(of(table, name, side="left", **key)[0])

    def scale(self, name: str, factor: float) -> None:
        """What a reader does in Slicer: load a curve, change it, save it."""
        path = self.slicer / "a" / "contours" / f"{name}.mrk.json"
        (curve,) = read_markups(path)
        middle = curve.points_mm.mean(axis=0)
        points = middle + factor * (curve.points_mm - middle)
        path.write_text(markups_text([Markup(name, "ClosedCurve", points, curve.labels)]))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All but the corrections; tests work on copies."""
    root = tmp_path_factory.mktemp("correct")
    config = root / "config.toml"
    config.write_text("[measurement_transform]\nplaque_thickness_mm = 1.7\n")
    Study.made(root, "-c", config)
    return root


@pytest.fixture
def study(done: Path, tmp_path: Path) -> Study:
    return Study(shutil.copytree(done, tmp_path, dirs_exist_ok=True))


def test_a_corrected_outline_reaches_masks_and_tables(study: Study) -> None:
    before = study.measured("lumen_volume_mm3", segment="common")
    masks = (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes()
    original = contents(study.out / "a" / "contour_transform")
    study.scale("left_internal_lumen_z0012", 1.25)
    said = study.run("correct", study.out, "-p", "a", "--contours", study.slicer / "a" / "contours")
    assert "1 outline corrected by hand, 6 between followed" in said
    assert study.measured("lumen_volume_mm3", segment="common") > before + 20
    assert study.measured("corrected_slices", segment="common") == 7
    assert (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes() != masks
    assert study.measured("plaque_threshold_mm", segment="common") == 1.7  # as in the last run
    slices = load_table(study.out / "a" / "measurement_transform" / "left_slices.tsv")
    flagged = [
        z
        for z, f in zip(slices.numbers("z"), slices.words("flags"), strict=True)
        if "corrected" in f.split(",")
    ]
    assert flagged == [9, 10, 11, 12, 13, 14, 15]
    provenance = json.loads(
        (study.out / "a" / "measurement_transform" / "provenance.json").read_text()
    )
    assert provenance["context"]["corrected_by_hand"] == {"slices": 7, "bifurcations": []}
    assert load_table(study.out / "participants.tsv").numbers("corrected_slices").tolist() == [7]
    now = contents(study.out / "a" / "contour_transform")
    assert {name: now[name] for name in original} == original  # what was found stays

    again = run_carotid("transform", "measurement", study.out)
    assert "differently" in again.stderr or again.returncode == 0
    study.run("correct", study.out, "-p", "a", "--undo")
    assert study.measured("lumen_volume_mm3", segment="common") == before
    assert study.measured("corrected_slices", segment="common") == 0
    assert (study.out / "a" / "segmentation_transform" / "labels.mha").read_bytes() == masks
    assert contents(study.out / "a" / "contour_transform") == original


def test_a_moved_bifurcation_moves_the_segments(study: Study) -> None:
    path = study.slicer / "a" / "bifurcation.mrk.json"
    (markup,) = read_markups(path)
    moved = markup.points_mm + np.array([0, 0, -10.0])
    path.write_text(markups_text([Markup("bifurcation", "Fiducial", moved, markup.labels)]))
    before = study.measured("covered_mm", segment="common")
    page = write_report(study.out).page
    (study.out / "views").mkdir()
    (study.out / "views" / "a.html").touch()
    said = study.run("correct", study.out, "-p", "a", "--bifurcation", path)
    assert "bifurcations set by hand: left" in said
    assert f"open {page}" in said
    assert not is_older(study.out, page)
    assert "Corrected by hand" in page.read_text()
    assert "shows what was there before: views/a.html; made anew by `carotid view" in said
    # From the flow divider to below where the lumens overlap, which nothing reads.
    assert before - 7 < study.measured("covered_mm", segment="common") < before - 3
    table = load_table(study.out / "a" / "measurement_transform" / "arteries.tsv")
    by_side = dict(zip(table.words("side"), table.words("bifurcation"), strict=True))
    assert by_side["left"] == "corrected"
    study.run("export", "slicer", study.out, study.slicer)
    (again,) = read_markups(path)
    np.testing.assert_allclose(again.points_mm, moved, atol=1e-3)


def test_a_copy_of_results_is_corrected_and_not_the_original(study: Study) -> None:
    """What is on record of a copy are the places of the original."""
    before = study.measured("lumen_volume_mm3", segment="common")
    copy = Study(study.out.parent / "copy")
    shutil.copytree(study.out, copy.out)
    untouched = contents(study.out)
    study.scale("left_internal_lumen_z0012", 1.25)
    study.run("correct", copy.out, "-p", "a", "--contours", study.slicer / "a" / "contours")
    assert copy.measured("lumen_volume_mm3", segment="common") > before + 20
    assert contents(study.out) == untouched


def test_what_was_not_moved_counts_as_found(study: Study) -> None:
    """Both files may be given where only one of them was changed."""
    folder = study.slicer / "a"
    both = ("--contours", folder / "contours", "--bifurcation", folder / "bifurcation.mrk.json")
    run = run_carotid("correct", study.out, "-p", "a", *both)
    assert run.returncode == 2
    assert "no outline differs" in run.stderr
    study.scale("left_internal_lumen_z0012", 1.25)
    said = study.run("correct", study.out, "-p", "a", *both)
    assert "1 outline corrected by hand" in said
    assert "bifurcations set by hand" not in said
    table = load_table(study.out / "a" / "measurement_transform" / "arteries.tsv")
    assert "corrected" not in table.words("bifurcation")


def test_a_bifurcation_that_corrected_outlines_moved_was_not_moved_by_hand(study: Study) -> None:
    """Its file is older than the correction, as one exports once and corrects twice."""
    table = study.out / "a" / "contour_transform" / "left_contour.tsv"
    corrected = table.parent / "corrected" / table.name
    corrected.parent.mkdir()
    header, *rows = table.read_text().splitlines()
    externals = [row for row in rows if row.startswith("external")]
    low = min(float(row.split("\t")[4]) for row in externals)
    kept = [row for row in rows if row not in externals or float(row.split("\t")[4]) > low + 30]
    corrected.write_text("\n".join([header, *kept]) + "\n")
    path = study.slicer / "a" / "bifurcation.mrk.json"
    run = run_carotid("correct", study.out, "-p", "a", "--bifurcation", path)
    assert run.returncode == 2, run.stdout
    assert "no bifurcation differs" in run.stderr


def test_a_bifurcation_is_corrected_where_there_are_no_outlines(study: Study) -> None:
    contours = study.out / "a" / "contour_transform"
    grid = load_contours(contours).stored
    assert grid is not None
    shutil.rmtree(contours)
    record = {"context": {"shape": grid.shape, "affine_ras_mm": grid.affine.tolist()}}
    (study.out / "a" / "centerline_transform" / PROVENANCE_FILE).write_text(json.dumps(record))
    path = study.slicer / "a" / "bifurcation.mrk.json"
    (markup,) = read_markups(path)
    moved = markup.points_mm + np.array([0, 0, -10.0])
    path.write_text(markups_text([Markup("bifurcation", "Fiducial", moved, markup.labels)]))
    assert correct(Place(OutputLayout(study.out), "a"), path, None).bifurcations == ("left",)


def test_a_bad_configuration_is_told_before_anything_is_written(
    study: Study, tmp_path: Path
) -> None:
    study.scale("left_internal_lumen_z0012", 1.25)
    some = ("--contours", study.slicer / "a" / "contours")
    before = contents(study.out)
    bad = tmp_path / "bad.toml"
    bad.write_text('[measurement_transform]\nthickness = "banana"\n')
    run = run_carotid("correct", study.out, "-p", "a", *some, "-c", bad)
    assert run.returncode == 2
    assert "banana" in run.stderr
    assert contents(study.out) == before


def test_a_command_that_was_cut_short_is_given_again(study: Study) -> None:
    """The correction was taken in, what lies below it was not made anew."""
    study.scale("left_internal_lumen_z0012", 1.25)
    contours = study.slicer / "a" / "contours"
    correct(Place(OutputLayout(study.out), "a"), None, contours)
    assert study.measured("corrected_slices", segment="common") == 0
    said = study.run("correct", study.out, "-p", "a", "--contours", contours)
    assert "nothing differs from what is there; what is older than it is made anew" in said
    assert study.measured("corrected_slices", segment="common") == 7
    run = run_carotid("correct", study.out, "-p", "a", "--contours", contours)
    assert "no outline differs" in run.stderr


def test_settings_are_those_of_the_participant_s_own_record(study: Study) -> None:
    (study.out / "parameters.json").unlink()
    study.scale("left_internal_lumen_z0012", 1.25)
    study.run("correct", study.out, "-p", "a", "--contours", study.slicer / "a" / "contours")
    assert study.measured("plaque_threshold_mm", segment="common") == 1.7


def test_settings_that_are_not_on_record_are_said(study: Study) -> None:
    study.scale("left_internal_lumen_z0012", 1.25)
    (study.out / "parameters.json").unlink()
    (study.out / "a" / "measurement_transform" / PROVENANCE_FILE).unlink()
    told = study.run("correct", study.out, "-p", "a", "--contours", study.slicer / "a" / "contours")
    assert "a: the settings of the measurement step are not on record; defaults are used" in told
    assert "settings of the segmentation step" not in told


def test_corrections_are_not_lost_to_force(study: Study) -> None:
    study.scale("left_internal_wall_z0012", 1.1)
    study.run("correct", study.out, "-p", "a", "--contours", study.slicer / "a" / "contours")
    # The contours cannot be made again here, so segmentation stands for any stage.
    (study.out / "a" / "segmentation_transform" / "corrected").mkdir()
    run = run_carotid("transform", "segmentation", study.out, "--force")
    assert run.returncode == 1
    assert "corrected by hand" in run.stderr + run.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "give --contours, --bifurcation or --remove, or --undo alone"),
        (
            ["--undo", "--contours", "x"],
            "give --contours, --bifurcation or --remove, or --undo alone",
        ),
        (["--contours", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_told(more: list[str], message: str, tmp_path: Path) -> None:
    annotate(tmp_path / "out", "a", 1.0)
    run = run_carotid("correct", tmp_path / "out", "-p", "a", *more)
    assert run.returncode in (1, 2)
    assert message in run.stderr


def test_nothing_changed_is_said(study: Study) -> None:
    run: Any = run_carotid(
        "correct", study.out, "-p", "a", "--contours", study.slicer / "a" / "contours"
    )
    assert run.returncode == 2
    assert "no outline differs" in run.stderr
    nobody = run_carotid("correct", study.out, "-p", "b", "--contours", study.slicer)
    assert nobody.returncode == 2
    assert "there is no participant of that name with centerlines or contours" in nobody.stderr
    assert "expected ids among a)" in nobody.stderr, "once, though there are two results"


def test_wrong_paths_are_told_with_what_was_meant(tmp_path: Path) -> None:
    annotate(tmp_path / "out", "a", 1.0)
    place = Place(OutputLayout(tmp_path / "out"), "a")
    export = tmp_path / "to" / "a"
    (export / "contours").mkdir(parents=True)
    for name in ("bifurcation.mrk.json", "e9.txt", "contours/left_internal_lumen_z0012.mrk.json"):
        (export / name).write_text(markups_text([]))
    for bifurcation, contours, message in (
        (export / "none.mrk.json", None, "none.mrk.json: there is no such file"),
        (None, export / "none", "none: there is no such file or folder"),
        (export, None, f"this is a folder .*Perhaps {export}/bifurcation.mrk.json was meant"),
        (None, export, f"Perhaps {export}/contours was meant"),
        (None, export / "e9.txt", "e9.txt: markups are files called .*mrk.json"),
        (export / "e9.txt", None, "e9.txt: markups are files called .*mrk.json"),
    ):
        with pytest.raises(UsageError, match=message):
            correct(place, bifurcation, contours)


def test_a_large_move_is_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    annotate(tmp_path / "out", "a", 1.0)
    place = Place(OutputLayout(tmp_path / "out"), "a")
    path = tmp_path / "bifurcation.mrk.json"
    for height, warned in ((9.0, ""), (-10.0, "mm down along the artery")):
        points = np.array([[0.0, 0.0, height]])
        path.write_text(markups_text([Markup("bifurcation", "Fiducial", points, ("left",))]))
        assert correct(place, path, None).bifurcations == ("left",)
        assert warned in caplog.text
        assert bool(caplog.text) == bool(warned)

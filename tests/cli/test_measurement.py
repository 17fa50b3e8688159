"""Measuring, comparing and following up as users run it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.command import contents, run_carotid
from tests.evaluation.cohort import SPACING, fork, of
from tests.stages.measurement.phantoms import centerlines_of, contours_of, grid_of

from carotid.provenance import Input, Record
from carotid.storage.results.centerlines import save_centerlines
from carotid.storage.results.contours import save_contours
from carotid.storage.results.measurement_tables import load_table
from carotid.storage.results.record import grid_facts, write_record

if TYPE_CHECKING:
    from pathlib import Path


def annotate(root: Path, participant_id: str, scale: float) -> None:
    """Contours and centerlines of a drawn neck, as another program or a reader leaves them."""
    grid = grid_of(SPACING, "LPS")
    vessels: Any = fork(scale=scale)
    for name in ("contour_transform", "centerline_transform"):
        (root / participant_id / name).mkdir(parents=True)
    save_contours(contours_of(vessels, grid), root / participant_id / "contour_transform")
    save_centerlines(centerlines_of(vessels, grid), root / participant_id / "centerline_transform")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("annotations")
    for name, scale in (("sub-01_ses-1", 0.9), ("sub-01_ses-2", 0.92), ("sub-02", 1.1)):
        annotate(root, name, scale)
    return root


def transform(out: Path, annotated: Path, *more: str | Path) -> Any:
    places: list[str | Path] = ["--contour_dir", annotated, "--centerline_dir", annotated]
    return run_carotid("transform", "measurement", out, *places, *more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, annotated: Path) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    run = transform(out, annotated)
    assert run.returncode == 0, run.stderr
    return out


def test_tables_of_participants_and_of_the_cohort(done: Path) -> None:
    arteries = load_table(done / "arteries.tsv")
    participants = load_table(done / "participants.tsv")
    assert participants.words("participant_id") == ("sub-01_ses-1", "sub-01_ses-2", "sub-02")
    for row, name in enumerate(participants.words("participant_id")):
        own = load_table(done / name / "measurement_transform" / "arteries.tsv")
        key = {"side": "left", "segment": "common_bulb"}
        (volume,) = of(own, "wall_volume_mm3", **key)
        (same,) = of(arteries, "wall_volume_mm3", participant_id=name, **key)
        assert volume == same > 50
        assert participants.numbers("common_bulb_wall_volume_mm3_sides_max")[row] == volume
    assert participants.numbers("common_sides_count").tolist() == [1, 1, 1]
    parameters = json.loads((done / "parameters.json").read_text())["measurement_transform"]
    assert parameters["thickness"] == "laplace"
    assert parameters["plaque_thickness_mm"] == 1.5


def test_a_side_that_was_not_searched_is_told_and_counts_as_no_side(
    tmp_path: Path, done: Path, annotated: Path
) -> None:
    shutil.copytree(annotated, tmp_path / "a")
    for folder in (tmp_path / "a").glob("*/*_transform"):
        heatmap = Input.of_result(Record("heatmap", {"sides": "left"}))
        grid = grid_facts(grid_of(SPACING, "LPS"))
        write_record(folder, Record(folder.name, {}, inputs={"heatmap": heatmap}, context=grid))
    out = tmp_path / "out"
    run = transform(out, tmp_path / "a")
    assert run.returncode == 0, run.stderr
    arteries = load_table(out / "arteries.tsv")
    right = np.array(arteries.words("side")) == "right"
    assert set(np.array(arteries.words("bifurcation"))[right]) == {"not_searched"}
    assert "not_searched" not in np.array(arteries.words("bifurcation"))[~right]
    amounts = [name for name, cells in arteries.cells.items() if not isinstance(cells, tuple)]
    told = {name for name in amounts if np.isfinite(arteries.numbers(name)[right]).any()}
    assert told == {"plaque_threshold_mm"}
    participants = load_table(out / "participants.tsv")
    assert set(participants.words("bifurcation_right")) == {"not_searched"}
    lost = load_table(done / "arteries.tsv")
    assert set(of(lost, "slices", side="right")) == {0}
    assert "not_searched" not in lost.words("bifurcation")

    run = run_carotid("compare", "measurement", out, done, tmp_path / "both")
    assert run.returncode == 0, run.stderr
    values = load_table(tmp_path / "both" / "compare_measurement.tsv")
    assert np.isnan(of(values, "difference", side="right", measure="slices")).all()
    assert set(of(values, "difference", side="left", measure="slices")) == {0}


def test_a_complete_run_given_again_changes_nothing(done: Path, annotated: Path) -> None:
    before = contents(done)
    run = transform(done, annotated)
    assert run.returncode == 0
    assert "nothing was changed" in run.stdout
    assert contents(done) == before


def test_settings_come_from_the_configuration(tmp_path: Path, annotated: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[measurement_transform]\nthickness = "radial"\nbulb_to_mm = 8\n')
    out = tmp_path / "out"
    run = transform(out, annotated, "-c", config, "-p", "sub-02")
    assert run.returncode == 0, run.stderr
    slices = load_table(out / "sub-02" / "measurement_transform" / "left_slices.tsv")
    assert set(slices.words("wt_method")) == {"radial"}
    config.write_text('[measurement_transform]\nthickness = "radiel"\n')
    refused = transform(out, annotated, "-c", config)
    assert refused.returncode == 2
    assert "measurement_transform.thickness" in refused.stderr


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path, annotated: Path) -> None:
    broken = tmp_path / "annotations"
    shutil.copytree(annotated, broken)
    (broken / "sub-02" / "contour_transform" / "left_contour.tsv").write_text("nonsense\n")
    out = tmp_path / "out"
    run = transform(out, broken)
    assert run.returncode == 1
    assert "left_contour.tsv" in run.stderr + run.stdout
    assert load_table(out / "participants.tsv").words("participant_id") == (
        "sub-01_ses-1",
        "sub-01_ses-2",
    )


def test_directories_are_compared(done: Path, annotated: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[measurement_transform]\nthickness = "nearest_outer"\n')
    other = tmp_path / "other"
    transform(other, annotated, "-c", config)
    run = run_carotid("compare", "measurement", done, other, tmp_path / "found")
    assert run.returncode == 0, run.stderr
    assert "3 participants" in run.stdout
    table = load_table(tmp_path / "found" / "compare_measurement_summary.tsv")
    key = {"segment": "internal_high", "measure": "wt_max_mm"}
    assert of(table, "bias", **key)[0] < 0  # the nearest point of the outer outline is nearer
    picture = (tmp_path / "found" / "compare_measurement.svg").read_text()
    assert picture.startswith("<?xml")
    again = run_carotid("compare", "measurement", done, other, tmp_path / "again")
    assert again.returncode == 0
    assert (tmp_path / "again" / "compare_measurement.svg").read_text() == picture


def test_sessions_repeat_and_are_followed_up(done: Path, tmp_path: Path) -> None:
    run = run_carotid("repeatability", tmp_path / "rep", done)
    assert run.returncode == 0, run.stderr
    assert "left out: sub-02" in run.stderr
    followed = run_carotid("follow-up", done, tmp_path / "changes")
    assert followed.returncode == 0, followed.stderr
    table = load_table(tmp_path / "changes" / "follow_up.tsv")
    (percent,) = of(table, "change_percent", segment="common", measure="la_mean_mm2")
    assert percent == pytest.approx(100 * ((0.92 / 0.9) ** 2 - 1), rel=0.05)
    two = run_carotid("repeatability", tmp_path / "same", done, done)
    assert two.returncode == 0, two.stderr
    summary = load_table(tmp_path / "same" / "repeatability.tsv")
    assert np.nanmax(np.abs(summary.numbers("within_sd"))) == 0


def test_segments_are_those_that_it_was_measured_with(
    done: Path, annotated: Path, tmp_path: Path
) -> None:
    """Nobody has to give the file again."""
    config = tmp_path / "config.toml"
    config.write_text("[measurement_transform]\nbulb_to_mm = 6\n")
    transform(tmp_path / "low", annotated, "-c", config)
    key = {"side": "left", "segment": "internal_bulb", "measure": "covered_mm"}
    covered = []
    for root, bulb_mm in ((done, 10), (tmp_path / "low", 6)):
        out = tmp_path / f"to_{bulb_mm}"
        run = run_carotid("repeatability", out, root)
        assert run.returncode == 0, run.stderr
        assert "when it was measured" not in run.stderr
        values = load_table(out / "repeatability_values.tsv")
        covered.append(of(values, "value_1", **key)[0])
    assert covered[0] - covered[1] == pytest.approx(4, abs=0.5)
    again = run_carotid("follow-up", done, tmp_path / "changes", "-c", config)
    assert again.returncode == 0, again.stderr
    assert "bulb_to_mm = 6, was 10 when it was measured" in again.stderr


def test_what_cannot_be_done_is_said(done: Path, tmp_path: Path) -> None:
    nobody = run_carotid("follow-up", done, tmp_path / "x", "--later_dir", tmp_path)
    assert nobody.returncode == 2
    assert "there are no measurements" in nobody.stderr
    unknown = run_carotid("compare", "measurement", done, done, tmp_path / "y", "--column", "wall")
    assert unknown.returncode == 2
    assert "no table has the column wall" in unknown.stderr


def test_a_page_that_is_older_now_is_named(tmp_path: Path, annotated: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(annotated, out)
    words = f"{out / 'report.html'} is older than the results; `carotid report {out}` makes"
    run = run_carotid("transform", "measurement", out)
    assert "older than" not in run.stderr, "there is no page"
    assert run_carotid("report", out).returncode == 0
    assert "older than" not in run_carotid("transform", "measurement", out).stderr
    config = tmp_path / "config.toml"
    config.write_text("[measurement_transform]\nplaque_thickness_mm = 1.7\n")
    run = run_carotid("transform", "measurement", out, "--force", "-c", config)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count(words) == 1
    assert words in run_carotid("merge", out).stderr
    assert run_carotid("report", out).returncode == 0
    assert "older than" not in run_carotid("merge", out).stderr

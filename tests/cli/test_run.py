"""`carotid run` as a user gives it, with networks of random weights: steps, tables, resuming."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.cli.study import one_line
from tests.cli.test_pipeline import CONTOUR_MODELS, made
from tests.command import contents, run_carotid, tree, unfinished

from carotid.storage.results.measurement_tables import load_table

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.cli.test_pipeline import Study

STEPS = ("centerline", "contour", "measurement", "segmentation")


def run(study: Study, *more: str | Path) -> subprocess.CompletedProcess[str]:
    models = ("--heatmap_model_dir", study.models, "--contour_model_dir", CONTOUR_MODELS)
    return run_carotid("run", study.raw, study.out, *models, "-c", study.config, *more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A run of two scans, and of a third that is none."""
    study = made(tmp_path_factory.mktemp("whole"))
    (study.raw / "worse.nii.gz").write_bytes(b"no NIfTI at all")
    done = run(study, "-v")
    assert done.returncode == 1
    assert "2 done, 0 skipped, 1 failed" in done.stdout
    assert done.stderr.index("worse: failed") < done.stderr.index("one: done"), "said at once"
    assert f"tables: {study.out}/arteries.tsv" in done.stdout
    (study.raw / "worse.nii.gz").unlink()
    return study


def test_what_is_left(whole: Study) -> None:
    assert whole.folders() == [f"{name}_transform" for name in STEPS]
    assert whole.folders("two") == whole.folders("one")
    assert not (whole.out / "worse").exists()
    ids = [line.split("\t")[0] for line in (whole.out / "participants.tsv").read_text().split("\n")]
    assert ids[:3] == ["participant_id", "one", "two"]
    assert unfinished(whole.out) == []
    parameters = json.loads((whole.out / "parameters.json").read_text())
    assert list(parameters)[-1] == "measurement_transform"


def test_tables_are_those_of_the_step_alone(whole: Study, tmp_path: Path) -> None:
    places = ("--centerline_dir", whole.out, "--contour_dir", whole.out)
    alone = run_carotid("transform", "measurement", tmp_path / "out", *places, "-c", whole.config)
    assert alone.returncode == 0, alone.stderr
    ours = {n: d for n, d in contents(whole.out).items() if "measurement_transform" in n}
    theirs = {n: d for n, d in contents(tmp_path / "out").items() if "measurement_transform" in n}
    assert ours == theirs


def test_tables_say_which_side_was_not_searched(tmp_path: Path) -> None:
    """Known from the heatmaps' record, which nobody keeps on disk."""
    study = made(tmp_path)
    done = run(study, "--sides", "left", "-p", "one", "--no_page")
    assert done.returncode == 0, done.stderr
    table = load_table(study.out / "arteries.tsv")
    told = zip(table.words("side"), table.words("bifurcation"), strict=True)
    assert {side for side, source in told if source == "not_searched"} == {"right"}
    assert load_table(study.out / "participants.tsv").words("bifurcation_right") == (
        "not_searched",
    )


def test_given_again_it_says_one_line_and_changes_nothing(whole: Study) -> None:
    before = tree(whole.out)
    again = run(whole)
    assert again.returncode == 0
    assert again.stdout.count("\n") == 1
    assert "already holds the pipeline results of all 2 participants" in again.stdout
    assert tree(whole.out) == before
    page = whole.out / "report.html"
    text = page.read_text()
    begin = "&#34;results&#34;: {&#34;one&#34;: &#34;"
    assert begin in text
    page.write_text(text.replace(begin, f"{begin}0"))
    assert f"open {page}" in run(whole).stdout, "older than the results"
    assert page.read_text() == text


def test_mistakes_are_said_before_anything_is_done(tmp_path: Path) -> None:
    study = made(tmp_path)
    done = run_carotid("run", study.raw, study.out, "--contour_model_dir", study.models)
    assert done.returncode == 2
    assert str(study.models) in done.stderr
    assert not study.out.exists()
    study.out.write_text("a file")
    done = run_carotid("run", study.raw, study.out)
    assert done.returncode == 2
    assert "the output directory is a file" in one_line(done.stderr)
    assert study.out.read_text() == "a file"

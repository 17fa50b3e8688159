"""`carotid run` in parts, closed by `carotid merge`, against one run of the whole cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.test_pipeline import CONTOUR_MODELS, made
from tests.command import contents, run_carotid

from carotid.cohort.shard import Shard

if TYPE_CHECKING:
    from pathlib import Path


def test_parts_and_merge_are_one_run(tmp_path: Path) -> None:
    study = made(tmp_path)
    places = ("--heatmap_model_dir", study.models, "--contour_model_dir", CONTOUR_MODELS)
    settings = ("-c", study.config, "--no_page")
    whole = tmp_path / "whole"
    run = run_carotid("run", study.raw, whole, *places, *settings, PYTHONHASHSEED="1")
    assert run.returncode == 0, run.stderr
    assert "tables: " in run.stdout
    count = next(n for n in range(2, 9) if Shard(1, n).of(["one", "two"]) in (["one"], ["two"]))
    for number in range(1, count + 1):
        part = ("--shard", f"{number}/{count}")
        run = run_carotid("run", study.raw, study.out, *places, *settings, *part)
        assert run.returncode == 0, run.stderr
        if Shard(number, count).of(["one", "two"]):
            assert f"when all parts are done: carotid merge {study.out}" in run.stdout
        else:
            assert "There is no participant in this part of the cohort" in run.stdout
        assert not (study.out / "participants.tsv").exists()
        if number == 1:
            early = run_carotid("merge", study.out)
            assert early.returncode == 1
            assert "1 missing" in early.stdout
            (study.out / "participants.tsv").unlink()
    run = run_carotid("merge", study.out)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["pipeline: 2 done, 0 skipped, 0 failed, 0 missing"]
    ours, theirs = contents(study.out), contents(whole)
    for found in (ours, theirs):
        del found["parameters.json"]  # names the output directory
    assert ours == theirs
    assert {"summary.json", "participants.tsv", "arteries.tsv"} <= ours.keys()

"""`carotid transform heatmap` as users run it: what is done, what is kept, what is said."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK
import torch
from tests.cli.study import CONFIG, RESULT, Study, finished, one_line, study
from tests.command import CAROTID, contents, environment, run_carotid, tree, unfinished
from tests.necks import SHAPE, write_scan

from carotid.cli.cohort_progress import choose_progress
from carotid.cohort import run as running
from carotid.cohort.background import EarlyLoad
from carotid.stages.catalog import stage_named

if TYPE_CHECKING:
    from carotid.stages.stage import Task

__all__ = ["finished", "study"]


def test_the_whole_tree_is_there(finished: Study) -> None:
    names = {
        f"{s}_heatmap/{n}"
        for s in ("left", "right")
        for n in ("max_indices.npy", "mean.mha", "std.mha")
    }
    files = {"parameters.json", "summary.json"}
    for participant in ("sub-01", "sub-02"):
        files |= {f"{participant}/heatmap_transform/{name}" for name in names | {"provenance.json"}}
    assert set(contents(finished.out)) == files
    table = (finished.folder / "stdout").read_text()
    assert "2 done, 0 skipped, 0 failed" in table
    record = json.loads((finished.out / "parameters.json").read_text())["heatmap_transform"]
    assert record["roi_size"] == [32, 32, 32]
    assert record["spacing"] is True
    assert record["overlap"] == 0.25
    assert record["device"] == "cpu"
    assert set(record["models"]) == {"unet_0.pt", "unet_1.pt"}
    scan = SimpleITK.ReadImage(str(finished.raw / "sub-01.mha"))
    mean = SimpleITK.ReadImage(str(finished.out / "sub-01" / RESULT))
    assert mean.GetSize() == scan.GetSize() == SHAPE
    assert mean.GetDirection() == scan.GetDirection()
    np.testing.assert_allclose(mean.GetOrigin(), scan.GetOrigin(), atol=1e-6)
    indices = finished.out / "sub-01/heatmap_transform/left_heatmap/max_indices.npy"
    assert np.load(indices).shape == (2, 2, SHAPE[2], 2)


def test_a_complete_directory_stays_as_it_is_and_is_a_success(study: Study) -> None:
    before = tree(study.out)
    run = study.run()
    assert run.returncode == 0
    assert "already holds the heatmap results of all 2 participants" in one_line(run.stdout)
    assert "--force" in run.stdout
    assert tree(study.out) == before
    one = study.run("--participant", "sub-01", "-p", "sub-01")
    assert one.returncode == 0
    assert "of sub-01; nothing was changed" in one_line(one.stdout)


def test_second_run_writes_the_same_bytes(study: Study) -> None:
    before = contents(study.out)
    shutil.rmtree(study.out)
    study.raw.rename(study.raw.with_name("moved"))
    study.raw.with_name("moved").rename(study.raw)
    assert study.run(PYTHONHASHSEED="1").returncode == 0
    after = contents(study.out)
    recorded = {n for n in before if n.endswith(("parameters.json", "provenance.json"))}
    assert {n: h for n, h in after.items() if n not in recorded} == {
        n: h for n, h in before.items() if n not in recorded
    }
    again = study.folder / "again"
    study.out.rename(again)
    assert study.run(PYTHONHASHSEED="2").returncode == 0
    assert contents(study.out) == contents(again)


def test_missing_participant_is_added_and_force_redoes_only_those_asked_for(study: Study) -> None:
    first = tree(study.out)
    shutil.rmtree(study.out / "sub-02")
    run = study.run()
    assert run.returncode == 0
    assert study.reasons() == {
        "sub-01": ("skipped", "was complete already"),
        "sub-02": ("done", ""),
    }
    resumed = tree(study.out)
    assert {n: v for n, v in resumed.items() if n.startswith("sub-01")} == {
        n: v for n, v in first.items() if n.startswith("sub-01")
    }
    forced = study.run("--force", "--participant", "sub-02")
    assert forced.returncode == 0
    after = tree(study.out)
    for name in after:
        if name.startswith("sub-01"):
            assert after[name] == resumed[name]
        elif name.startswith("sub-02"):
            assert after[name][0] == resumed[name][0]
            assert after[name][1] != resumed[name][1]


@pytest.mark.parametrize("force", [False, True])
def test_the_first_scan_that_is_not_complete_is_read_while_torch_is_imported(
    *, force: bool, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(study.out / "sub-02")
    begun = []

    class Noted(EarlyLoad[object]):
        def __init__(self, task: Task[object], participant_id: str) -> None:
            begun.append(participant_id)
            super().__init__(task, participant_id)

    monkeypatch.setattr(running, "EarlyLoad", Noted)
    monkeypatch.setattr(running, "prepare_process", lambda: None)
    request = running.Request(
        stage=stage_named("heatmap"),
        raw_dir=study.raw,
        model_dir=study.models,
        output_dir=study.out,
        config_path=study.config,
        device="cpu",
        force=force,
        threads=torch.get_num_threads(),
    )
    outcomes = running.run_stage(request, choose_progress)
    assert begun == ["sub-01" if force else "sub-02"]
    assert [one.status for one in outcomes] == ["done" if force else "skipped", "done"]


def test_damaged_result_is_done_again(study: Study) -> None:
    before = contents(study.out)
    path = study.out / "sub-01" / RESULT
    path.write_bytes(path.read_bytes()[:-7])
    assert study.run().returncode == 0
    assert contents(study.out)[f"sub-01/{RESULT}"] == before[f"sub-01/{RESULT}"]


def other_window(study: Study) -> None:
    study.config.write_text(CONFIG.replace("0.25", "0.5"))


def other_model(study: Study) -> None:
    (study.models / "unet_1.pt").unlink()


def other_rescaling(study: Study) -> None:
    (study.raw / "parameters.json").write_text(
        '{"rescale": true, "lower_percentile_rescaler": 1, "upper_percentile_rescaler": 99}'
    )


def other_scan(study: Study) -> None:
    write_scan(study.raw / "sub-01.mha", 1.5)


def unreadable_scan(study: Study) -> None:
    (study.raw / "sub-01.mha").unlink()
    (study.raw / "sub-01.mhd").write_text("nonsense")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_window, "sub-01 was done differently: overlap is 0.5, was 0.25"),
        (other_model, "the models differ (1 now: unet_0.pt; 2 then: unet_0.pt, unet_1.pt)"),
        (other_rescaling, "sub-01 was done differently: rescaling"),
        (other_scan, "made from has changed since (found sub-01: its scan)"),
        (unreadable_scan, "(found sub-01: its input, which cannot be read any more)"),
    ],
)
def test_results_of_different_making_are_not_mixed(
    change: object, words: str, study: Study
) -> None:
    shutil.rmtree(study.out / "sub-02")
    change(study)  # type: ignore[operator]
    before = tree(study.out)
    run = study.run()
    assert run.returncode == 2
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert tree(study.out) == before


def test_a_broken_scan_does_not_stop_the_others(study: Study) -> None:
    shutil.rmtree(study.out)
    content = (study.raw / "sub-02.mha").read_bytes()
    (study.raw / "sub-01b.mha").write_bytes(content[: len(content) // 2])
    before = tree(study.raw)
    run = study.run()
    assert run.returncode == 1
    assert "2 done, 0 skipped, 1 failed" in run.stdout
    row = next(line for line in run.stdout.splitlines() if line.startswith("sub-01b"))
    assert "failed" in row
    assert "sub-01b.mha" in row
    result, reason = study.reasons()["sub-01b"]
    assert result == "failed"
    assert reason in row
    assert study.reasons()["sub-02"] == ("done", "")
    assert (study.out / "sub-02" / RESULT).exists()
    assert not (study.out / "sub-01b").exists()
    assert unfinished(study.out) == []
    assert tree(study.raw) == before
    assert "Traceback" not in run.stderr


def test_one_model_warns_and_has_no_spread(study: Study) -> None:
    other_model(study)
    shutil.rmtree(study.out)
    run = study.run("--participant", "sub-01")
    assert run.returncode == 0
    assert "one model only" in run.stderr
    assert not (study.out / "sub-02").exists()
    std = SimpleITK.ReadImage(str(study.out / "sub-01/heatmap_transform/left_heatmap/std.mha"))
    assert not SimpleITK.GetArrayFromImage(std).any()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_how_to_go_on(number: signal.Signals, study: Study) -> None:
    before = contents(study.out)
    shutil.rmtree(study.out)
    study.config.write_text(CONFIG.replace("0.25", "0.9"))  # many windows
    process = subprocess.Popen(
        [str(CAROTID), *map(str, study.arguments())],
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    work = study.out / ".carotid" / "heatmap_transform-sub-01"
    while not work.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"interrupted by {number.name}" in errors
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    assert set(contents(study.out)) == {"parameters.json"}
    assert unfinished(study.out) == []
    study.config.write_text(CONFIG)
    assert study.run().returncode == 0
    recorded = ("parameters.json", "provenance.json")
    after = contents(study.out)
    assert {n: h for n, h in after.items() if not n.endswith(recorded)} == {
        n: h for n, h in before.items() if not n.endswith(recorded)
    }


def test_verbose_says_more(study: Study) -> None:
    run = run_carotid("-v", *study.arguments("--force", "--participant", "sub-01"))
    assert run.returncode == 0
    assert "device: cpu" in run.stderr
    assert "2 models" in run.stderr
    assert "\r" not in run.stderr

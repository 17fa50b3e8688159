"""`carotid transform pipeline` as users run it, against the five steps one after another.

The networks have random weights and nothing that they say is a vessel; steps take it all the same.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.command import contents, run_carotid, tree, unfinished
from tests.golden.test_contour import HERE as CONTOUR
from tests.necks import write_scan
from tests.networks import write_models

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CONFIG = """
[heatmap_transform]
roi_size = [32, 32, 32]
overlap = 0.25
[centerline_transform]
method = "sections"
threshold = -1e6
step_size = 10
[contour_transform]
delta_theta = 0.2
[measurement_transform]
thickness = "radial"
"""
CONTOUR_MODELS = CONTOUR / "models" / "v1"
KEPT = ("centerline", "contour", "segmentation")
ALL = ("heatmap", "centerline", "polar", "contour", "segmentation")


class Study:
    """Scans, weights and a configuration, and the commands that work on them."""

    def __init__(self, root: Path) -> None:
        self.raw, self.models, self.config = root / "raw", root / "models", root / "config.toml"
        self.out = root / "out"

    def pipeline(self, *more: str | Path) -> subprocess.CompletedProcess[str]:
        places = (self.raw, self.models, CONTOUR_MODELS, self.out)
        settings = ("--config_path", self.config, "--device", "cpu")
        return run_carotid("transform", "pipeline", *places, *settings, *more)

    def step(self, name: str, *more: str | Path) -> None:
        scans = [self.raw, self.models] if name == "heatmap" else []
        models = [CONTOUR_MODELS] if name == "contour" else []
        device = ["--device", "cpu"] if scans or models else []
        places = [*scans, self.out, *models]
        run = run_carotid("transform", name, *places, "-c", self.config, *device, *more)
        assert run.returncode == 0, run.stderr

    def folders(self, participant: str = "one") -> list[str]:
        return sorted(path.name for path in (self.out / participant).iterdir())

    def results(self, step: str) -> dict[str, str]:
        """All files of a step, of all participants."""
        return {
            name: digest
            for name, digest in contents(self.out).items()
            if f"/{step}_transform/" in name
        }


def made(root: Path) -> Study:
    study = Study(root)
    for k, name in enumerate(("one", "two")):
        write_scan(study.raw / f"{name}.mha", 1 + k)
    write_models(study.models, 2)
    study.config.write_text(CONFIG)
    return study


@pytest.fixture(scope="module")
def singly(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The five steps, one after another."""
    study = made(tmp_path_factory.mktemp("singly"))
    for name in ALL:
        study.step(name)
    return study


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The pipeline as it is; tests work on copies."""
    study = made(tmp_path_factory.mktemp("usual"))
    run = study.pipeline()
    assert run.returncode == 0, run.stderr
    assert "2 done, 0 skipped, 0 failed" in run.stdout
    return study


@pytest.fixture
def study(usual: Study, tmp_path: Path) -> Study:
    shutil.copytree(usual.out.parent, tmp_path / "copy")
    return Study(tmp_path / "copy")


def steps_taken(said: str) -> list[str]:
    """Participant and step of each that was gone through, from what -v says."""
    return [f"{one} {step}" for one, step in re.findall(r"carotid: (\S+): (\w+) took", said)]


def test_the_results_are_those_of_the_five_steps(usual: Study, singly: Study) -> None:
    assert usual.folders() == [f"{name}_transform" for name in KEPT]
    for step in KEPT:
        assert usual.results(step) == singly.results(step)
        assert usual.results(step), step
    assert unfinished(usual.out) == []
    summary = json.loads((usual.out / "summary.json").read_text())
    assert [row["result"] for row in summary["pipeline"]["participants"]] == ["done", "done"]


def test_with_all_flags_everything_is_kept(singly: Study, tmp_path: Path) -> None:
    study = made(tmp_path)
    run = study.pipeline("-wheat", "--write_polar", "-wcent", "--write_contours")
    assert run.returncode == 0, run.stderr
    for step in ALL:
        assert study.results(step) == singly.results(step)
    ours, theirs = (
        json.loads((one.out / "parameters.json").read_text()) for one in (study, singly)
    )
    assert list(ours) == list(theirs) == [f"{name}_transform" for name in ALL]
    for name in ours:
        assert ours[name].keys() == theirs[name].keys()


def test_only_the_masks_may_be_kept(usual: Study, tmp_path: Path) -> None:
    study = made(tmp_path)
    run = study.pipeline("--no_write_centerline", "--no-write-contours", "-p", "two")
    assert run.returncode == 0, run.stderr
    assert study.folders("two") == ["segmentation_transform"]
    assert not (study.out / "one").exists()
    masks = {n: d for n, d in usual.results("segmentation").items() if n.startswith("two/")}
    assert study.results("segmentation") == masks
    again = study.pipeline("--no_write_centerline", "--no-write-contours", "-p", "two")
    assert "already holds the pipeline results of two" in again.stdout


def test_a_complete_directory_stays_as_it_is(study: Study) -> None:
    before = tree(study.out)
    run = study.pipeline()
    assert run.returncode == 0
    assert "already holds the pipeline results of all 2 participants" in run.stdout
    assert tree(study.out) == before


def test_a_run_that_was_cut_short_goes_on_at_its_step(usual: Study, study: Study) -> None:
    shutil.rmtree(study.out / "two" / "segmentation_transform")
    for step in ("contour", "segmentation"):
        shutil.rmtree(study.out / "one" / f"{step}_transform")
    run = study.pipeline("-v")
    assert run.returncode == 0, run.stderr
    assert steps_taken(run.stderr) == [
        "one polar",
        "one contour",
        "one segmentation",
        "two segmentation",
    ]
    for step in KEPT:
        assert study.results(step) == usual.results(step)
    shutil.rmtree(study.out / "one" / "centerline_transform")
    run = study.pipeline("-v")
    assert run.returncode == 0, run.stderr
    assert steps_taken(run.stderr) == ["one heatmap", "one centerline"], "contours still hold"
    assert study.results("centerline") == usual.results("centerline")


def test_single_steps_go_on_from_a_pipeline(study: Study) -> None:
    for step in ("contour", "segmentation"):
        shutil.rmtree(study.out / "one" / f"{step}_transform")
    before = {step: study.results(step) for step in KEPT}
    study.step("contour")
    study.step("segmentation")
    for step in ("contour", "segmentation"):
        after = study.results(step)
        assert before[step].items() <= after.items()
    assert study.folders("one") == [f"{name}_transform" for name in KEPT]


def test_other_settings_are_refused_untouched(study: Study) -> None:
    study.config.write_text(CONFIG.replace("step_size = 10", "step_size = 5"))
    before = tree(study.out)
    run = study.pipeline()
    assert run.returncode == 2
    assert "step_size is 5, was 10" in run.stderr
    assert tree(study.out) == before


def test_force_replaces_those_asked_for_together(usual: Study, study: Study) -> None:
    shutil.copytree(study.out / "one" / "contour_transform", study.out / "one" / "polar_transform")
    theirs = study.out / "one" / "heatmap_transform"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("ten years")
    (study.out / "notes.txt").write_text("mine")
    before = tree(study.out)
    study.config.write_text(CONFIG.replace("delta_theta = 0.2", "delta_theta = 0.3"))
    run = study.pipeline("--force", "--participant", "one", "--no-write-centerline")
    assert run.returncode == 0, run.stderr
    assert study.folders() == ["contour_transform", "heatmap_transform", "segmentation_transform"]
    assert (theirs / "thesis.txt").exists(), "not ours"
    after = tree(study.out)
    for name, found in before.items():
        if name.startswith("two/") or name == "notes.txt":
            assert after[name] == found
    assert study.results("contour") != usual.results("contour")
    assert "two was made with other parameters" in run.stderr
    assert unfinished(study.out) == []


def test_force_keeps_what_was_corrected_by_hand(study: Study) -> None:
    (study.out / "one" / "centerline_transform" / "corrected").mkdir()
    before = tree(study.out)
    run = study.pipeline("--force", "--participant", "one", "--no-write-centerline")
    assert run.returncode == 1
    assert "corrected by hand" in run.stderr + run.stdout
    after = tree(study.out)
    assert {name: found for name, found in after.items() if name.startswith("one/")} == {
        name: found for name, found in before.items() if name.startswith("one/")
    }


def test_the_table_names_the_step_that_failed(tmp_path: Path) -> None:
    study = made(tmp_path)
    (study.raw / "zz.mha").write_bytes((study.raw / "one.mha").read_bytes()[:500])
    study.config.write_text(CONFIG.replace("-1e6", "1e6"))
    run = study.pipeline()
    assert run.returncode == 1
    assert "0 done, 0 skipped, 3 failed" in run.stdout
    rows = [line for line in run.stdout.splitlines() if line.startswith(("one ", "two "))]
    assert len(rows) == 2
    for row in rows:
        assert "centerline: no carotid artery was found on either side" in row
    assert "zz.mha" in run.stdout
    assert not (study.out / "one").exists()
    assert unfinished(study.out) == []


def test_all_mistakes_of_all_sections_are_told(study: Study) -> None:
    study.config.write_text("[heatmap_transform]\nx = 1\n[contour_transform]\ny = 2\n[polar]\n")
    run = study.pipeline()
    assert run.returncode == 2
    assert "3 mistakes" in run.stderr
    missing = Study(study.out.parent)
    missing.config.write_text(CONFIG)
    missing.models = missing.out.parent / "absent"
    run = missing.pipeline("--force")
    assert run.returncode == 2
    assert "does not exist" in run.stderr

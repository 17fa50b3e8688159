"""`--crop` as a user gives it: what it leaves, what it refuses to mix, what the page says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.cli.study import AS_THEY_ARE, CONFIG, Study
from tests.command import run_carotid
from tests.necks import SHAPE, affine_of, neck, write_scan
from tests.networks import write_models

from carotid.errors import UsageError
from carotid.geometry.crop import Crop
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.report.sources import find_subjects
from carotid.report.write import write_report
from carotid.stages.catalog import read_settings, stage_named
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.heatmap_slices import open_heatmaps

if TYPE_CHECKING:
    from pathlib import Path

BOX = "A -4 6 S -6 2.5"


def test_results_lie_on_the_whole_scan_and_are_not_mixed(tmp_path: Path) -> None:
    study = Study(tmp_path)
    write_scan(study.raw / "one.mha")
    (study.raw / "parameters.json").write_text(AS_THEY_ARE)
    write_models(study.models, 1)
    study.config.write_text(CONFIG + 'crop = "A -1 1"\n')
    beside = study.run("--crop", "A 40 60")
    assert beside.returncode == 1
    assert "the crop misses the scan" in beside.stdout
    assert "it lies at R -14.8 14.8" in beside.stdout
    done = study.run("--crop", BOX)
    assert done.returncode == 0, done.stderr

    folder = study.out / "one" / "heatmap_transform"
    mean = open_heatmaps(folder).slices("left").mean()
    assert mean.shape[1:] == SHAPE
    inside = mean[:, :, 6:17, 4:17]
    assert inside.any(axis=(0, 1, 2)).all()
    assert np.count_nonzero(mean) == np.count_nonzero(inside)
    record = json.loads((folder / "provenance.json").read_text())
    assert record["parameters"]["crop"] == BOX

    for more, now in (([], "A -1 1"), (["--crop", "A -4 6"], "A -4 6")):
        other = study.run(*more)
        assert other.returncode == 2
        assert f"crop is {now}, was {BOX}" in other.stderr
    study.config.write_text(CONFIG)
    assert f"crop is not set, was {BOX}" in study.run().stderr
    assert "nothing was changed" in study.run("--crop", "P -6 4 I -2.5 6").stdout

    page = write_report(study.out)
    assert f"a part of the scan only: {BOX} (R-A-S mm)" in page.page.read_text()
    (row,) = page.rows
    assert row.sides["left"].internal.peak_share in (0.0, 1.0), "of the slices in the box"
    assert find_subjects(study.out, None)[0][0].crop == Crop.parse(BOX)


def test_scans_that_it_misses_are_told_before_any_is_computed(tmp_path: Path) -> None:
    study = Study(tmp_path)
    for name, moved_mm in (("one", 0.0), ("two", 0.0), ("zoe", 300.0)):
        affine = affine_of()
        affine[1, 3] += moved_mm
        study.raw.mkdir(exist_ok=True)
        write_metaimage(study.raw / f"{name}.mha", Volume(neck(), Grid(SHAPE, affine)))
    (study.raw / "parameters.json").write_text(AS_THEY_ARE)
    write_models(study.models, 1)
    study.config.write_text(CONFIG)
    done = study.run("-v", "--crop", BOX)
    assert done.returncode == 1
    assert "2 done, 0 skipped, 1 failed" in done.stdout
    reason = study.reasons()["zoe"][1]
    assert reason.startswith(f"{study.raw / 'zoe.mha'}: the crop misses the scan")
    assert done.stderr.index("zoe: failed") < done.stderr.index("one: done"), "said at once"


def test_an_option_wins_over_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[heatmap_transform]\ncrop = "A -1 1"\noverlap = 0.5\n')
    stages = [stage_named("heatmap"), stage_named("polar")]
    given = [None, {"crop": None}, {"crop": "S 0 1"}]
    found = [read_settings(stages, config, one)["heatmap"].model_dump() for one in given]
    assert [one["crop"] for one in found] == ["A -1 1", "A -1 1", "S 0 1"]
    assert {one["overlap"] for one in found} == {0.5}
    with pytest.raises(UsageError, match=r"--crop must be letters of R, A, S.*found A 1"):
        read_settings(stages, config, {"crop": "A 1"})


@pytest.mark.parametrize("command", ["run", "transform pipeline"])
def test_commands_through_all_steps_take_it(command: str, tmp_path: Path) -> None:
    places = [tmp_path] * (2 if command == "run" else 4)
    run = run_carotid(*command.split(), *places, "--crop", "A 9")
    assert run.returncode == 2
    assert "--crop must be" in run.stderr

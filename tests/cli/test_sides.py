"""`--sides` as a user gives it: what comes out, what it refuses to mix, what the page says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest
from tests.cli.study import AS_THEY_ARE, CONFIG, Study, finished
from tests.command import run_carotid
from tests.necks import write_scan
from tests.networks import write_models

from carotid.cli.pipeline import pipeline
from carotid.cli.run import run
from carotid.cli.transform import StageCommand
from carotid.evaluation.compare_heatmaps import searched_sides
from carotid.geometry.sides import SIDE_NAMES
from carotid.report.sources import find_subjects
from carotid.report.write import write_report
from carotid.stages.catalog import stage_named
from carotid.storage.results.heatmap_slices import open_heatmaps
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["finished"]


def test_a_scan_of_one_side_is_searched_and_told_as_such(tmp_path: Path) -> None:
    study = Study(tmp_path)
    write_scan(study.raw / "one.mha")
    (study.raw / "parameters.json").write_text(AS_THEY_ARE)
    write_models(study.models, 2)
    study.config.write_text(CONFIG)
    done = study.run("--sides", "right")
    assert done.returncode == 0, done.stderr

    folder = study.out / "one" / "heatmap_transform"
    heatmaps = open_heatmaps(folder)
    assert heatmaps.slices("right").mean().any(axis=(0, 2, 3)).all(), "over the whole width"
    assert not heatmaps.slices("left").mean().any()
    assert json.loads((folder / "provenance.json").read_text())["parameters"]["sides"] == "right"

    assert searched_sides(HeatmapLayout(folder)) == ("right",)

    other = study.run()
    assert other.returncode == 2
    assert "sides is not set, was right" in other.stderr
    assert "nothing was changed" in study.run("--sides", "right").stdout

    page = write_report(study.out)
    text = page.page.read_text()
    assert "The scan was searched for the right side only." in text
    assert "Right" in text
    assert "left side" not in text.replace("left side of", "")
    (row,) = page.rows
    assert set(row.sides) == {"right"}
    assert row.heatmap_score == row.sides["right"].score
    assert find_subjects(study.out, None)[0][0].sides == ("right",)
    (line,) = (study.out / "quality.tsv").read_text().splitlines()[1:]
    assert "\tright\t" in line


def test_both_sides_are_told_where_nothing_says_otherwise(finished: Study) -> None:
    assert find_subjects(finished.out, None)[0][0].sides == SIDE_NAMES


@pytest.mark.parametrize("command", ["run", "transform pipeline", "transform heatmap"])
def test_other_words_are_refused(command: str, tmp_path: Path) -> None:
    places = [tmp_path] * {"run": 2, "transform pipeline": 4, "transform heatmap": 3}[command]
    run = run_carotid(*command.split(), *places, "--sides", "middle")
    assert run.returncode == 2
    assert "--sides" in run.stderr
    assert "middle" in run.stderr
    assert "'left'" in run.stderr
    assert "is not one of" in run.stderr, "as of all choices"


def test_sides_may_be_written_with_a_capital() -> None:
    for command in (run, pipeline, StageCommand(stage_named("heatmap"))):
        option = next(one for one in command.params if one.name == "sides")
        context = click.Context(command)
        assert option.type_cast_value(context, "Left") == "left"
        assert "[both|left|right]" in command.get_help(context)

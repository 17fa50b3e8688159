"""Where two measurements of somebody come from other models or versions, a comparison says so."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.evaluation.cohort import fork, save

from carotid.evaluation.compare_measurements import (
    compare_measurements,
    judge_repeatability,
    repetitions,
)
from carotid.evaluation.follow_up import follow_up
from carotid.evaluation.measured_cohorts import Measured, Subject, in_directories
from carotid.evaluation.measured_origins import origins, warn_of_origins
from carotid.network.shipped import shipped_checksums
from carotid.provenance import Input, Record
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SEGMENTS = segments(MeasurementParameters())
SHIPPED = {f"member_{k}.pt": sha for k, sha in enumerate(sorted(shipped_checksums("contour")))}
TRAINED = {"a.pt": "aa", "b.pt": "bb", "model.json": "cc"}
OTHER_SPREAD = {**TRAINED, "model.json": "dd"}


def measured(
    root: Path, name: str, models: dict[str, str], version: str = "0.1.0", by_now: str = "0.1.0"
) -> Measured:
    """A measurement of contours that some models of a version made."""
    folder = OutputLayout(root).transform(name, MEASUREMENT_TRANSFORM)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "arteries.tsv").touch()
    contour = Record("contour", {}, models=models, versions={"carotid": version})
    inputs = {"contour": Input.of_result(contour)}
    write_record(folder, Record("measurement", {}, inputs, versions={"carotid": by_now}))
    return Measured(root, name)


def pairs(root: Path, names: str, models: dict[str, str], later: dict[str, str]) -> list[Subject]:
    return [
        Subject(name, (measured(root / "A", name, models), measured(root / "B", name, later)))
        for name in names
    ]


def test_other_models_are_told_with_whose_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Only those of whom the two differ."""
    both = pairs(tmp_path, "vwxyz", SHIPPED, TRAINED) + pairs(tmp_path, "s", SHIPPED, SHIPPED)
    warn_of_origins(both)
    (record,) = caplog.records
    own, given = (origins(one)["contour models"] for one in both[0].times)
    assert own.startswith("the package's [")
    assert given.startswith("given ones [")
    assert record.getMessage().endswith(
        f": contour models: {own} ({tmp_path / 'A'}: v, w, x and 2 more), "
        f"{given} ({tmp_path / 'B'}: v, w, x and 2 more)"
    )


def test_another_version_at_any_step_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = measured(tmp_path, "x_ses-1", TRAINED)
    later = measured(tmp_path, "x_ses-2", TRAINED, version="0.0.9")
    warn_of_origins([Subject("x", (first, later))])
    assert (
        f"version of carotid: 0.1.0 ({tmp_path}: x_ses-1), 0.0.9 and 0.1.0 ({tmp_path}: x_ses-2)"
    ) in caplog.text
    assert "models:" not in caplog.text


def test_what_is_the_same_or_unknown_is_no_difference(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Other people may have other models; names and order of models do not count."""
    renamed = {"one.pt": "bb", "two.pt": "aa", "model.json": "cc"}
    subjects = pairs(tmp_path, "a", SHIPPED, SHIPPED) + pairs(tmp_path, "b", TRAINED, renamed)
    bare = OutputLayout(tmp_path / "C").transform("c", MEASUREMENT_TRANSFORM)
    bare.mkdir(parents=True)
    without = Measured(tmp_path / "C", "c")
    assert origins(without) == {}
    warn_of_origins([*subjects, Subject("c", (subjects[0].times[0], without))])
    assert not caplog.records
    warn_of_origins(pairs(tmp_path, "d", TRAINED, OTHER_SPREAD))
    assert "contour models: given ones [" in caplog.text


def test_positions_that_begin_elsewhere_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As in tables of an earlier version, or where outlines do not show the flow divider."""
    times = []
    for name, source in (("x_ses-1", "found"), ("x_ses-2", "divider"), ("x_ses-3", "corrected")):
        save(tmp_path, name, fork())
        one = Measured(tmp_path, name)
        folder = OutputLayout(tmp_path).transform(name, MEASUREMENT_TRANSFORM)
        table = folder / "arteries.tsv"
        table.write_text(table.read_text().replace("\tcorrected\t", f"\t{source}\t"))
        times.append(one)
    warn_of_origins([Subject("x", (times[0], times[2])), Subject("x", (times[1], times[2]))])
    assert not caplog.records
    warn_of_origins([Subject("x", (times[0], times[1]))])
    assert (
        f"left positions: from where the courses meet ({tmp_path}: x_ses-1), from the flow "
        f"divider ({tmp_path}: x_ses-2)"
    ) in caplog.text


def test_all_comparisons_tell_and_none_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = tmp_path / "A"
    save(first, "a", fork())
    shutil.copytree(first / "a", first / "b")
    shutil.copytree(first, tmp_path / "B")
    for name in "ab":
        measured(first, name, SHIPPED)
        measured(tmp_path / "B", name, TRAINED)
    roots = [first, tmp_path / "B"]
    compare_measurements(roots, tmp_path / "compared")
    judge_repeatability(*repetitions(roots), tmp_path / "repeated", SEGMENTS)
    follow_up(in_directories(roots)[0], tmp_path / "followed", SEGMENTS)
    told = [one for one in caplog.records if "do not come from the same models" in one.getMessage()]
    assert len(told) == 3

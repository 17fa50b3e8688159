"""Scans are not compared by a least lumen beside which an unsure one may be narrower."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.evaluation.cohort import doubt, fork, of, save

from carotid.evaluation.compare_measurements import judge_repeatability, repetitions
from carotid.evaluation.follow_up import follow_up
from carotid.evaluation.measured_cohorts import by_session
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.measurement_tables import load_table

if TYPE_CHECKING:
    from pathlib import Path

SEGMENTS = segments(MeasurementParameters())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One neck in two sessions, of which the second shows more."""
    folder = tmp_path_factory.mktemp("sessions")
    save(folder, "sub-02_ses-1", fork(), slices=range(4, 37))
    save(folder, "sub-02_ses-2", fork(), slices=range(10, 42))
    return folder


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three necks, measured twice."""
    folder = tmp_path_factory.mktemp("readers")
    for name, scale in {"a": 0.9, "b": 1.0, "c": 1.1}.items():
        for root in "AB":
            save(folder / root, name, fork(scale=scale))
    return folder / "A", folder / "B"


@pytest.mark.parametrize("where", ["both show it", "one shows it"])
def test_no_least_lumen_is_compared_where_an_unsure_one_may_be_narrower(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """The first scan shows slices up to 36, some 14 mm above the bifurcation; the second to 41."""
    measured = shutil.copytree(root, tmp_path / "m")
    at = (8.0, 10.0) if where == "both show it" else (16.0, 18.0)
    doubt(measured, "sub-02_ses-2", *at)
    follow_up(by_session(measured, "")[0], tmp_path / "f", SEGMENTS)
    table = load_table(tmp_path / "f" / "follow_up.tsv")
    told = {
        segment
        for segment, measure in zip(table.words("segment"), table.words("measure"), strict=True)
        if measure == "mla_mm2"
    }
    lines = [one.getMessage() for one in caplog.records if "unsure_lumen" in one.getMessage()]
    if where == "one shows it":
        assert {"internal", "internal_bulb", "common"} <= told
        assert not lines
        return
    assert "common" in told
    assert not {"internal", "internal_bulb", "common_internal"} & told
    (line,) = lines
    assert line.startswith("sub-02_ses-2, left: no least lumen area is compared, as slices with ")
    assert "internal_bulb" in line
    assert of(table, "change", measure="la_mean_mm2", segment="internal_bulb").size == 1


def test_no_least_lumen_repeats_where_an_unsure_one_may_be_narrower(
    roots: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    second = shutil.copytree(roots[1], tmp_path / "B")
    doubt(second, "b", 4, 7)
    subjects, names = repetitions((roots[0], second))
    judge_repeatability(subjects, names, tmp_path / "rep", SEGMENTS)
    values = load_table(tmp_path / "rep" / "repeatability_values.tsv")
    key = {"side": "left", "segment": "internal_bulb", "measure": "mla_mm2"}
    assert np.isfinite(of(values, "difference", **key)).sum() == 2, "of a and c"
    assert np.isnan(of(values, "value_2", participant_id="b", **key)).all()
    assert "b, left: no least lumen area is compared" in caplog.text

"""Numbers of two definitions are not set against each other without a word."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.evaluation.cohort import fork, save

from carotid.errors import UsageError
from carotid.evaluation.compare_measurements import (
    compare_measurements,
    judge_repeatability,
    repetitions,
)
from carotid.evaluation.follow_up import follow_up
from carotid.evaluation.measured_cohorts import Measured, in_directories
from carotid.evaluation.measured_settings import differing_settings, in_words
from carotid.provenance import Record
from carotid.stages.measurement.parameters import MeasurementParameters, default_settings
from carotid.stages.measurement.stretches import segments
from carotid.stages.measurement.task import write_cohort_tables
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.measurement_tables import load_table
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = default_settings()
SEGMENTS = segments(MeasurementParameters())
RADIAL = MeasurementParameters(thickness="radial")
SCALED = MeasurementParameters(spread_scale=2.0)


def record(root: Path, name: str, parameters: MeasurementParameters) -> None:
    """What `carotid transform measurement` writes beside its tables."""
    folder = OutputLayout(root).transform(name, MEASUREMENT_TRANSFORM)
    write_record(folder, Record(MEASUREMENT_TRANSFORM, parameters.model_dump(mode="json")))


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two directories; in the second one participant was measured by another definition."""
    folder = tmp_path_factory.mktemp("settings")
    save(folder / "A", "a", fork())
    record(folder / "A", "a", MeasurementParameters())
    for name in "bcde":
        shutil.copytree(folder / "A" / "a", folder / "A" / name)
    shutil.copytree(folder / "A", folder / "B")
    shutil.rmtree(folder / "B" / "e")
    save(folder / "B", "e", fork(), parameters=RADIAL)
    record(folder / "B", "e", RADIAL)
    return folder / "A", folder / "B"


def test_a_comparison_of_methods_says_what_differs(
    roots: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compare_measurements(roots, tmp_path)
    first, second = roots
    assert (
        f"different settings: thickness: laplace ({first}: a, b, c and 2 more; "
        f"{second}: a, b, c and 1 more), radial ({second}: e)"
    ) in caplog.text


def test_repeatability_and_changes_are_refused(roots: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for as_stored in (False, True):
        with pytest.raises(UsageError, match=r"different settings: thickness: .* radial \(.*: e\)"):
            judge_repeatability(*repetitions(roots), out, SEGMENTS, as_stored=as_stored)
    with pytest.raises(UsageError, match=r"radial .*--force"):
        follow_up(in_directories(roots)[0], out, SEGMENTS)
    assert not out.exists()


def test_the_record_tells_settings_that_no_column_has(tmp_path: Path) -> None:
    for name, chosen in (("x", MeasurementParameters()), ("y", SCALED)):
        (tmp_path / name / MEASUREMENT_TRANSFORM).mkdir(parents=True)
        (tmp_path / name / MEASUREMENT_TRANSFORM / "arteries.tsv").touch()
        record(tmp_path, name, chosen)
    both = [Measured(tmp_path, name) for name in "xy"]
    assert in_words(differing_settings(both, DEFAULTS)) == (
        f"spread_scale: 1 ({tmp_path}: x), 2 ({tmp_path}: y)"
    )
    assert differing_settings([both[0], both[0]], DEFAULTS) == {}


@pytest.mark.parametrize(("mm", "differs"), [(0.5, False), (0.8, True)])
def test_a_setting_that_an_earlier_version_did_not_know_is_one(
    tmp_path: Path, mm: float, *, differs: bool
) -> None:
    for name in "xyz":
        (tmp_path / name / MEASUREMENT_TRANSFORM).mkdir(parents=True)
        (tmp_path / name / MEASUREMENT_TRANSFORM / "arteries.tsv").write_text("side\tsegment\n")
    record(tmp_path, "y", MeasurementParameters(unsure_lumen_mm=mm))
    earlier = {key: value for key, value in DEFAULTS.items() if key != "unsure_lumen_mm"}
    write_record(
        OutputLayout(tmp_path).transform("x", MEASUREMENT_TRANSFORM),
        Record(MEASUREMENT_TRANSFORM, earlier),
    )
    every = [Measured(tmp_path, name) for name in "xyz"]  # z has no record: nothing is known
    found = in_words(differing_settings(every, DEFAULTS))
    words = f"unsure_lumen_mm: not set ({tmp_path}: x), 0.8 ({tmp_path}: y)"
    assert found == (words if differs else "")


def test_without_a_record_the_table_tells(roots: tuple[Path, Path], tmp_path: Path) -> None:
    save(tmp_path, "y", fork(), parameters=MeasurementParameters(stenosis_diameter="caliper"))
    first = Measured(roots[0], "a")
    found = differing_settings([first, Measured(tmp_path, "y")], DEFAULTS)
    assert in_words(found) == (
        f"stenosis_diameter: equivalent ({roots[0]}: a), caliper ({tmp_path}: y)"
    )


def test_the_tables_of_a_cohort_say_so_too(
    roots: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(roots[1], tmp_path / "B")
    write_cohort_tables(OutputLayout(tmp_path / "B"))
    assert "of different settings: thickness: laplace" in caplog.text
    table = load_table(tmp_path / "B" / "participants.tsv")
    assert table.words("wt_method") == (*["laplace"] * 4, "radial")
    assert table.words("bifurcation_left") == ("corrected",) * 5
    caplog.clear()
    shutil.rmtree(tmp_path / "B" / "e")
    write_cohort_tables(OutputLayout(tmp_path / "B"))
    assert not caplog.records

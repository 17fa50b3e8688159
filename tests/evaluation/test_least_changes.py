"""A least detectable change holds for measurements that are made as the repeated ones were."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.evaluation.cohort import fork, of, save
from tests.evaluation.test_measured_settings import record

from carotid.errors import InputError, UsageError
from carotid.evaluation.compare_measurements import judge_repeatability, repetitions
from carotid.evaluation.follow_up import follow_up
from carotid.evaluation.least_changes import warn_of_few
from carotid.evaluation.measured_cohorts import Subject, in_directories
from carotid.provenance import Record
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.measurement_tables import load_table
from carotid.storage.results.record import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

USUAL = MeasurementParameters()
SEGMENTS = segments(USUAL)
WIDER = segments(MeasurementParameters(bulb_to_mm=12.0))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two necks, scanned twice."""
    folder = tmp_path_factory.mktemp("scans")
    for root, scale in (("first", 1.0), ("second", 1.01)):
        for name, calibre in (("x", 1.0), ("y", 1.1)):
            save(folder / root, name, fork(scale=scale * calibre))
            record(folder / root, name, USUAL)
    return folder / "first", folder / "second"


def subjects_of(scans: tuple[Path, Path]) -> list[Subject]:
    return in_directories(scans)[0]


def made(scans: tuple[Path, Path], to: Path, *, as_stored: bool = False) -> Path:
    judge_repeatability(*repetitions(scans), to, SEGMENTS, as_stored=as_stored)
    return to / "repeatability.tsv"


def test_the_same_settings_are_taken_without_a_word(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = made(scans, tmp_path / "repeated")
    told = json.loads((tmp_path / "repeated" / "repeatability_settings.json").read_text())
    assert told["settings"] == USUAL.model_dump(mode="json")
    assert told["as_stored"] is False
    found = follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)
    assert set(found.changes.words("least_change_source")) == {"repeatability"}
    assert not [one for one in caplog.records if "hardly known" not in one.getMessage()]


def test_few_arteries_are_told_with_what_they_leave_open(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = made(scans, tmp_path / "repeated")
    told = load_table(table)
    freedom = told.numbers("freedom")
    assert set(freedom) == {2}
    said = (
        f"{len(freedom)} of {len(freedom)} least detectable changes rest on fewer than 10 repeated "
        "measurements and are hardly known: with 2, the fewest, the true one may be 0.52 to 6.3"
    )
    assert caplog.text.count(said) == 1
    follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)
    assert caplog.text.count(said) == 2, "where it is taken"
    high = 6.2847 * told.numbers("least_change")
    assert told.numbers("least_change_high") == pytest.approx(high, rel=0.01)
    caplog.clear()
    warn_of_few(table, [10.0, 12.0])
    assert not caplog.records


def test_other_segments_are_refused(scans: tuple[Path, Path], tmp_path: Path) -> None:
    table = made(scans, tmp_path / "repeated")
    with pytest.raises(UsageError, match=r"other settings: bulb_to_mm: 10 there, 12 here.*same -c"):
        follow_up(subjects_of(scans), tmp_path / "followed", WIDER, table)
    assert not (tmp_path / "followed").exists()


def test_another_definition_of_thickness_is_refused(
    scans: tuple[Path, Path], tmp_path: Path
) -> None:
    table = made(scans, tmp_path / "repeated")
    radial = MeasurementParameters(thickness="radial")
    for root in ("A", "B"):
        save(tmp_path / root, "x", fork(), parameters=radial)
        record(tmp_path / root, "x", radial)
    others = subjects_of((tmp_path / "A", tmp_path / "B"))
    with pytest.raises(UsageError, match="thickness: laplace there, radial here"):
        follow_up(others, tmp_path / "followed", SEGMENTS, table)


def test_a_table_alone_says_that_nothing_is_known(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "lone.tsv"
    shutil.copy(made(scans, tmp_path / "repeated"), table)
    follow_up(subjects_of(scans), tmp_path / "followed", WIDER, table)
    assert "no lone_settings.json beside it" in caplog.text


def test_a_table_of_stored_values_is_called_so(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = made(scans, tmp_path / "repeated", as_stored=True)
    follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)
    assert "made with --as_stored" in caplog.text


def test_other_networks_are_told(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for root in scans:
        shutil.copytree(root, tmp_path / root.name)
        folder = OutputLayout(tmp_path / root.name).transform("x", MEASUREMENT_TRANSFORM)
        known = read_record(folder)
        assert known is not None
        write_record(
            folder, Record(known.transform, known.parameters, versions={"carotid": "9.9.9"})
        )
        shutil.rmtree(tmp_path / root.name / "y")
    table = made(scans, tmp_path / "repeated")
    later = subjects_of((tmp_path / scans[0].name, tmp_path / scans[1].name))
    follow_up(later, tmp_path / "followed", SEGMENTS, table)
    assert "of other models or another version of this package: version of carotid:" in caplog.text
    assert "9.9.9 here" in caplog.text


def test_what_the_table_lacks_is_named(
    scans: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Those changes are set against the stated spread, which drawn contours do not have."""
    table = made(scans, tmp_path / "repeated")
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(row for row in rows if not row.startswith("external")))
    slices = scans[0] / "x" / MEASUREMENT_TRANSFORM / "left_slices.tsv"
    root = tmp_path / "stated"
    shutil.copytree(scans[0], root / "1")
    shutil.copytree(scans[1], root / "2")
    for n in ("1", "2"):
        place = root / n / slices.relative_to(scans[0])
        lines = [line.split("\t") for line in place.read_text().splitlines()]
        column = lines[0].index("la_sd_mm2")
        for line in lines[1:]:
            line[column] = "0.1"
        place.write_text("".join("\t".join(line) + "\n" for line in lines))
    follow_up(subjects_of((root / "1", root / "2")), tmp_path / "followed", SEGMENTS, table)
    assert "lacks least detectable changes of external;" in caplog.text


def test_a_table_that_was_pasted_twice_is_refused(scans: tuple[Path, Path], tmp_path: Path) -> None:
    table = made(scans, tmp_path / "repeated")
    whole = table.read_text()
    head, first, *_ = whole.splitlines(keepends=True)
    table.write_text(whole + first)
    with pytest.raises(InputError, match=r"column measure .*'covered_mm' of common again"):
        follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)
    k = head.split("\t").index("least_change")
    cells = first.split("\t")
    for wrong in ("-1", "0,5", "inf"):
        cells[k] = wrong
        table.write_text(head + "\t".join(cells))
        with pytest.raises(InputError, match="row 2, column least_change"):
            follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)
    table.write_text(whole)
    (table.parent / "repeatability_settings.json").write_text("{}")
    with pytest.raises(InputError, match="does not say how"):
        follow_up(subjects_of(scans), tmp_path / "followed", SEGMENTS, table)


def test_one_artery_has_values_but_no_figures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a side that no repetition shows nothing repeats, its length of 0 mm neither."""
    for root in ("A", "B"):
        save(tmp_path / root, "x", fork())
    pair = (tmp_path / "A", tmp_path / "B")
    to = tmp_path / "repeated"
    to.mkdir()
    (to / "repeatability.svg").write_text("of other tables")
    found = judge_repeatability(*repetitions(pair), to, SEGMENTS)
    assert not len(found.summary)
    assert "need two arteries at least" in caplog.text
    values = load_table(to / "repeatability_values.tsv")
    assert set(values.words("side")) == {"left"}
    assert of(values, "value_1", segment="common", measure="covered_mm") > 0
    assert not (to / "repeatability.svg").exists()

"""Scans of one neck on two days: aligned along the arteries and in angle, over what both show."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.evaluation.cohort import fork, of, save, turned_about_the_body

from carotid.artifacts import LABELS
from carotid.errors import InputError, UsageError
from carotid.evaluation.alignment import align, turned
from carotid.evaluation.common_range import ArteryCourse, measures_in_common
from carotid.evaluation.follow_up import follow_up
from carotid.evaluation.measured_cohorts import (
    Measured,
    by_session,
    check_order_of_time,
    check_place_of_tables,
    in_directories,
    in_pairs,
)
from carotid.evaluation.scan_pair import ScanPair
from carotid.measurements import Column, MeasurementTable
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.measurement_tables import load_table, save_table

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.artifacts import Label

INSTEAD = "give something else"
SEGMENTS = segments(MeasurementParameters())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One neck in several sessions."""
    folder = tmp_path_factory.mktemp("cohort")
    save(folder, "sub-01_ses-01", fork())
    save(folder, "sub-01_ses-02", fork(), fork_mm=(0, 0, 2.0))  # the bifurcation 2 mm too high
    save(folder, "sub-02_ses-1", fork(), slices=range(4, 37))
    save(
        folder, "sub-02_ses-2", turned_about_the_body(fork(plaque_mm=2.0), 20), slices=range(10, 42)
    )
    save(folder, "alone", fork())
    return folder


def courses(root: Path, name: str) -> dict[Label, ArteryCourse]:
    table = Measured(root, name).slices("left")
    return {label: ArteryCourse.of(table, label, 2.0) for label in LABELS}


def test_the_bifurcation_s_error_is_found_from_the_arteries(root: Path) -> None:
    found = align(courses(root, "sub-01_ses-01"), courses(root, "sub-01_ses-02"), "left")
    assert found.shift_mm == pytest.approx(2.0, abs=0.4)
    assert found.turn_deg == pytest.approx(0, abs=1)


def test_a_bifurcation_that_is_further_off_is_told(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Found at another place by 7 mm: more than is looked for."""
    for name, off_mm in (("far_ses-1", 0.0), ("far_ses-2", 7.0)):
        save(tmp_path / "m", name, fork(), fork_mm=(0, 0, off_mm))
    first, later = (Measured(tmp_path / "m", f"far_ses-{k}") for k in (1, 2))
    ScanPair.of(first, later, "left", SEGMENTS)
    (record,) = caplog.records
    assert "far_ses-2, left: its bifurcation is off by 4 mm or more" in record.getMessage()
    caplog.clear()
    ScanPair.of(Measured(root, "sub-01_ses-01"), Measured(root, "sub-01_ses-02"), "left", SEGMENTS)
    assert not caplog.records


def test_a_turned_head_is_turned_back(root: Path) -> None:
    found = align(courses(root, "sub-02_ses-1"), courses(root, "sub-02_ses-2"), "left")
    # From anterior towards the left is towards lateral, so the second is turned back by 20.
    assert found.turn_deg == pytest.approx(-20, abs=2)
    assert found.shift_mm == pytest.approx(0, abs=0.5)


def test_arteries_that_are_alike_everywhere_are_not_shifted(root: Path) -> None:
    table = Measured(root, "sub-01_ses-01").slices("left")
    same = np.ones(len(table))
    flat = MeasurementTable(
        table.columns,
        {**table.cells, "la_mm2": 20 * same, "tva_mm2": 40 * same},
    )
    both = {label: ArteryCourse.of(flat, label, 2.0) for label in LABELS}
    assert align(both, both, "left").shift_mm == 0


def test_changes_are_measured_over_the_common_stretch(root: Path, tmp_path: Path) -> None:
    subjects, left_out = by_session(root, INSTEAD)
    assert [one.name for one in subjects] == ["sub-01", "sub-02"]
    assert left_out == ["alone"]
    found = follow_up(subjects, tmp_path, SEGMENTS)
    table = load_table(tmp_path / "follow_up.tsv")
    assert not found.failed
    assert set(table.words("side")) == {"left"}
    key = {"participant_id": "sub-02", "segment": "internal"}
    # Slices 10 to 36 are in both, the bifurcation is in slice 22; the walls part some 6 mm above
    # it, and the uppermost slices cannot be cut across.
    common = of(table, "common_mm", measure="wt_max_mm", **key)[0]
    assert 5 < common < 9.5
    change = of(table, "change", measure="wt_max_mm", **key)[0]
    assert change == pytest.approx(0.8, abs=0.12)
    same = {"participant_id": "sub-01", "segment": "internal"}
    for measure in ("wt_max_mm", "la_mean_mm2", "wall_volume_mm3", "wt_mean_mm"):
        percent = of(table, "change_percent", measure=measure, **same)[0]
        assert percent == pytest.approx(0, abs=2.5), measure


def test_a_scan_that_cannot_be_read_is_left_out_as_a_whole(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No row of its left side where the right one is damaged; an earlier table of it is named."""
    shutil.copytree(root, tmp_path / "in")
    subjects, _ = by_session(tmp_path / "in", INSTEAD)
    to = tmp_path / "to"
    assert not follow_up(subjects, to, SEGMENTS).failed
    assert "earlier comparison" not in caplog.text
    (tmp_path / "in" / "sub-02_ses-2" / "measurement_transform" / "right_slices.tsv").unlink()
    found = follow_up(subjects, to, SEGMENTS)
    assert [*found.failed] == ["sub-02_ses-2"]
    assert set(found.changes.words("participant_id")) == {"sub-01"}
    assert "of an earlier comparison: sub-02_ses-2_left_change.tsv" in caplog.text


def test_the_map_of_change_shows_where_plaque_grew(root: Path, tmp_path: Path) -> None:
    follow_up(by_session(root, INSTEAD)[0], tmp_path, SEGMENTS)
    table = load_table(tmp_path / "sub-02_ses-2_left_change.tsv")
    names = [name for name in table.cells if name.startswith("at_")]
    internal = np.array(table.words("label")) == "internal"
    grid = np.column_stack([table.numbers(name) for name in names])[internal]
    s = table.numbers("s_mm")[internal]
    row, column = np.unravel_index(np.nanargmax(grid), grid.shape)
    assert s[row] == pytest.approx(11, abs=1.5)
    # Lateral, as in the first scan, although the head lay otherwise in the second one.
    assert abs(column * 10 - 90) <= 15
    assert grid.max() == pytest.approx(0.8, abs=0.15)
    assert np.abs(grid[s < 1]).max() < 0.25


def test_a_change_is_set_against_the_least_detectable_one(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = MeasurementTable(
        tuple(Column(name, "", "") for name in ("segment", "measure", "least_change")),
        {
            "segment": ("internal", "internal"),
            "measure": ("wt_max_mm", "la_mean_mm2"),
            "least_change": np.array([0.5, 30.0]),
        },
    )
    save_table(tmp_path / "repeatability.tsv", known)
    follow_up(by_session(root, INSTEAD)[0], tmp_path, SEGMENTS, tmp_path / "repeatability.tsv")
    table = load_table(tmp_path / "follow_up.tsv")
    rows = zip(
        table.words("participant_id"), table.words("segment"), table.words("measure"), strict=True
    )
    beyond = dict(zip(rows, table.words("beyond"), strict=True))
    assert beyond["sub-02", "internal", "wt_max_mm"] == "yes"
    assert beyond["sub-01", "internal", "wt_max_mm"] == "no"
    assert beyond["sub-02", "internal", "la_mean_mm2"] == "no"
    assert beyond["sub-02", "internal", "nwi_mean"] == ""  # no spread is stated, none was given
    sources = dict(
        zip(
            zip(table.words("segment"), table.words("measure"), strict=True),
            table.words("least_change_source"),
            strict=True,
        )
    )
    assert sources["internal", "wt_max_mm"] == "repeatability"
    assert sources["internal", "nwi_mean"] == ""
    assert "without --repeatability" not in caplog.text


def test_without_repeated_scans_the_stated_spread_is_called_so(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Drawn contours state no spread; here they do, of one in a hundred of each area."""
    shutil.copytree(root, tmp_path / "in")
    for name in ("sub-01_ses-01", "sub-01_ses-02"):
        path = tmp_path / "in" / name / "measurement_transform" / "left_slices.tsv"
        table = load_table(path)
        spread = 0.01 * table.numbers("la_mm2")
        save_table(path, MeasurementTable(table.columns, {**table.cells, "la_sd_mm2": spread}))
    subjects, _ = by_session(tmp_path / "in", INSTEAD)
    follow_up(subjects[:1], tmp_path, SEGMENTS)
    (warning,) = [one.getMessage() for one in caplog.records]
    assert "without --repeatability" in warning
    table = load_table(tmp_path / "follow_up.tsv")
    rows = list(zip(table.words("measure"), table.words("least_change_source"), strict=True))
    assert ("la_mean_mm2", "stated_spread") in rows
    assert ("nwi_mean", "") in rows
    assert "repeatability" not in table.words("least_change_source")


def test_another_person_is_told(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other calibres all along are another artery's; a lesion, or a little less, is a change."""
    first = courses(root, "sub-01_ses-01")
    table = Measured(root, "sub-01_ses-01").slices("left")
    lesion = np.where(np.abs(table.numbers("s_mm") - 6) < 5, 0.2, 1.0)
    for factor, told in ((1.32, True), (0.7, True), (1.1, False), (lesion, False)):
        cells = {**table.cells, "la_mm2": table.numbers("la_mm2") * factor}
        other = MeasurementTable(table.columns, cells)
        second = {label: ArteryCourse.of(other, label, 2.0) for label in LABELS}
        caplog.clear()
        align(first, second, "left").warn("later", "left")
        assert ("later, left: along half" in caplog.text) == told, factor
        assert ("a hint, but no proof" in caplog.text) == told
    assert np.isnan(
        align(first, {label: one.shifted(500) for label, one in first.items()}, "left").unlikeness
    )


def test_pairs_may_be_told_by_a_table(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("participant_id\tbaseline\tfollow_up\nX\tsub-01_ses-01\talone\n")
    (subject,) = in_pairs(path, root, root)
    assert [one.participant_id for one in subject.times] == ["sub-01_ses-01", "alone"]
    path.write_text("participant_id\tbaseline\tfollow_up\nX\tsub-01_ses-01\tnobody\n")
    with pytest.raises(UsageError, match="no measurements of nobody"):
        in_pairs(path, root, root)


def measured_as(root: Path, *ids: str) -> None:
    """Folders of measurements, for what looks at ids alone."""
    for one in ids:
        (root / one / "measurement_transform").mkdir(parents=True)


@pytest.mark.parametrize(
    ("sessions", "order", "clear"),
    [
        (("10", "9", "2"), ["2", "9", "10"], True),
        (("m12", "m03", "m6"), ["m03", "m6", "m12"], True),
        (("20250131", "20240131"), ["20240131", "20250131"], True),
        (("post", "pre"), ["post", "pre"], False),
        (("12m", "baseline"), ["12m", "baseline"], False),
        (("1", "01"), ["01", "1"], False),
    ],
)
def test_sessions_come_in_the_order_of_their_numbers(
    tmp_path: Path, sessions: tuple[str, ...], order: list[str], *, clear: bool
) -> None:
    measured_as(tmp_path, *(f"sub-{n}_ses-{one}" for n in "ab" for one in sessions))
    subjects, _ = by_session(tmp_path, INSTEAD)
    for subject in subjects:
        ids = [one.participant_id for one in subject.times]
        assert ids == [f"{subject.name}_ses-{one}" for one in order]
    if clear:
        check_order_of_time(subjects)
        return
    with pytest.raises(UsageError, match=f"{', '.join(order)} of sub-a.*--pairs"):
        check_order_of_time(subjects)


def test_what_else_can_be_given_is_said(tmp_path: Path) -> None:
    measured_as(tmp_path, "a", "b_ses-1")
    with pytest.raises(UsageError, match=r"found a, b_ses-1.*Give something else\."):
        by_session(tmp_path, INSTEAD)


@pytest.mark.parametrize("place", [".", "x", "x/measurement_transform/tables", "x/tables"])
def test_tables_do_not_go_among_results(tmp_path: Path, place: str) -> None:
    measured_as(tmp_path, "x")
    with pytest.raises(UsageError, match=r"would lie .*results.*order of the arguments"):
        check_place_of_tables(tmp_path / place)
    check_place_of_tables(tmp_path / "tables")


def test_a_directory_beside_itself_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    measured_as(tmp_path, "x")
    in_directories([tmp_path, tmp_path / "x" / ".."])
    assert "compared with itself" in caplog.text


def test_a_table_of_pairs_that_cannot_be_meant(tmp_path: Path) -> None:
    path, root = tmp_path / "pairs.tsv", tmp_path / "out"
    measured_as(root, "a1", "a2", "Mu\u0308ller")
    head = "participant_id\tbaseline\tfollow_up\n"
    path.write_text(head + "X\ta1\tM\u00fcller\n")
    (subject,) = in_pairs(path, root, root)
    assert subject.times[1].participant_id == "Mu\u0308ller"
    path.write_text(head + "X\ta1\ta2\nX\ta1\ta1\n")
    with pytest.raises(InputError, match=r"row 3, column follow_up .*the baseline itself"):
        in_pairs(path, root, root)
    path.write_text(head + "X\ta1\ta2\nY\ta1\ta2\n")
    with pytest.raises(InputError, match=r"row 3, column follow_up .*as in row 2"):
        in_pairs(path, root, root)


def test_a_wrong_table_of_repeatability_is_refused(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.tsv"
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(UsageError, match="no table of repeatability"):
        follow_up(by_session(root, INSTEAD)[0], tmp_path, SEGMENTS, path)


def test_measures_over_a_whole_artery_agree_with_the_table_of_arteries(root: Path) -> None:
    one = Measured(root, "sub-01_ses-01")
    course = ArteryCourse.of(one.slices("left"), "internal", 2.0)
    table = one.arteries()
    for segment in ("internal_bulb", "common_bulb"):
        (found,) = measures_in_common([course], SEGMENTS.limits_mm[segment])
        for measure in ("la_mean_mm2", "wt_mean_mm", "wall_volume_mm3", "covered_mm", "nwi_mean"):
            stored = of(table, measure, side="left", segment=segment)[0]
            assert found[measure] == pytest.approx(stored, rel=0.04), (segment, measure)


def test_maps_are_turned_by_parts_of_a_step() -> None:
    grid = np.arange(36.0)[None].repeat(2, axis=0)
    np.testing.assert_allclose(turned(grid, 10), np.roll(grid, 1, axis=1))
    np.testing.assert_allclose(turned(grid, -20), np.roll(grid, -2, axis=1))
    np.testing.assert_allclose(turned(grid, 5)[0, 1:], grid[0, 1:] - 0.5)
    assert turned(grid, np.nan) is grid


def test_a_table_of_pairs_that_cannot_be_used_is_a_mistake_of_the_call(tmp_path: Path) -> None:
    """Nothing was computed: exit code 2, as for other wrong paths."""
    with pytest.raises(UsageError, match=r"nope\.tsv"):
        in_pairs(tmp_path / "nope.tsv", tmp_path, tmp_path)
    path = tmp_path / "pairs.tsv"
    path.write_text("id\tbefore\tafter\na\tb\tc\n")
    with pytest.raises(UsageError, match=r"pairs\.tsv"):
        in_pairs(path, tmp_path, tmp_path)

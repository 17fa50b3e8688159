from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.evaluation.cohort import fork, of, save

from carotid.errors import InputError, UsageError
from carotid.evaluation.compare_measurements import (
    compare_measurements,
    judge_repeatability,
    repetitions,
)
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.segment_table import SEGMENT_COLUMNS
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.measurement_tables import load_table

if TYPE_CHECKING:
    from pathlib import Path

SEGMENTS = segments(MeasurementParameters())
SCALES = {"a": 0.9, "b": 1.0, "c": 1.1}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two readers of three necks; the second sees all calibres 2 % larger, and less of them."""
    folder = tmp_path_factory.mktemp("readers")
    for name, scale in SCALES.items():
        save(folder / "A", name, fork(scale=scale))
        save(folder / "B", name, fork(scale=1.02 * scale), slices=range(8, 36))
    save(folder / "A", "only-here", fork())
    return folder / "A", folder / "B"


def test_directories_are_compared_as_they_are(
    roots: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = compare_measurements(roots, tmp_path)
    assert found.participants == 3
    assert "only-here was not compared" in caplog.text
    values = load_table(tmp_path / "compare_measurement.tsv")
    summary = load_table(tmp_path / "compare_measurement_summary.tsv")
    key = {"segment": "common_bulb", "measure": "la_mean_mm2"}
    first, second = (of(values, f"value_{n}", side="left", **key) for n in (1, 2))
    np.testing.assert_allclose(second / first, 1.02**2, rtol=0.01)
    np.testing.assert_allclose(
        of(values, "difference", side="left", **key), second - first, rtol=1e-3
    )
    assert of(summary, "bias", **key)[0] == pytest.approx((second - first).mean(), rel=1e-3)
    assert of(summary, "subjects", **key)[0] == 3
    assert of(summary, "icc", **key)[0] == pytest.approx(0.97, abs=0.02)
    # t of 2 degrees of freedom is 4.303.
    half = 4.303 * of(summary, "difference_sd", **key)[0] * np.sqrt(1 / 3 + 1.96**2 / 4)
    for name in ("lower_limit", "upper_limit"):
        middle = of(summary, name, **key)[0]
        assert middle - of(summary, f"{name}_low", **key)[0] == pytest.approx(half, rel=1e-3)
        assert of(summary, f"{name}_high", **key)[0] - middle == pytest.approx(half, rel=1e-3)
    whole = {"segment": "common", "measure": "wall_volume_mm3"}
    assert (of(values, "difference", side="left", **whole) < 0).all()  # B covers less
    assert "wt_max_deg" not in values.words("measure")  # a direction is no amount
    spelt = dict(zip(summary.words("measure"), summary.words("unit"), strict=True))
    assert spelt["wall_volume_mm3"] == "mm^3"  # as in the dictionary of arteries.tsv


def test_a_segment_with_two_rows_is_told(roots: tuple[Path, Path], tmp_path: Path) -> None:
    twice = tmp_path / "twice"
    shutil.copytree(roots[1], twice)
    table = twice / "a" / "measurement_transform" / "arteries.tsv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join([*rows, rows[1].replace("3", "4")]) + "\n")
    with pytest.raises(InputError, match=r"arteries\.tsv: .* two rows .*found left common\)"):
        compare_measurements((roots[0], twice), tmp_path / "out")


def test_rows_that_one_directory_lacks_are_kept_and_named(
    roots: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    less = tmp_path / "less"
    shutil.copytree(roots[1], less)
    table = less / "a" / "measurement_transform" / "arteries.tsv"
    kept = [line for line in table.read_text().splitlines() if "\tcommon_bulb\t" not in line]
    table.write_text("\n".join(kept) + "\n")
    for order in ((roots[0], less), (less, roots[0])):
        caplog.clear()
        out = tmp_path / f"from_{order[0].name}"
        compare_measurements(order, out)
        assert f"a: not compared, as {less} has no such rows: left common_bulb" in caplog.text
        values = load_table(out / "compare_measurement.tsv")
        key = {"participant_id": "a", "side": "left", "segment": "common_bulb"}
        found = [of(values, f"value_{n}", measure="la_mean_mm2", **key) for n in (1, 2)]
        assert [np.isnan(one).tolist() for one in found] == [[order[0] == less], [order[1] == less]]


def test_a_table_with_decimal_commas_is_named(roots: tuple[Path, Path], tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(roots[1], spoilt)
    table = spoilt / "b" / "measurement_transform" / "arteries.tsv"
    table.write_text(re.sub(r"(\d)\.(\d)", r"\1,\2", table.read_text()))
    with pytest.raises(InputError, match=r"row \d+, column \w+ of the table is wrong") as caught:
        compare_measurements((roots[0], spoilt), tmp_path / "out")
    assert str(table) in str(caught.value)


def test_one_column_may_be_asked_for(roots: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare_measurements(roots, tmp_path, ["wt_max_mm"])
    assert set(found.summary.words("measure")) == {"wt_max_mm"}
    with pytest.raises(UsageError, match="no table has the column wt_maximum"):
        compare_measurements(roots, tmp_path, ["wt_maximum"])
    for typed, meant in (("wt_mean", "wt_mean_mm"), ("wal_volume_mm3", "wall_volume_mm3")):
        with pytest.raises(UsageError, match=f"Perhaps '{meant}' was meant") as caught:
            compare_measurements(roots, tmp_path, [typed])
    listed = str(caught.value.expected).split(" or one of ")
    assert set(listed[0].split(", ")) <= {column.name for column in SEGMENT_COLUMNS}
    assert listed[1].endswith(" others")


def test_repeatability_is_judged_over_what_all_show(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    judge_repeatability(*repetitions(roots), tmp_path, SEGMENTS)
    table = load_table(tmp_path / "repeatability.tsv")
    key = {"segment": "common", "measure": "lumen_volume_mm3"}
    # Volumes grow by 1.02 squared: the coefficient of variation is half of 4 % times the root of 2.
    assert of(table, "within_cv_percent", **key)[0] == pytest.approx(
        4.04 / np.sqrt(2) / 1.02, rel=0.1
    )
    values = load_table(tmp_path / "repeatability_values.tsv")
    covered = [of(values, f"value_{n}", segment="common", measure="covered_mm") for n in (1, 2)]
    np.testing.assert_allclose(covered[0], covered[1])
    judge_repeatability(*repetitions(roots), tmp_path, SEGMENTS, as_stored=True)
    stored = load_table(tmp_path / "repeatability.tsv")
    assert of(stored, "within_cv_percent", **key)[0] > 10


def test_sessions_of_one_directory_count_as_repetitions(tmp_path: Path) -> None:
    for name in ("x", "y"):
        for session in ("1", "2", "3"):
            save(tmp_path / "out", f"{name}_ses-{session}", fork(scale=1.1 if name == "x" else 1))
    found = judge_repeatability(*repetitions([tmp_path / "out"]), tmp_path / "result", SEGMENTS)
    assert found.repeated.repetitions == ("session 1", "session 2", "session 3")
    key = {"segment": "internal", "measure": "wt_mean_mm"}
    assert of(found.summary, "within_sd", **key)[0] == pytest.approx(0, abs=1e-9)
    assert of(found.summary, "repetitions", **key)[0] == 3


def test_what_cannot_be_compared_is_said(roots: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no measurements"):
        compare_measurements([roots[0], tmp_path / "nothing"], tmp_path)
    save(tmp_path / "C", "someone else", fork())
    with pytest.raises(UsageError, match="no participant is in all"):
        compare_measurements([roots[0], tmp_path / "C"], tmp_path)
    with pytest.raises(UsageError, match="no participant has two sessions"):
        repetitions([roots[0]])


def test_sessions_that_only_some_have_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, sessions in (("x", "12"), ("y", "123")):
        for session in sessions:
            save(tmp_path / "out", f"{name}_ses-{session}", fork())
    found = judge_repeatability(*repetitions([tmp_path / "out"]), tmp_path / "result", SEGMENTS)
    assert len(found.repeated.repetitions) == 2
    assert "only the first 2 sessions count" in caplog.text
    assert "more are there of y" in caplog.text

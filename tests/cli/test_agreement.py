"""What the terminal says of agreement and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.cli.agreement import print_agreement, print_changes, segments_of
from carotid.evaluation.compare_measurements import Comparison
from carotid.evaluation.measured_cohorts import Measured, Subject
from carotid.evaluation.repeated import Repeated, summary_table
from carotid.measurements import Column, MeasurementTable
from carotid.provenance import Record
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path


def compared(values: list[list[float]]) -> Comparison:
    keys = tuple((name, "left", "common") for name in "abc"[: len(values)])
    measures = (Column("wt_mean_mm", "mm", ""),)
    repeated = Repeated(keys, measures, np.array(values)[:, None], ("A", "B"))
    return Comparison(repeated, summary_table(repeated), 1)


def test_what_is_unknown_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    """Values that differ by a constant have no error, so their correlation has no interval."""
    print_agreement(compared([[1.0, 1.5], [1.25, 1.75], [1.5, 2.0]]), ("wt_mean_mm",))
    said = capsys.readouterr().out
    assert "nan" not in said
    assert "0.333 (    -,     -)" in said
    assert said.startswith("1 participant\n")


def test_what_is_known_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_agreement(compared([[1.0, 1.1], [1.2, 1.2], [1.4, 1.5]]), ("wt_mean_mm",))
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.split()[:3] == ["common", "wt_mean_mm", "3"]
    assert "-)" not in row
    within = np.sqrt((0.1**2 / 2 + 0.1**2 / 2) / 3)
    least = 1.96 * np.sqrt(2) * within
    assert row.endswith(f"{least:.3g} ({least * 0.5665:.3g}, {least * 3.7287:.3g})")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("repeatability", "1 of 2 segments changed by more than the least detectable change"),
        ("stated_spread", "1 of 2 segments changed by more than 1.96 x the stated spread"),
    ],
)
def test_a_limit_is_called_what_it_is(
    source: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = {
        "follow_up": ("x", "x", "x"),
        "measure": ("wt_mean_mm",) * 3,
        "least_change_source": (source, source, ""),
        "beyond": ("yes", "no", ""),
    }
    print_changes(MeasurementTable(tuple(Column(name, "", "") for name in cells), cells))
    said = capsys.readouterr().out
    assert said.startswith("1 later scan\n")
    assert words in said
    assert ("least detectable" in said) == (source == "repeatability")


@pytest.mark.parametrize(
    ("keys", "as_stored", "idle"),
    [
        ("bulb_to_mm = 12", False, ""),
        ("bulb_to_mm = 12", True, "bulb_to_mm: for"),
        (
            'thickness = "radial"\nbulb_to_mm = 12\nsmoothing_mm = 3',
            False,
            "smoothing_mm, thickness: for",
        ),
    ],
)
def test_settings_that_do_not_count_are_named(
    keys: str, idle: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, as_stored: bool
) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[measurement_transform]\n{keys}\n")
    scan = Measured(tmp_path, "x")
    folder = OutputLayout(tmp_path).transform("x", MEASUREMENT_TRANSFORM)
    folder.mkdir(parents=True)
    (folder / "arteries.tsv").write_text("side\tsegment\n")
    write_record(folder, Record("measurement", {"bulb_to_mm": 12.0}))
    found = segments_of(path, [Subject("x", (scan, scan))], as_stored=as_stored)
    assert found.limits_mm["internal_bulb"] == (0, 12)
    if idle:
        assert caplog.records[0].getMessage().startswith(idle)
    else:
        assert not caplog.records

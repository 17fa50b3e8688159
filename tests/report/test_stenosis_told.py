"""A stenosis that is not to be taken as it stands, on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.figures.arteries import measured

from carotid.cli.report import print_page
from carotid.report.case import Findings
from carotid.report.columns import MEASUREMENT_COLUMNS
from carotid.report.measured import all_figures
from carotid.report.reasons import all_reasons, largest_parts
from carotid.report.rows import Row, worst_first
from carotid.report.sources import Subject
from carotid.report.write import Report
from carotid.stages.measurement.stenosis import DOUBTS

if TYPE_CHECKING:
    from carotid.measurements import Measurements


def with_doubts(left: str, nascet: float) -> Measurements:
    """A neck whose left internal carotid has a stenosis, a right one has -3 %."""
    found = measured()
    table = found.segments
    rows = list(zip(table.words("side"), table.words("segment"), strict=True))
    known = {("left", "internal"): nascet, ("right", "internal"): -3.0}
    cells = {
        **table.cells,
        "stenosis_nascet_percent": np.array([known.get(row, np.nan) for row in rows]),
        "stenosis_doubts": tuple(left if row == ("left", "internal") else "" for row in rows),
    }
    return replace(found, segments=replace(table, cells=cells))


def row_of(measurements: Measurements) -> Row:
    return Row("sub-01", "done", "", 1, arteries=all_figures(measurements), shown=True)


@pytest.mark.parametrize(
    ("doubts", "nascet", "shown"),
    [
        ("", 12.0, ("12", "left")),
        ("thick_reference", 12.0, ("12", "left")),
        ("unsure_lumen", np.nan, ("?", "left")),
        ("", np.nan, ("-3", "right")),
    ],
)
def test_the_table_has_a_mark_where_no_stenosis_is_told(
    doubts: str, nascet: float, shown: tuple[str, str]
) -> None:
    row = row_of(with_doubts(doubts, nascet))
    column = next(one for one in MEASUREMENT_COLUMNS if one.head == "ICA stenosis")
    sorted_by, cell, side = column.cell(row)
    assert (cell, side) == shown
    assert float(sorted_by) > 1 if cell == "?" else float(sorted_by) < 1


def test_the_case_says_why() -> None:
    row = row_of(with_doubts("thick_reference,narrow_reference", 12.0))
    found = Findings(None, None, None, None, [], unreadable=False)
    subject = Subject("sub-01", "done", "", {}, {}, None)
    assert all_reasons(row, subject, found, None) == [
        f"left: {DOUBTS[name]}" for name in ("thick_reference", "narrow_reference")
    ]


@pytest.mark.parametrize(
    ("doubts", "nascet", "group"),
    [
        ("", 12.0, "plausible"),
        ("thick_reference", 12.0, "check"),
        ("unsure_lumen", np.nan, "check"),
    ],
)
def test_a_stenosis_that_is_in_doubt_is_worth_a_check(
    doubts: str, nascet: float, group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = replace(row_of(with_doubts(doubts, nascet)), reason="", heatmap_score=3.0)
    assert row.group == group
    told = replace(row, participant_id="sub-00", arteries={})
    assert (worst_first([told, row])[0] is row) == (group == "check")
    found = Findings(None, None, None, None, [], unreadable=False)
    subject = Subject("sub-01", "done", "", {}, {}, None)
    why = (f"left: {DOUBTS[doubts]}",) if group == "check" else ()
    assert largest_parts(row, subject, found, None) == why
    row = replace(row, why=why)
    print_page(Report(Path("report.html"), Path("quality.tsv"), [row]))
    printed = capsys.readouterr().out
    assert ("sub-01: left: " in printed) == (group == "check")
    assert all(words in printed for words in why)


def test_tables_of_earlier_versions_have_no_doubts() -> None:
    found = measured()
    table = found.segments
    cells = {name: cell for name, cell in table.cells.items() if name != "stenosis_doubts"}
    columns = tuple(one for one in table.columns if one.name != "stenosis_doubts")
    earlier = replace(found, segments=replace(table, columns=columns, cells=cells))
    assert [one.doubts for one in all_figures(earlier).values()] == [(), ()]

"""Comparisons take the segments that measurements were made with, unless they are told others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from carotid.errors import ConfigurationError, UsageError
from carotid.evaluation.measured_cohorts import Measured
from carotid.provenance import Record
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.recorded_segments import segments_as_measured
from carotid.stages.measurement.stretches import segments
from carotid.storage.results.layout import MEASUREMENT_TRANSFORM, OutputLayout
from carotid.storage.results.record import write_record

if TYPE_CHECKING:
    from pathlib import Path

HIGH = MeasurementParameters(
    bulb_to_mm=25.0, reference_from_mm=30.0, max_gap_mm=3.0, spread_along_mm=15.0
)
NOTHING = MeasurementParameters()


def measured(root: Path, name: str, parameters: dict[str, object] | None) -> Measured:
    """An empty table, with a record or without."""
    folder = OutputLayout(root).transform(name, MEASUREMENT_TRANSFORM)
    folder.mkdir(parents=True)
    (folder / "arteries.tsv").write_text("side\tsegment\n")
    if parameters is not None:
        write_record(folder, Record("measurement", parameters))
    return Measured(root, name)


def test_the_records_tell(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also one that this version does not know all of, and beside one without a record."""
    caplog.set_level(logging.INFO)
    both = [
        measured(tmp_path, "a", None),
        measured(tmp_path, "b", {**HIGH.model_dump(mode="json"), "of_a_later_version": 1}),
    ]
    assert segments_as_measured(both, NOTHING) == segments(HIGH)
    assert not caplog.records


def test_what_is_given_counts_and_a_difference_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What agrees with the record, and what is a default only, is no difference."""
    one = [measured(tmp_path, "a", HIGH.model_dump(mode="json"))]
    given = MeasurementParameters(bulb_to_mm=8.0, max_gap_mm=3.0)
    found = segments_as_measured(one, given)
    assert found.limits_mm["internal_bulb"] == (0, 8)
    assert found.max_gap_mm == 3
    assert found.spread_along_mm == 15
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert ": bulb_to_mm = 8, was 25 when it was measured" in record.getMessage()


def test_defaults_count_where_no_record_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    found = segments_as_measured(
        [measured(tmp_path, "a", None)], MeasurementParameters(bulb_to_mm=8.0)
    )
    assert found == segments(MeasurementParameters(bulb_to_mm=8.0))
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().startswith("bulb_from_mm, max_gap_mm, spread_along_mm: no record")


def test_records_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    low = measured(tmp_path, "a", {"bulb_to_mm": 8.0})
    with pytest.raises(UsageError, match=r"bulb_to_mm: 8 .*: a\), 10 .*: b\)"):
        segments_as_measured([low, measured(tmp_path, "b", {"bulb_to_mm": 10.0})], NOTHING)
    with pytest.raises(ConfigurationError, match="bulb_to_mm"):
        segments_as_measured([measured(tmp_path, "c", {"bulb_to_mm": "far"})], NOTHING)

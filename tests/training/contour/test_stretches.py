"""Outlines far apart: planes cannot be drawn of them, which is said before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.errors import UsageError
from carotid.training.contour.annotations import find_contour_sources
from carotid.training.contour.stretches import known_mm, with_stretches

from .scans import write_participant

if TYPE_CHECKING:
    from pathlib import Path


def test_sides_that_give_no_planes_are_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_participant(tmp_path, "close", 2.0)
    write_participant(tmp_path, "sparse", 2.0, every=8)
    write_participant(tmp_path, "single", 2.0, every=40)
    where = tmp_path / "annotations"
    kept = with_stretches(find_contour_sources(tmp_path / "raw", where), where)
    assert [one.participant for one in kept] == ["close"]
    assert "sparse left internal: outlines are up to 6.4 mm apart" in caplog.text
    assert "single left internal: a single slice" in caplog.text
    assert "planes want stretches of 9 mm or more, with gaps of up to 5 mm" in caplog.text


def test_nothing_to_draw_planes_of(tmp_path: Path) -> None:
    write_participant(tmp_path, "sparse", 2.0, every=8)
    where = tmp_path / "annotations"
    sources = find_contour_sources(tmp_path / "raw", where)
    with pytest.raises(UsageError, match=r"sparse left internal: outlines are up to 6\.4 mm apart"):
        with_stretches(sources, where)


def test_known_lengths_within_a_sample_add_up_and_gaps_do_not() -> None:
    z = np.array([0.0, 4, 10, 14, 18, 60, 64])
    points = np.column_stack([np.zeros(7), np.zeros(7), z])
    assert known_mm(points, np.diff(z)) == pytest.approx(12)
    assert known_mm(points[4:6], np.diff(z[4:6])) == 0

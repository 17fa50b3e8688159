"""What of an artery counts as seen, for what lays measurements over each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.stages.measurement.phantoms import (
    Vessel,
    centerlines_of,
    contours_of,
    grid_of,
    straight,
)

from carotid.evaluation.common_range import ArteryCourse
from carotid.stages.measurement.measure import measure


@pytest.mark.parametrize(("missing", "is_bridged"), [(1, True), (2, True), (3, False)])
def test_gaps_of_an_oblique_artery_are_bridged_as_when_it_was_measured(
    missing: int, is_bridged: bool
) -> None:
    """Two missing slices of 0.6 mm: 1.8 mm from plane to plane, 2.4 mm along the artery."""
    grid = grid_of((0.6, 0.6, 0.6))
    vessels: Any = {"internal": Vessel.around(straight(40, 0), 2, 3)}
    drawn = contours_of(vessels, grid)
    heights = sorted({one.z for one in drawn.left})
    first = heights[len(heights) // 2]
    left = tuple(one for one in drawn.left if not first <= one.z < first + missing)
    made = measure(replace(drawn, left=left), centerlines_of(vessels, grid, (0, 0, 0)))
    course = ArteryCourse.of(made.left.slices, "internal", 2.0).wall
    gap = float((course.low_mm[1:] - course.high_mm[:-1]).max())
    assert (gap < 0.01) == is_bridged
    slices, told = made.left.slices, made.segments
    covered = told.numbers("covered_mm")[told.words("segment").index("common_internal")]
    read = slices.numbers("s_mm")[np.array(slices.words("readable")) == "yes"]
    whole = np.ptp(read) + 0.6 / np.cos(np.deg2rad(40))
    assert (covered > whole - 0.1) == is_bridged

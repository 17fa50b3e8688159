"""Contours and centerlines of different necks are not measured together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.stages.measurement.phantoms import Vessel, centerlines_of, contours_of, grid_of, straight

from carotid.artifacts import LABELS, Centerline, Centerlines, Outline, SideCenterlines
from carotid.errors import InputError
from carotid.stages.measurement.measure import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.artifacts import Label

GRID = grid_of((0.6, 0.8, 1.2))
VESSELS: Any = {
    "internal": Vessel.around(straight()),
    "external": Vessel.around(straight() + np.array([12, 0, 0])),
}


def moved(labels: Sequence[Label], by: float) -> Centerlines:
    """The vessels' centerlines moved along x, in voxels, without the record of a grid."""
    there = centerlines_of(VESSELS, GRID)
    lines = {
        label: Centerline.of_points(
            there.left.artery(label).points + np.array((by if label in labels else 0, 0, 0))
        )
        for label in LABELS
    }
    left = SideCenterlines(lines["internal"], lines["external"], there.left.bifurcation)
    return replace(there, left=left, grid=None)


def test_centerlines_of_another_neck_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    contours = contours_of(VESSELS, GRID)
    measure(contours, moved(LABELS, 4.0))
    assert "outside" not in caplog.text, "within the wall"
    with pytest.raises(InputError, match="do not run through the contours") as caught:
        measure(contours, moved(LABELS, 9.0))
    assert "found 76 of 76 centers" in str(caught.value)


def test_one_artery_elsewhere_is_told(caplog: pytest.LogCaptureFixture) -> None:
    measure(contours_of(VESSELS, GRID), moved(["external"], 9.0))
    assert "left external: outside of the outlines of their slice: 38 of 38 centers" in caplog.text
    assert "left internal" not in caplog.text


def test_outlines_that_cannot_be_meant_are_told(caplog: pytest.LogCaptureFixture) -> None:
    contours = contours_of(VESSELS, GRID)
    cut = [
        replace(one, lumen=Outline.of_points(one.lumen.points[:2]))
        if one.lumen is not None and one.label == "external"
        else one
        for one in contours.left
    ]
    measure(replace(contours, left=tuple(cut)), centerlines_of(VESSELS, GRID))
    assert "left: 38 outlines with fewer than 3 points, not measured" in caplog.text

"""Outlines that cannot be meant are counted, those that can are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.artifacts import CrossSection, Outline
from carotid.geometry.grid import Grid
from carotid.stages.doubtful_outlines import tell_doubtful_outlines

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = Grid((30, 40, 5), np.diag([0.5, 0.6, 0.7, 1.0]))


def square(size: float, x: float = 10, y: float = 10) -> NDArray[np.float64]:
    return np.array([(x, y), (x + size, y), (x + size, y + size), (x, y + size)], np.float64)


def told(
    caplog: pytest.LogCaptureFixture,
    lumen: NDArray[np.float64] | None,
    wall: NDArray[np.float64] | None,
) -> str:
    caplog.clear()
    outlines = [None if one is None else Outline.of_points(one) for one in (lumen, wall)]
    section = CrossSection("internal", 2, outlines[0], outlines[1])
    tell_doubtful_outlines([section] * 3, "left", GRID, "kept empty")
    return caplog.text


def test_what_can_be_meant_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, square(4, 11, 11), square(6)) == ""
    assert told(caplog, square(6), square(6)) == "", "a wall may be as thin as nothing"
    assert told(caplog, square(4)[::-1], square(6)) == "", "either way round"
    assert told(caplog, square(4), None) == ""
    assert told(caplog, None, square(6, -3, 37)) == "", "over the border"


def test_outlines_without_area_are_told(caplog: pytest.LogCaptureFixture) -> None:
    assert "left: 3 outlines with fewer than 3 points" in told(caplog, square(4)[:2], square(6))
    line = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    assert "left: 3 outlines without an area, kept empty" in told(caplog, line, None)


@pytest.mark.parametrize(("x", "y"), [(-6, 10), (30, 10), (10, -6), (10, 40)])
def test_outlines_outside_of_the_scan_are_told(
    caplog: pytest.LogCaptureFixture, x: float, y: float
) -> None:
    assert "left: 3 outlines outside of the scan" in told(caplog, square(5, x, y), None)


def test_lumens_larger_than_their_walls_are_told(caplog: pytest.LogCaptureFixture) -> None:
    assert "left: 3 lumen outlines larger than the wall's" in told(
        caplog, square(6), square(4, 11, 11)
    )

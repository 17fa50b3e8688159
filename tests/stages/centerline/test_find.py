from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from carotid.artifacts import Heatmaps, SideHeatmaps
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.stages.centerline.find import find_centerlines
from carotid.stages.centerline.parameters import CenterlineParameters

SHAPE = (24, 18, 30)
PARAMETERS = CenterlineParameters(method="sections", step_size=10)


def side(internal: bool = True, external: bool = True) -> SideHeatmaps:
    """Two straight vessels, or one, or none."""
    x, y, _ = np.indices(SHAPE)
    mean = np.zeros((2, *SHAPE), np.float32)
    for channel, (shown, at) in enumerate(((internal, 6), (external, 16))):
        if shown:
            d = np.hypot(x - at, y - 8)
            mean[channel] = np.maximum(np.exp(6 * (1 - d / 20)) - 1, 0)
    indices = np.zeros((2, 2, SHAPE[2], 2), np.int64)
    return SideHeatmaps(mean, np.zeros_like(mean), indices)


def heatmaps(left: SideHeatmaps, right: SideHeatmaps) -> Heatmaps:
    return Heatmaps(left, right, Grid(SHAPE, np.diag([0.6, 0.6, 0.6, 1.0])))


def test_artery_that_is_not_there_has_no_rows_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = find_centerlines(heatmaps(side(external=False), side()), PARAMETERS)
    assert len(found.left.internal) == SHAPE[2]
    assert len(found.left.external) == 0
    assert len(found.right.external) == SHAPE[2]
    assert "left external" in caplog.text
    assert "right" not in caplog.text


def test_one_side_may_be_empty_but_not_both() -> None:
    nothing = side(internal=False, external=False)
    found = find_centerlines(heatmaps(nothing, side()), PARAMETERS)
    assert len(found.left.internal) == len(found.left.external) == 0
    with pytest.raises(InputError, match="Lower the threshold"):
        find_centerlines(heatmaps(nothing, nothing), PARAMETERS)


def test_side_of_a_heatmap_that_is_no_number_is_named() -> None:
    bad: Any = side()
    bad.mean[0, 3, 3, 3] = np.nan
    with pytest.raises(InputError, match="right heatmap: the heatmap holds NaN"):
        find_centerlines(heatmaps(side(), bad), PARAMETERS)


def test_std_of_one_member_is_zero() -> None:
    one = side()
    single = SideHeatmaps(one.mean, one.std, one.max_indices[:1])
    found = find_centerlines(heatmaps(single, single), PARAMETERS)
    assert (found.left.internal.std_value == 0).all()


def test_a_stretch_that_heatmaps_hardly_show_is_named(caplog: pytest.LogCaptureFixture) -> None:
    faint = side()
    faint.mean[:, :, :, 10:20] *= 0.1
    with caplog.at_level(logging.WARNING):
        find_centerlines(heatmaps(side(), side()), PARAMETERS)
        assert caplog.text == ""
        find_centerlines(heatmaps(side(), faint), PARAMETERS)
    assert "right internal: the heatmaps hardly show it over 6 mm (slices 10 to 19)" in caplog.text
    assert "left internal" not in caplog.text


def test_an_internal_that_ends_far_below_the_other_one_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost = side()
    slices = lost.mean.shape[3]
    lost.mean[:, :, :, slices - 28 :] = 0
    with caplog.at_level(logging.WARNING):
        find_centerlines(heatmaps(side(), lost), PARAMETERS)
    assert "right internal: its centers end 17 mm below" in caplog.text
    assert "left internal" not in caplog.text


def test_a_side_that_the_scan_does_not_show_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    unseen = side(internal=False, external=False)
    with caplog.at_level(logging.WARNING):
        find_centerlines(heatmaps(unseen, side()), PARAMETERS)
        assert caplog.text == ""
        faint = side(internal=False, external=False)
        faint.mean[:] = 1e-3
        find_centerlines(heatmaps(faint, side()), PARAMETERS)
    assert "no artery was found here: left internal, left external" in caplog.text

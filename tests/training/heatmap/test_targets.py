from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carotid.training.heatmap.targets import RADIUS_VOXEL, target_from_centers


def naive(centers: Any, shape: tuple[int, ...]) -> Any:
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    out = np.zeros((2, *shape))
    for z in range(shape[0]):
        for channel in range(2):
            row, column = centers[z, channel]
            if np.isnan(row) or np.isnan(column):
                continue
            d = np.hypot(rows - row, columns - column)
            out[channel, z] = np.where(d < 32, np.exp(6 * (1 - d / 32)) - 1, 0)
    return out


def test_target_is_the_formula_everywhere() -> None:
    rng = np.random.default_rng(3)
    shape = (9, 40, 90)
    centers = (rng.uniform(-0.4, 1.4, (9, 2, 2)) * np.array(shape[1:])).astype(np.float32)
    centers[2, 1] = np.nan
    centers[5, 0, 1] = np.nan
    target = target_from_centers(centers, shape)
    assert target.dtype == np.float32
    np.testing.assert_allclose(target, naive(centers, shape), atol=2e-3, rtol=1e-4)
    assert not target[1, 2].any()
    assert not target[0, 5].any()


def test_peak_is_402_on_a_voxel_and_zero_from_the_radius_on() -> None:
    centers = np.full((1, 2, 2), np.nan, np.float32)
    centers[0, 0] = 40, 40
    target = target_from_centers(centers, (1, 80, 80))
    assert target[0, 0, 40, 40] == pytest.approx(402.43, abs=0.01)
    assert target[0, 0, 40 + int(RADIUS_VOXEL), 40] == 0
    assert 0 < target[0, 0, 40 + int(RADIUS_VOXEL) - 1, 40] < 0.3


def test_center_beyond_the_border_reaches_in() -> None:
    centers = np.full((1, 2, 2), np.nan, np.float32)
    centers[0, 1] = -3, 10
    target = target_from_centers(centers, (1, 20, 20))
    assert target[1, 0].argmax() == 10
    assert target[1, 0, 0, 10] == pytest.approx(np.exp(6 * (1 - 3 / 32)) - 1, rel=1e-4)

from __future__ import annotations

import numpy as np

from carotid.simulation.sample import SideSample
from carotid.training.heatmap.targets import target_from_centers
from carotid.training.heatmap.validation import errors_of

SHAPE = (6, 40, 48)


def side(p: float) -> SideSample:
    centers = np.full((SHAPE[0], 2, 2), np.nan, np.float32)
    centers[:, 0] = p, 20
    centers[:, 1] = 12, 30
    return SideSample(np.zeros(SHAPE, np.float32), centers, np.ones(SHAPE[0], bool), -100.0)


def test_centers_in_the_picture_are_compared() -> None:
    one = side(25.0)
    found = errors_of(target_from_centers(one.centers, SHAPE), one)
    assert found.counted.all()
    np.testing.assert_allclose(found.distance_mm, 0, atol=1e-6)


def test_a_center_far_outside_is_no_vessel() -> None:
    one = side(120.0)
    found = errors_of(target_from_centers(one.centers, SHAPE), one)
    assert found.counted.all()
    assert np.isnan(found.distance_mm[:, 0]).all()
    assert np.isfinite(found.distance_mm[:, 1]).all()
    assert (found.peak[:, 0] == 0).all()


def test_slices_whose_center_lies_just_outside_do_not_count() -> None:
    one = side(50.0)
    assert not errors_of(target_from_centers(one.centers, SHAPE), one).counted.any()

from __future__ import annotations

import numpy as np
import pytest

from carotid.evaluation.along import spread_of_mean


def test_a_mean_of_many_slices_is_as_sure_as_its_errors_are_independent() -> None:
    s = np.arange(0.0, 400, 1)
    sd, weights = np.full(400, 0.3), np.full(400, 1 / 400)
    near = spread_of_mean(sd, weights, s, 1e-6)
    far = spread_of_mean(sd, weights, s, 1e6)
    assert near == pytest.approx(0.3 / 20)
    assert far == pytest.approx(0.3)
    assert near < spread_of_mean(sd, weights, s, 5.0) < far
    assert np.isnan(spread_of_mean(sd, 0 * weights, s, 5.0))

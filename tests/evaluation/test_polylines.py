from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from carotid.evaluation import polylines
from carotid.evaluation.polylines import distances_to_polyline

if TYPE_CHECKING:
    import pytest


def test_distance_is_that_to_the_nearest_of_many_places_on_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polylines, "_PAIRS", 40)
    rng = np.random.default_rng(2)
    line, points = rng.normal(size=(9, 3)), rng.normal(size=(30, 3))
    share = np.linspace(0, 1, 4001)[:, None]
    dense = np.concatenate([a + share * (b - a) for a, b in pairwise(line)])
    brute = np.linalg.norm(points[:, None] - dense, axis=2).min(axis=1)
    np.testing.assert_allclose(distances_to_polyline(points, line), brute, atol=1e-3)


def test_line_of_one_point_and_repeated_points() -> None:
    points = np.array([[3.0, 4.0], [0.0, 1.0]])
    np.testing.assert_allclose(distances_to_polyline(points, np.zeros((1, 2))), [5, 1])
    np.testing.assert_allclose(distances_to_polyline(points, np.zeros((3, 2))), [5, 1])
    assert len(distances_to_polyline(np.empty((0, 2)), np.zeros((2, 2)))) == 0

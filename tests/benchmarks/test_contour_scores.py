"""Scores of contours: perfect ones have no error, larger ones the error that was made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.contour_scores import Scores
from benchmarks.second_simulator import simulate_second

from carotid.artifacts import Contours, CrossSection, Outline
from carotid.geometry.outlines import centroids
from carotid.simulation.contours import true_contours

if TYPE_CHECKING:
    from carotid.simulation.truth import SimulatedNeck


@pytest.fixture(scope="module")
def neck() -> SimulatedNeck:
    return simulate_second(3, hard=True)


@pytest.fixture(scope="module")
def truth(neck: SimulatedNeck) -> Contours:
    return true_contours(neck)


def _larger(section: CrossSection, factor: float) -> CrossSection:
    assert section.wall is not None
    points = section.wall.points
    middle = centroids(points[None])[0]
    return replace(section, wall=Outline.of_points(middle + factor * (points - middle)))


def test_true_contours_have_no_error(neck: SimulatedNeck, truth: Contours) -> None:
    scores = Scores()
    scores.add("one", neck, truth)
    assert scores.missing == 0
    assert len(scores.rows) > 80
    assert max(np.abs(row.lumen).max() for row in scores.rows) < 1e-9
    assert min(min(row.dice) for row in scores.rows) == pytest.approx(1)
    thickest = [row.thickest[0] for row in scores.rows if row.plaque]
    assert thickest
    assert min(thickest) > 1.5


def test_walls_that_are_larger_show_as_bias(neck: SimulatedNeck, truth: Contours) -> None:
    larger = replace(truth, left=tuple(_larger(one, 1.1) for one in truth.left), right=())
    scores = Scores()
    scores.add("one", neck, larger)
    assert scores.missing == pytest.approx(len(truth.right) / 3, abs=1)
    outer = np.concatenate([row.outer for row in scores.rows])
    assert 0.2 < np.median(outer) < 0.6
    assert np.mean([row.wall for row in scores.rows]) == pytest.approx(outer.mean())
    assert all(row.dice[0] == 1 and row.dice[1] < 1 for row in scores.rows)
    text = "\n".join(scores.lines())
    assert f"| all | {len(scores.rows)} | {scores.missing} | 0.000, 0.00, " in text

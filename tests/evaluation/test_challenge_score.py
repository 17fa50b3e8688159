"""The challenge's score of a slice, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from carotid.artifacts import CrossSection, Outline
from carotid.evaluation.challenge_score import NOTHING, challenge_score

ONE = np.ones(2)


def square(low: float, high: float) -> Outline:
    return Outline.of_points(
        np.array([(low, low), (high, low), (high, high), (low, high)], np.float64)
    )


def section(inner: tuple[float, float], outer: tuple[float, float]) -> CrossSection:
    return CrossSection("internal", 4, square(*inner), square(*outer))


REFERENCE = section((10, 20), (5, 25))


def test_the_reference_scores_one() -> None:
    found = challenge_score(REFERENCE, REFERENCE, ONE)
    assert found is not None
    assert found.score == pytest.approx(1)


def test_a_slice_by_hand() -> None:
    found = challenge_score(section((10, 18), (5, 25)), REFERENCE, np.array([0.5, 0.5]))
    assert found is not None
    wall, true_wall = 400 - 64, 400 - 100
    assert found.wall_dice == pytest.approx(2 * true_wall / (wall + true_wall))
    assert found.lumen_area == pytest.approx(0.64)
    assert found.vessel_area == pytest.approx(1)
    assert found.wall_index == pytest.approx(1 - (336 - 300) / 300)
    assert found.outer_distance == pytest.approx(1)
    hausdorff = np.hypot(2, 2)  # from the corner at 20 to the one at 18
    assert found.lumen_distance == pytest.approx(1 - hausdorff / np.sqrt(64 / np.pi))
    expected = (
        0.5 * found.wall_dice
        + 0.1 * 0.64
        + 0.1
        + 0.2 * found.wall_index
        + 0.05
        + 0.05 * found.lumen_distance
    )
    assert found.score == pytest.approx(expected)


def test_points_are_rounded_to_whole_voxels() -> None:
    near = section((10.4, 19.6), (4.6, 25.4))
    found = challenge_score(near, REFERENCE, ONE)
    assert found is not None
    assert found.score == pytest.approx(1)


def test_parts_are_not_below_zero() -> None:
    found = challenge_score(section((100, 190), (90, 200)), REFERENCE, ONE)
    assert found is not None
    assert (found.wall_dice, found.lumen_area, found.vessel_area) == (0, 0, 0)
    assert found.outer_distance == 0
    assert 0 <= found.score < 0.2


def test_a_missing_slice_scores_nothing() -> None:
    assert challenge_score(None, REFERENCE, ONE) is NOTHING
    half = CrossSection("internal", 4, square(10, 20), None)
    assert challenge_score(half, REFERENCE, ONE) is NOTHING
    assert NOTHING.score == 0


def test_a_slice_that_the_reference_has_by_half_does_not_count() -> None:
    half = CrossSection("internal", 4, square(10, 20), None)
    assert challenge_score(REFERENCE, half, ONE) is None


def test_a_prediction_without_area_scores_nothing_for_it() -> None:
    line = Outline.of_points(np.array([(10, 10), (20, 20)], np.float64))
    found = challenge_score(CrossSection("internal", 4, line, line), REFERENCE, ONE)
    assert found is not None
    assert found.score == 0

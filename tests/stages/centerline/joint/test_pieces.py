"""The joint method's pieces: levels, maxima, peaks, curves, bifurcation, doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.stages.centerline.joint.drawn import Drawn

from carotid.stages.centerline.joint.candidates import MOST, find_candidates
from carotid.stages.centerline.joint.doubt import (
    distance_by_height_mm,
    fork_uncertainty_mm,
    uncertainty_mm,
)
from carotid.stages.centerline.joint.fork import (
    CLOSE_MM,
    LOWEST_MM,
    USUAL_RISE,
    meeting_height,
)
from carotid.stages.centerline.joint.levels import SideVolume
from carotid.stages.centerline.joint.refine import refined
from carotid.stages.centerline.joint.smooth import CUT_OFF_MM, smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize(("slice_mm", "step"), [(0.3, 4), (0.6, 2), (1.2, 1), (5.0, 1)])
def test_levels_are_means_over_their_slices(slice_mm: float, step: int) -> None:
    rng = np.random.default_rng(3)
    mean = rng.uniform(0, 9, (2, 300, 200, 9)).astype(np.float32)  # several blocks
    volume = SideVolume(mean, (1.0, 1.0, slice_mm), leftward=True)
    levels = np.concatenate(list(volume.blocks()))
    assert volume.step == step
    assert len(levels) == len(volume.starts) == -(-9 // step)
    for level, start in zip(levels, volume.starts, strict=True):
        expected = mean[..., start : start + step].mean(axis=3)
        np.testing.assert_allclose(level, expected, rtol=1e-6)
    assert volume.middles[0] == (step - 1) / 2


def test_heights_between_voxels_are_linear_and_end_at_the_border() -> None:
    mean = np.zeros((2, 3, 4, 2), np.float32)
    mean[0] = np.arange(3)[:, None, None] * 10
    mean[1, :, :, 1] = np.arange(4) * 100
    volume = SideVolume(mean, (0.5, 2.0, 1.0), leftward=True)
    found = volume.heights(np.array([0, 1, 1]), np.array([[0.25, 0.0], [0.6, 3.0], [9.0, 99.0]]))
    np.testing.assert_allclose(found, [[5, 0], [12, 150], [20, 300]])


def test_candidates_are_the_peaks_of_both_channels() -> None:
    drawn = Drawn((0.5, 0.7, 0.6))
    candidates = find_candidates(drawn.volume())
    assert candidates.point_mm.shape[1:] == (2, MOST, 2)
    level = len(candidates.point_mm) - 4
    z = level * 2 + 0.5
    for channel in (0, 1):
        truth = drawn.centers_mm(channel)[[int(z), int(z) + 1]].mean(axis=0)
        own, lent = candidates.point_mm[level, channel, :2]
        other = drawn.centers_mm(1 - channel)[[int(z), int(z) + 1]].mean(axis=0)
        assert np.linalg.norm(own - truth) < 0.3
        assert np.linalg.norm(lent - other) < 0.3
        heights = candidates.height[level, channel, 0]
        assert heights[channel] == pytest.approx(candidates.highest[level, channel], rel=0.05)
        assert heights[1 - channel] < heights[channel]


def test_of_equal_neighbours_one_is_a_candidate() -> None:
    mean = np.zeros((2, 12, 12, 1), np.float32)
    mean[0, 4:6, 5:7] = 300
    candidates = find_candidates(SideVolume(mean, (1.0, 1.0, 1.2), leftward=True))
    assert np.isfinite(candidates.point_mm[0, 0, :, 0]).sum() == 1


def test_a_point_moves_to_the_middle_of_its_peak_and_not_to_another() -> None:
    drawn = Drawn((0.5, 0.8, 0.6))
    slices = np.array([0, 25, 70])
    truth = drawn.centers_mm(0)[slices]
    found = refined(drawn.volume(), slices, truth + np.array([0.9, -0.7]), (0,))
    assert np.linalg.norm(found - truth, axis=1).max() < 0.1
    nowhere = np.array([[45.0, 5.0]])
    far = refined(drawn.volume(np.zeros((2, *drawn.shape), np.float32)), slices[:1], nowhere, (0,))
    np.testing.assert_array_equal(far, nowhere)


def test_smoothing_keeps_long_waves_halves_the_cut_off_and_ignores_strays() -> None:
    slice_mm = 0.5
    z = np.arange(400) * slice_mm
    weight = np.ones(400)
    for length_mm, kept in ((60.0, 1.0), (2 * np.pi * CUT_OFF_MM, 0.5), (3.0, 0.0)):
        wave = np.column_stack([0.1 * np.sin(2 * np.pi * z / length_mm), np.zeros(400)])
        curve = smoothed(wave, weight, slice_mm)
        middle = slice(100, 300)
        share = np.ptp(curve[middle, 0]) / np.ptp(wave[middle, 0])
        assert share == pytest.approx(kept, abs=0.06)
    line = np.column_stack([0.2 * z, -0.1 * z])
    strayed = line.copy()
    strayed[50:54] += 4
    assert np.abs(smoothed(strayed, weight, slice_mm) - line).max() < 0.05
    gap = np.where((z > 80) & (z < 90), 0, 1.0)
    curve = smoothed(np.where(gap[:, None] > 0, line, 0), gap, slice_mm)
    assert np.abs(curve - line).max() < 0.05


def parting(z: NDArray[np.float64], fork_mm: float, slope: float) -> NDArray[np.float64]:
    return np.maximum(0.3, (z - fork_mm) * slope)


def test_arteries_meet_below_where_they_are_well_apart() -> None:
    z = np.arange(0, 40, 0.6)
    usual = parting(z, 10, 1 / USUAL_RISE)
    assert meeting_height(z, usual, 13.0) == pytest.approx(10, abs=0.05)
    assert 10 < meeting_height(z, parting(z, 10, 0.6), 14.0) < 11.5
    assert 8 < meeting_height(z, parting(z, 10, 3.0), 11.0) < 10


def test_arteries_meet_at_the_same_height_though_close_ones_look_like_one_vessel() -> None:
    z = np.arange(0, 40, 0.6)
    true = parting(z, 10, 1.0)
    seen = np.where(true < CLOSE_MM - 0.3, 0.2 * true, true)
    assert meeting_height(z, seen, 13.0) == pytest.approx(10, abs=0.6)


def test_a_separation_that_falls_for_a_while_changes_little() -> None:
    z = np.arange(0, 40, 0.6)
    seen = parting(z, 10, 1.0)
    seen[25:27] = 3.6
    assert meeting_height(z, seen, 13.0) == pytest.approx(10, abs=1.0)


def test_the_bifurcation_is_not_far_below_where_two_arteries_are_seen() -> None:
    z = np.arange(0, 40, 0.6)
    assert meeting_height(z, np.full(len(z), 4.0), 13.0) == 13.0, "they never meet"
    assert meeting_height(z, np.full(len(z), 2.0), 13.0) == 13.0, "they never part"
    assert meeting_height(z, (z + 10) * 0.2, 13.0) == 13.0 - LOWEST_MM
    wide = np.where(z < 13, 0, 9.0)
    assert 11 < meeting_height(z, wide, 13.0) < 13, "wide apart at once"
    thick = np.array([0.0, 8.0, 16.0, 24.0])
    assert 3 < meeting_height(thick, np.array([0.2, 0.3, 7.5, 9]), 16.0) < 12
    assert meeting_height(np.array([13.0]), np.array([3.0]), 13.0) == 13.0, "one slice says little"


def test_doubt_grows_with_all_that_speaks_against_a_center() -> None:
    peak = np.full(60, np.exp(6.0) - 1)
    nothing = np.zeros(60)
    sure = uncertainty_mm(peak, nothing, np.zeros((3, 60)), 0.5)
    np.testing.assert_allclose(sure, 0.2)
    here = slice(28, 32)
    low, apart, astray = peak.copy(), nothing.copy(), np.zeros((3, 60))
    low[here], apart[here], astray[:, here] = 5, 8, 50
    for doubt in (
        uncertainty_mm(low, nothing, np.zeros((3, 60)), 0.5),
        uncertainty_mm(peak, apart, np.zeros((3, 60)), 0.5),
        uncertainty_mm(peak, nothing, astray, 0.5),
    ):
        assert doubt[here].min() > 0.3
        assert doubt[here].min() > doubt[20] > doubt[0], "neighbours are doubted, too"
    assert uncertainty_mm(low, nothing, np.zeros((3, 60)), 0.5)[0] > 1, "of the whole artery"
    assert uncertainty_mm(peak, apart, np.zeros((3, 60)), 0.5)[0] < 0.5
    flat = np.linspace(3, 3, 20)
    told = uncertainty_mm(np.zeros(20), flat, np.zeros((1, 20)), 8.0)
    np.testing.assert_allclose(told, told[0])
    assert len(uncertainty_mm(np.empty(0), np.empty(0), np.empty((2, 0)), 1.0)) == 0


def test_a_height_says_how_far_away_the_artery_is() -> None:
    distance = np.array([0.0, 1.0, 4.0])
    height = np.exp(6 * (1 - distance / 16)) - 1
    np.testing.assert_allclose(distance_by_height_mm(height), distance, atol=1e-9)
    assert (distance_by_height_mm(np.array([-5.0, 0.0])) == 8.0).all()


def test_a_bifurcation_is_in_doubt_where_courses_divide_at_different_heights() -> None:
    height = np.arange(0.0, 20.0, 2.0, dtype=np.float64)
    sure = np.array([1.0] * 5 + [0.0] * 5)
    unsure = np.array([1, 1, 0.8, 0.6, 0.5, 0.3, 0.2, 0, 0, 0])
    assert fork_uncertainty_mm(sure, height, 9.0) == pytest.approx(1.0)
    assert fork_uncertainty_mm(unsure, height, 9.0) > 2.5


@pytest.mark.parametrize("slice_mm", [0.001, 0.002, 0.07, 1.0])
@pytest.mark.parametrize("count", [4, 8, 300])
def test_slices_thinner_than_any_scanner_s_are_smoothed_too(slice_mm: float, count: int) -> None:
    points = np.column_stack([50 + np.linspace(0, 3, count), np.linspace(40, 30, count)])
    weight = np.ones(count)
    weight[::3] = 0
    curve = smoothed(points, weight, slice_mm)
    assert np.isfinite(curve).all()
    assert np.abs(curve - points)[weight > 0].max() < 0.01, "a straight line stays one"

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carotid.evaluation.distances import (
    SliceErrors,
    disagreement_mm,
    slice_errors,
    slice_maxima,
    summarize,
)

NAN = np.nan


def test_maxima_are_the_first_in_order_on_a_tie() -> None:
    heatmap = np.zeros((2, 2, 3, 4), np.float32)
    heatmap[0, 0, 1, 2] = heatmap[0, 0, 2, 0] = 5
    heatmap[1, 1, 2, 3] = 7
    positions, heights = slice_maxima(heatmap)
    np.testing.assert_array_equal(positions[0], [[1, 2], [0, 0]])
    np.testing.assert_array_equal(positions[1], [[0, 0], [2, 3]])
    np.testing.assert_array_equal(heights, [[5, 0], [0, 7]])


def errors(
    maxima: Any, centers: Any, peak: float = 200.0, above: float = 20.0, counted: Any = True
) -> SliceErrors:
    n = len(maxima)
    return slice_errors(
        np.array(maxima, float),
        np.full((n, 2), peak),
        np.array(centers, float),
        np.full(n, counted),
        np.full(n, above),
        (0.5, 2.0),
    )


def test_distances_are_in_millimetres_of_each_axis() -> None:
    one = errors([[[10, 10], [20, 10]]], [[[14, 10], [20, 11]]])
    np.testing.assert_allclose(one.distance_mm, [[2.0, 2.0]])
    np.testing.assert_allclose(one.other_mm, [[np.hypot(5, 2), 3.0]])


def test_both_channels_on_one_vessel_are_half_right_but_no_label_is() -> None:
    vessels = [[10, 10], [30, 10]]
    same = errors([[[10, 10], [10, 10]]], [vessels])
    found = summarize([same])
    assert found.within_2_mm == 0.5
    assert found.both_right == 0
    assert found.same_vessel == 1
    right = summarize([errors([vessels], [vessels])])
    assert (right.within_2_mm, right.both_right, right.same_vessel) == (1, 1, 0)
    swapped = summarize([errors([vessels[::-1]], [vessels])])
    assert (swapped.both_right, swapped.same_vessel) == (0, 0)


def test_only_slices_far_above_the_bifurcation_tell_labels() -> None:
    vessels = [[10, 10], [30, 10]]
    near = errors([vessels], [vessels], above=10.0)
    unknown = errors([vessels], [vessels], above=NAN)
    found = summarize([near, unknown, errors([vessels], [vessels], above=10.1)])
    assert found.above_slices == 1
    assert found.slices == 6


def test_empty_slices_count_for_low_peaks_alone_and_only_where_annotated() -> None:
    center = [[10, 10], [NAN, NAN]]
    low = errors([[[10, 10], [3, 3]]], [center], peak=49.0)
    high = errors([[[10, 10], [3, 3]]], [center], peak=150.0)
    ignored = errors([[[10, 10], [3, 3]]], [center], peak=150.0, counted=False)
    found = summarize([low, high, ignored])
    assert found.slices == 2
    assert found.empty_slices == 2
    assert found.low_peaks == 0.5
    assert found.high_peaks == 0.5
    assert found.above_slices == 0


def test_nothing_gives_no_numbers_rather_than_zeros() -> None:
    found = summarize([])
    assert found.slices == 0
    assert np.isnan(found.median_mm)
    assert np.isnan(found.both_right)


def test_disagreement_is_the_mean_distance_from_the_centroid() -> None:
    indices = np.zeros((2, 2, 3, 2), np.int64)
    indices[1, 0, 2] = 4, 0
    indices[1, 1, 1] = 0, 3
    apart = disagreement_mm(indices, (0.5, 2.0))
    assert apart.shape == (3, 2)
    assert apart[2, 0] == pytest.approx(1.0)
    assert apart[1, 1] == pytest.approx(3.0)
    assert apart.sum() == pytest.approx(4.0)
    assert not disagreement_mm(indices[:1], (0.5, 2.0)).any()

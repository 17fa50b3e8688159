from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.stages.centerline.parameters import CenterlineParameters
from carotid.stages.centerline.peaks import SlicePeaks, find_peaks
from carotid.stages.centerline.sections import find_seeds, sections_centers, tell_common

PARAMETERS = CenterlineParameters(method="sections", step_size=4, threshold=100)


def peaks(heights: Any) -> SlicePeaks:
    height = np.asarray(heights, np.float64)
    pixel = np.zeros((len(height), 2, 2), np.int64)
    pixel[:, :, 0] = 9 - np.arange(len(height))[:, None]
    return SlicePeaks(np.column_stack([height, height]), pixel)


def test_seeds_are_the_maxima_of_lowest_slice_sections_and_highest_slice() -> None:
    heights = [0, 150, 160, 170, 165, 110, 120, 130, 125, 400, 101, 0]
    assert [seed[2] for seed in find_seeds(peaks(heights), 0, 100, 4)] == [1, 3, 7, 10]


def test_on_a_tie_a_seed_has_the_smallest_x() -> None:
    seeds = find_seeds(peaks([200] * 6), 0, 100, 3)
    assert seeds == [(9, 0, 0), (7, 0, 2), (4, 0, 5)]


def test_threshold_is_compared_in_single_precision_and_strictly() -> None:
    height = float(np.float32(100.1))
    assert find_seeds(peaks([height]), 0, 100.1, 4) == []
    assert len(find_seeds(peaks([np.nextafter(np.float32(100.1), np.float32(101))]), 0, 100.1, 4))


def line(x: list[int], z: range) -> Any:
    return np.column_stack([x, [5] * len(x), list(z)]).reshape(-1, 3)


def test_common_carotid_ends_where_the_vessels_part() -> None:
    internal = line([10] * 8, range(8))
    external = line([10, 10, 11, 14, 16, 11, 10], range(2, 9))
    found = tell_common(internal, external, 3)
    assert found.internal.points[:, 2].tolist() == list(range(8))
    assert found.external.points[:, 2].tolist() == [5, 6, 7, 8]


def test_lower_external_centers_are_common_carotid_and_keep_their_channel() -> None:
    found = tell_common(line([10] * 4, range(6, 10)), line([10] * 9, range(9)), 3)
    assert found.internal.points[:, 2].tolist() == list(range(10))
    assert found.internal.channel.tolist() == [1] * 6 + [0] * 4
    assert len(found.external.points) == 0


def test_external_that_ends_below_the_internal_leaves_a_gap() -> None:
    found = tell_common(line([10] * 2, range(8, 10)), line([3] * 4, range(4)), 3)
    assert found.internal.points[:, 2].tolist() == [0, 1, 2, 3, 8, 9]
    assert len(found.external.points) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_heatmap_that_is_no_number_is_refused(bad: float) -> None:
    mean = np.zeros((2, 6, 5, 7), np.float32)
    mean[1, 2, 3, 4] = bad
    with pytest.raises(InputError, match="NaN or infinity"):
        sections_centers(mean, PARAMETERS)


def test_nothing_above_the_threshold_gives_nothing() -> None:
    found = sections_centers(np.full((2, 6, 5, 7), 99, np.float32), PARAMETERS)
    assert len(found.internal.points) == len(found.external.points) == 0


def test_peaks_of_many_blocks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carotid.stages.centerline.peaks._BLOCK_VOXELS", 3 * 2 * 6 * 5)
    mean = np.random.default_rng(0).random((2, 6, 5, 7)).astype(np.float32)
    found = find_peaks(mean.transpose(0, 3, 2, 1).transpose(0, 3, 2, 1))
    flat = mean.transpose(3, 0, 1, 2).reshape(7, 2, -1)
    np.testing.assert_array_equal(found.height, flat.max(axis=2))
    best = found.pixel[..., 0] * 5 + found.pixel[..., 1]
    np.testing.assert_array_equal(best, flat.argmax(axis=2))

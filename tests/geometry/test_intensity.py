"""Percentiles as numpy.percentile gives them, for every type and memory layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from carotid.errors import InputError
from carotid.geometry import intensity
from carotid.geometry.intensity import (
    IntensityRange,
    check_intensities,
    intensity_range,
    percentiles,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ["i1", "u1", "<i2", ">i2", "u2", ">u2", "i4", "u4", "i8", "f4", ">f4", "f8"]
LAYOUTS = ["C", "F", "reversed", "every second", "broadcast"]


def arranged(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """The same kind of values behind other strides."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "reversed":
        return array[::-1, :, ::-1]
    if layout == "every second":
        return array[:, ::2]
    if layout == "broadcast":
        return np.broadcast_to(array[:, :1], array.shape)
    return array


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_percentiles_equal_numpy(kind: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intensity, "_CHUNK", 100)
    generator = np.random.default_rng(3)
    info = np.iinfo(kind) if np.dtype(kind).kind in "iu" else None
    low, high = (max(info.min, -30_000), min(info.max, 30_000)) if info else (-1000, 1000)
    array = arranged(generator.integers(low, high, (7, 8, 9), endpoint=True).astype(kind), layout)
    percents = [0, 0.1, 5, 33.3, 50, 95, 99.9, 100]
    expected = [float(np.percentile(array.astype(np.float64), one)) for one in percents]
    np.testing.assert_allclose(percentiles(array, percents), expected, rtol=1e-6, atol=1e-9)


@given(
    array=hnp.arrays(np.int16, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)),
    percent=st.floats(0, 100),
)
def test_counted_percentiles_equal_numpy(array: NDArray[np.int16], percent: float) -> None:
    expected = np.percentile(array.astype(np.float64), percent)
    np.testing.assert_allclose(percentiles(array, [percent]), [expected], rtol=1e-9, atol=1e-6)


def test_rescaling_is_linear_and_clipped() -> None:
    scaled = IntensityRange(10, 30).applied_to(np.array([-5, 10, 15, 30, 99], np.int16))
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, np.array([0, 0, 0.25, 1, 1], np.float32))


def test_scan_without_spread_cannot_be_rescaled() -> None:
    array = np.zeros((4, 5, 5), np.int16)
    array[0, 0, 0] = 7
    with pytest.raises(InputError, match="percentiles have the same value") as caught:
        intensity_range(array, 5, 95)
    assert "0 at the 5th and 95th" in str(caught.value)
    found = intensity_range(array, 0, 100)
    assert (found.lower, found.upper) == (0, 7)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scans_without_content_are_refused(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intensity, "_CHUNK", 60)
    good = np.random.default_rng(0).normal(size=(6, 6, 6))
    check_intensities(arranged(good, layout))
    with pytest.raises(InputError, match="constant"):
        check_intensities(arranged(np.full((6, 6, 6), 3, np.uint8), layout))
    for bad in (np.nan, np.inf, -np.inf):
        array = good.copy()
        array[2, 0, 2] = bad
        with pytest.raises(InputError, match="no numbers"):
            check_intensities(arranged(array, layout))


def test_one_voxel_that_differs_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intensity, "_CHUNK", 10)
    array = np.ones((5, 5, 5), np.int32)
    array[4, 4, 4] = 2
    check_intensities(array)

"""Axis samplings against numpy.interp, and the pieces that they are cut into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import Grid
from carotid.geometry.resample import AxisSampling, from_network, network_size, to_network
from carotid.geometry.sides import sides_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

sizes = st.integers(1, 40)
spacings = st.floats(0.05, 5)
VALUES = np.random.default_rng(0).normal(size=64)


def outputs(sampling: AxisSampling, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a sampling says, one output at a time."""
    return np.array(
        [
            float(a) * values[i] + float(b) * values[j]
            for i, j, a, b in zip(
                sampling.first,
                sampling.second,
                sampling.first_weight,
                sampling.second_weight,
                strict=True,
            )
        ]
    )


@given(size=sizes, positions=st.lists(st.floats(-5, 50), min_size=1, max_size=20))
def test_sampling_is_linear_interpolation(size: int, positions: list[float]) -> None:
    values = VALUES[:size]
    sampling = AxisSampling.at(np.array(positions), size)
    expected = np.interp(positions, np.arange(size), values)
    np.testing.assert_allclose(outputs(sampling, values), expected, atol=1e-6)
    np.testing.assert_allclose(values @ sampling.matrix(), expected, atol=1e-5)
    block = np.stack([values, -values]).astype(np.float32)[..., None]
    before = block.copy()
    found = sampling.applied_to(block, 1)
    np.testing.assert_allclose(found[..., 0], [expected, -expected], atol=1e-5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(block, before)


@given(size=sizes, spacing=spacings)
def test_to_and_from_network_follow_the_formulas(size: int, spacing: float) -> None:
    values = VALUES[:size]
    forth, back = to_network(size, spacing), from_network(size, spacing)
    count = network_size(size, spacing)
    assert len(forth) == back.size == count
    assert len(back) == size
    if abs(spacing - 0.5) > 1e-3:
        assert count == int(np.round((size - 1) * round(spacing, 9) / 0.5 + 1))
        expected = np.interp(np.arange(count) * 0.5 / spacing, np.arange(size), values)
        np.testing.assert_allclose(outputs(forth, values), expected, atol=1e-6)
        seen = np.random.default_rng(1).normal(size=count)
        expected = np.interp(np.arange(size) * spacing / 0.5, np.arange(count), seen)
        np.testing.assert_allclose(outputs(back, seen), expected, atol=1e-6)
    else:
        assert forth.is_identity
        assert back.is_identity


@pytest.mark.parametrize(
    ("size", "spacing", "expected"),
    [
        (2, 0.75, 2),  # 2.5, half to even
        (2, 1.25, 4),  # 3.5, half to even
        (4, 0.75, 6),  # 5.5
        (1, 3.0, 1),
        (10, 0.5, 10),
        (10, 0.501, 10),  # within the tolerance of 0.001 mm
        (1001, 0.5011, 1003),
        (3, 0.7500000000001, 4),  # the last bit of an oblique direction
        (720, 0.35, 504),
    ],
)
def test_network_size(size: int, spacing: float, expected: int) -> None:
    assert network_size(size, spacing) == expected


@given(size=st.integers(2, 40), spacing=spacings, data=st.data())
def test_parts_shifts_and_sides_are_the_whole_cut_up(size: int, spacing: float, data: Any) -> None:
    whole = to_network(size, spacing)
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    expected = outputs(whole, VALUES[:size])[start:stop]
    part = whole.part(start, stop)
    np.testing.assert_array_equal(outputs(part, VALUES[:size]), expected)
    low, high = part.input_range()
    moved = part.shifted(low, high - low)
    np.testing.assert_array_equal(outputs(moved, VALUES[low:high]), expected)


@given(size=st.integers(2, 40), spacing=spacings, data=st.data())
def test_within_is_zero_outside_and_mirrored_inside(size: int, spacing: float, data: Any) -> None:
    whole = to_network(size, spacing)
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    mirrored = data.draw(st.booleans())
    known = VALUES[start:stop]
    padded = np.zeros(size)
    padded[start:stop] = known
    sampling = whole.within(start, stop, mirrored=mirrored)
    got = outputs(sampling, known[::-1] if mirrored else known)
    np.testing.assert_array_equal(got, outputs(whole, padded))
    low, high = sampling.support()
    assert not got[:low].any()
    assert not got[high:].any()
    if low < high:
        edges = [sampling.matrix()[:, k].any() for k in (low, high - 1)]
        assert edges == [True, True]


def test_identity_is_known_when_it_is_met() -> None:
    assert AxisSampling.identity(5).is_identity
    assert AxisSampling.identity(1).is_identity
    assert not AxisSampling.identity(5).part(0, 4).is_identity
    assert not AxisSampling.at(np.array([0.0, 1.1, 2.0]), 3).is_identity
    assert not AxisSampling.identity(4).within(0, 4, mirrored=True).is_identity
    assert not AxisSampling.at(np.array([2.0, 1.0, 0.0]), 3).is_identity


def test_nothing_is_supported_where_no_input_is_there() -> None:
    sampling = AxisSampling.at(np.array([0.0, 1.0]), 9).within(5, 9, mirrored=False)
    assert sampling.support() == (0, 0)


@given(width=st.integers(1, 400))
def test_sides_cover_the_neck_and_overlap_in_the_middle(width: int) -> None:
    left, right = sides_of(width)
    assert (left.start, left.stop, left.mirrored) == (width // 3, width, False)
    assert (right.start, right.mirrored) == (0, True)
    assert right.stop == max(2 * width // 3, 1)
    assert left.width >= 1
    assert right.width >= 1
    assert width == 1 or left.start <= right.stop


def test_frame_of_a_coronal_grid() -> None:
    affine = np.zeros((4, 4))
    affine[:, 3] = [10, 20, 30, 1]
    affine[0, 0], affine[2, 1], affine[1, 2] = -0.8, -1.0, 2.0  # L, I, A
    frame = NetworkFrame.of(Grid((6, 5, 3), affine), resample=True)
    assert frame.raw_shape == (5, 3, 6)
    assert frame.shape == (9, 9, 9)
    assert frame.reordering.axes == (1, 2, 0)
    assert frame.reordering.flips == (True, True, False)
    assert [frame.side_shape(side) for side in frame.sides] == [(9, 9, 6), (9, 9, 6)]
    assert NetworkFrame.of(Grid((6, 5, 3), affine), resample=False).shape == (5, 3, 6)

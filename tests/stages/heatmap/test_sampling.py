"""Resampled tensors against numpy.interp, along every axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.naive import along_axis

from carotid.geometry.resample import AxisSampling, to_network
from carotid.stages.heatmap.sampling import sample_axis, sample_last_axis

ARRAY = np.random.default_rng(2).normal(size=(3, 41, 38, 45)).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("step", [0.4, 0.7, 1.0, 1.43, 5.0])
def test_every_axis_is_interpolated_linearly(axis: int, step: float) -> None:
    size = ARRAY.shape[axis]
    positions = np.arange(int((size + 1) / step) + 1) * step  # the last ones lie outside
    sampling = AxisSampling.at(positions, size)
    x = torch.from_numpy(ARRAY.copy())
    expected = along_axis(ARRAY, axis, positions)
    np.testing.assert_allclose(sample_axis(x, axis, sampling).numpy(), expected, atol=2e-6)
    if axis == 3:
        np.testing.assert_allclose(sample_last_axis(x, sampling).numpy(), expected, atol=2e-6)
    assert np.array_equal(x.numpy(), ARRAY), "the input must stay as it is"


@pytest.mark.parametrize("mirrored", [False, True])
def test_mirror_and_zeros_are_part_of_a_sampling(*, mirrored: bool) -> None:
    whole = AxisSampling.at(np.linspace(-1, 50, 90), 45)
    sampling = whole.within(10, 30, mirrored=mirrored)
    padded = np.zeros_like(ARRAY)
    padded[..., 10:30] = ARRAY[..., 10:30]
    known = ARRAY[..., 10:30]
    known = np.ascontiguousarray(known[..., ::-1] if mirrored else known)
    found = sample_last_axis(torch.from_numpy(known), sampling)
    expected = along_axis(padded, 3, np.linspace(-1, 50, 90))
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)


def test_non_contiguous_input() -> None:
    x = torch.from_numpy(ARRAY).permute(3, 1, 0, 2)
    sampling = to_network(38, 0.7)
    expected = along_axis(x.numpy(), 3, np.arange(len(sampling)) * 0.5 / 0.7)
    np.testing.assert_allclose(sample_last_axis(x, sampling).numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("edges", [(0, 45), (10, 30)])
def test_first_axis_and_others_give_the_same(axis: int, edges: tuple[int, int]) -> None:
    """Whole slices are interpolated in one pass, unless zeros are a part of the sampling."""
    sampling = AxisSampling.at(np.linspace(-1, 50, 90), 45).within(*edges, mirrored=False)
    assert sampling.interpolates == (edges == (0, 45))
    known = np.moveaxis(ARRAY, 3, axis)
    inside = tuple(slice(*edges) if a == axis else slice(None) for a in range(4))
    padded = np.zeros_like(known)
    padded[inside] = known[inside]
    found = sample_axis(torch.from_numpy(known[inside].copy()), axis, sampling)
    expected = along_axis(padded, axis, np.linspace(-1, 50, 90))
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-6)

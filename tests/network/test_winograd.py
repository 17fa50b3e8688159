"""Convolution in pairs of slices against PyTorch's own, in double precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from carotid.network.fast.slabs import Convolver
from carotid.network.winograd import convolve_in_pairs

AVAILABLE = Convolver.available()
PUBLIC = Convolver(
    by_name=False, doubles_by_name=False, adds_by_name=False, slab_voxels=AVAILABLE.slab_voxels
)


def in_pairs(convolve: Convolver, part: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(n, h, w, outputs), in the order of the slices."""
    slices = len(part) - 2
    result = torch.full((slices, *part.shape[1:3], len(weight)), torch.nan)
    even, odd = (result[first::2].clone() for first in range(2))
    convolve_in_pairs(convolve, part, weight, bias, even, odd)
    result[::2], result[1::2] = even, odd
    return result


@settings(max_examples=60, deadline=None)
@given(
    slices=st.integers(1, 9),
    sides=st.tuples(st.integers(1, 6), st.integers(1, 9)),
    channels=st.tuples(st.sampled_from([1, 3, 8]), st.sampled_from([1, 5, 8])),
    seed=st.integers(0, 2**32 - 1),
    biased=st.booleans(),
    by_name=st.booleans(),
)
def test_any_volume(
    slices: int,
    sides: tuple[int, int],
    channels: tuple[int, int],
    seed: int,
    *,
    biased: bool,
    by_name: bool,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    part = torch.randn(slices + 2, *sides, channels[0], generator=generator)
    weight = torch.randn(channels[1], channels[0], 3, 3, 3, generator=generator)
    bias = torch.randn(channels[1], generator=generator) if biased else None
    found = in_pairs(AVAILABLE if by_name else PUBLIC, part, weight, bias)
    expected = functional.conv3d(
        part.permute(3, 0, 1, 2)[None].double(),
        weight.double(),
        None if bias is None else bias.double(),
        padding=(0, 1, 1),
    )[0].permute(1, 2, 3, 0)
    scale = float(weight.abs().sum((1, 2, 3, 4)).max() * part.abs().max())
    assert float((found - expected).abs().max()) < 3e-7 * scale


@pytest.mark.parametrize("slices", [2, 5])
def test_every_tap_is_where_it_belongs(slices: int) -> None:
    """Whole numbers, so that the result is exact."""
    part = torch.arange((slices + 2) * 4 * 5 * 2.0).view(slices + 2, 4, 5, 2)
    for tap in range(27):
        weight = torch.zeros(3, 2, 27)
        weight[1, 1, tap] = 2.0
        weight = weight.view(3, 2, 3, 3, 3)
        expected = functional.conv3d(part.permute(3, 0, 1, 2)[None], weight, padding=(0, 1, 1))[
            0
        ].permute(1, 2, 3, 0)
        assert torch.equal(in_pairs(AVAILABLE, part, weight, None), expected)

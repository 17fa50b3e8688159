"""Slab by slab against PyTorch's own operators, in double precision where rounding matters."""

import itertools
import logging
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from carotid.network.fast.slabs import Convolver, NormedVolume, slices_with_zeros

SHAPE = (7, 4, 6, 3)

ROUNDING = 5e-6
"""Some 80 roundings of float32: more than any kernel takes here, less than any wrong number."""


def volume(*shape: int, seed: int = 5) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def torch_order(x: Tensor) -> Tensor:
    return x.permute(3, 0, 1, 2)[None]


def normed(x: Tensor, slope: float, pooled: int = 1) -> Tensor:
    """Instance norm and PReLU of a (d, h, w, c) volume, in double precision."""
    x = x.double()
    groups = x.view(-1, x.shape[3] // pooled, pooled)
    mean = groups.mean((0, 2)).repeat_interleave(pooled)
    variance = groups.var((0, 2), correction=0).repeat_interleave(pooled)
    return functional.leaky_relu((x - mean) / (variance + 1e-5).sqrt(), slope)


def error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).abs().max() / expected.abs().max())


def convolver(*, by_name: bool, slab_voxels: int = 1) -> Convolver:
    return Convolver(by_name=by_name, doubles_by_name=by_name, slab_voxels=slab_voxels)


def through(x: Tensor, edges: list[int], slope: float, pooled: int = 1) -> Tensor:
    result = NormedVolume(x.shape, slope)
    for start, stop in itertools.pairwise(edges):
        result.put(slice(start, stop), x[start:stop])
    result.close(pooled)
    return result.active(len(x)) * result.scale


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.7, 1.8])
@pytest.mark.parametrize("edges", [[0, 7], [0, 1, 7], [0, 2, 4, 6, 7]])
def test_norm_and_activation(edges: list[int], slope: float) -> None:
    x = volume(*SHAPE)
    assert error(through(x, edges, slope), normed(x, slope)) < ROUNDING


def test_a_mean_far_above_the_spread_costs_no_accuracy() -> None:
    # whole numbers, so that the input itself is exact; squares of them would not be
    whole = torch.randint(30_000, 30_004, (40, 16, 16, 2), generator=torch.Generator())
    x = whole.float() + 3.0 * torch.arange(40).view(-1, 1, 1, 1)
    assert error(through(x, [0, 9, 18, 29, 40], 0.1), normed(x, 0.1)) < ROUNDING


def test_a_constant_channel_becomes_zero() -> None:
    x = volume(*SHAPE)
    x[..., 1] = 1234.5
    found = through(x, [0, 3, 7], 0.25)
    assert torch.equal(found[..., 1], torch.zeros(SHAPE[:3]))
    assert bool(found.isfinite().all())


def test_statistics_in_common() -> None:
    x = volume(5, 4, 6, 8)
    x[..., 4:] += 3
    assert error(through(x, [0, 2, 5], 0.25, pooled=4), normed(x, 0.25, pooled=4)) < ROUNDING


def test_strided_lines_wider_voxels_and_its_own_memory() -> None:
    x = volume(6, 5, 9, 8)
    expected = normed(x[:, 1:, 2:, :4].contiguous(), 0.25)
    wide = NormedVolume((6, 4, 7, 4), 0.25)
    narrow = x[:, 1:, 2:].contiguous()
    wide.put(slice(0, 6), narrow)
    assert error(wide.close().active(6) * wide.scale, expected) < ROUNDING

    strided = NormedVolume((6, 4, 7, 8), 0.25)
    strided.put(slice(0, 6), x[:, 1:, 2:])
    assert error(strided.close().active(6) * strided.scale, normed(narrow, 0.25)) < ROUNDING

    own = NormedVolume(narrow.shape, 0.25)
    expected = normed(narrow, 0.25)
    own.values.copy_(narrow)
    own.put(slice(0, 6), own.values)
    assert error(own.close().active(6) * own.scale, expected) < ROUNDING


def test_slices_are_finished_when_asked_for_and_once() -> None:
    x = volume(*SHAPE)
    result = NormedVolume(x.shape, 0.25)
    for start, stop in ((0, 2), (2, 4), (4, 7)):
        result.put(slice(start, stop), x[start:stop])
    result.close()
    raw = result.values.clone()
    result.active(3)
    assert torch.equal(result.values[4:], raw[4:])
    first = result.values[:4].clone()
    result.active(7)
    assert torch.equal(result.values[:4], first)
    assert error(result.values * result.scale, normed(x, 0.25)) < ROUNDING


def test_add_to_what_is_scaled_later() -> None:
    x, base = volume(*SHAPE), volume(*SHAPE, seed=6)
    factors = torch.tensor([0.5, 2.0, 3.0])
    result = NormedVolume(x.shape, 0.25)
    result.put(slice(0, 7), x)
    expected = base.double() * factors + normed(x, 0.25)
    result.close().add_to(base, factors)
    assert error(base * factors, expected) < ROUNDING


def test_neighbours_and_zeros_around_a_slab() -> None:
    x = volume(*SHAPE)
    result = NormedVolume(SHAPE, 0.25)
    result.put(slice(0, 7), x)
    result.close()
    framed = functional.pad(normed(x, 0.25), (0, 0, 0, 0, 0, 0, 1, 1))
    for start, stop in ((0, 3), (2, 5), (5, 7), (0, 7)):
        around = result.around(slice(start, stop)) * result.scale
        assert error(around, framed[start : stop + 2]) < ROUNDING


def test_zeros_beyond_the_ends() -> None:
    x = volume(*SHAPE)
    padded = functional.pad(x, (0, 0, 0, 0, 0, 0, 2, 3))
    for start, stop in ((-2, 3), (0, 7), (2, 5), (5, 10), (-2, 10)):
        assert torch.equal(slices_with_zeros(x, start, stop), padded[start + 2 : stop + 2])


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution(*, by_name: bool, stride: int) -> None:
    if by_name and not Convolver.available().by_name:
        pytest.skip("this PyTorch has no such operator")
    x, weight, bias = volume(8, 6, 4, 3), volume(5, 3, 3, 3, 3), volume(5)
    found = convolver(by_name=by_name)(x, weight, bias, stride=stride, padding=(0, 1, 1))
    expected = functional.conv3d(
        torch_order(x).double(), weight.double(), bias.double(), stride, (0, 1, 1)
    )
    assert found.is_contiguous()
    assert error(torch_order(found), expected) < ROUNDING


@pytest.mark.parametrize("by_name", [True, False])
def test_transposed_convolution_of_slabs_that_go_on(*, by_name: bool) -> None:
    if by_name and not Convolver.available().doubles_by_name:
        pytest.skip("this PyTorch has no such operator")
    x, weight = volume(7, 4, 6, 5), volume(5, 3, 3, 3, 3)
    convolve = convolver(by_name=by_name)
    expected = functional.conv_transpose3d(
        torch_order(x).double(), weight.double(), None, 2, padding=1, output_padding=1
    )
    first = convolve.doubled(x[:4], weight, last=False)
    second = convolve.doubled(x[3:], weight, last=True)
    assert (first.shape[0], second.shape[0]) == (7, 8)
    assert first.is_contiguous()
    assert second.is_contiguous()
    assert error(torch_order(torch.cat((first[:6], second))), expected) < ROUNDING


@pytest.mark.parametrize("depth", [1, 5, 23, 184])
def test_slabs_cover_all_slices_once(depth: int) -> None:
    x = torch.empty(depth, 4, 8, 1)
    for slab_voxels in (1, 32, 100, 10**6):
        convolve = convolver(by_name=True, slab_voxels=slab_voxels)
        slabs = convolve.slabs(x, more=1)
        covered = [k for slab in slabs for k in range(slab.start, slab.stop)]
        assert covered == list(range(depth + 1))
        thickest = max(slab.stop - slab.start for slab in slabs)
        assert thickest == 1 or thickest * 32 <= slab_voxels
        finer = convolve.doubling_slabs(x)
        assert [k for slab in finer for k in range(slab.start, slab.stop)] == list(range(depth))
        assert all(s.stop - s.start == 1 or (s.stop - s.start) * 256 <= slab_voxels for s in finer)


OPERATORS = {
    "by_name": (torch.ops.aten, "mkldnn_convolution"),
    "doubles_by_name": (torch.ops.mkldnn, "_convolution_transpose_pointwise"),
}


@pytest.mark.parametrize("missing", OPERATORS)
def test_without_an_operator_its_public_function_is_used_and_the_other_stays(
    missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = Convolver.available()

    def refuse(*_arguments: object) -> Tensor:
        raise AttributeError("no such operator")

    monkeypatch.setattr(*OPERATORS[missing], refuse, raising=False)
    with caplog.at_level(logging.INFO):
        convolve = Convolver.available()
    assert "slower with this PyTorch: no such operator" in caplog.text
    for name in OPERATORS:
        assert getattr(convolve, name) == (name != missing and getattr(before, name))
    coarse = torch.empty(400, 64, 64, 1)
    assert (len(convolve.slabs(coarse)) == 1) == (not convolve.by_name)
    assert (len(convolve.doubling_slabs(coarse)) == 1) == (not convolve.doubles_by_name)


@pytest.mark.parametrize("wrong", OPERATORS)
def test_an_operator_that_computes_something_else_is_not_used(
    wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = getattr(*OPERATORS[wrong], None)
    if real is None:
        pytest.skip("this PyTorch has no such operator")

    def other(*arguments: object) -> Any:
        return real(*arguments) * 1.01

    monkeypatch.setattr(*OPERATORS[wrong], other, raising=False)
    with caplog.at_level(logging.INFO):
        assert not getattr(Convolver.available(), wrong)
    assert "slower with this PyTorch: an operator differs" in caplog.text

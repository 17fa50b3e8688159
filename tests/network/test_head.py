"""The last convolution after the sum of windows, against the average of convolved windows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from carotid.network import head as head_module
from carotid.network.fast.cpu_unet import FastUNet
from carotid.network.fast.slabs import Convolver
from carotid.network.head import Head, Part, features_pay, heatmaps_of, part_of
from carotid.network.unet import ResidualUnit, UNet
from carotid.network.windows.plan import Crew, WindowPlan
from carotid.network.windows.predict import WindowedImage, WindowSum, predict, predict_each

if TYPE_CHECKING:
    from collections.abc import Callable

ORDERS = ((0, 1, 2, 3), (1, 0, 2, 3), (2, 0, 1, 3), (3, 0, 1, 2))
DENSE = WindowPlan.of((21, 17, 20), (16, 16, 16), 0.75)
"""Windows that overlap much: starts at 0, 4 and 5, at 0 and 1, and at 0 and 4."""


def last_unit() -> ResidualUnit:
    generator = torch.Generator().manual_seed(4)
    unit = ResidualUnit(2, 2, 1, 1, 0, last=True)
    with torch.no_grad():
        for p in unit.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return unit


UNIT = last_unit()
HEAD = Head.of(UNIT, Convolver.available())


def noise(corner: tuple[int, int, int], sides: tuple[int, int, int]) -> Tensor:
    seed = sum(n * 100**k for k, n in enumerate(corner))
    return torch.randn(1, 2, *sides, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def both_ways(
    plan: WindowPlan,
    features: Callable[[tuple[int, int, int], tuple[int, int, int]], Tensor] = noise,
    *,
    order: tuple[int, ...] = ORDERS[0],
    slab_voxels: int = 2**16,
) -> tuple[Tensor, Tensor]:
    """Averaged heatmaps: convolved after the sum, and window by window in double precision."""
    head = replace(HEAD, convolve=replace(HEAD.convolve, slab_voxels=slab_voxels))
    once, each = WindowSum(plan, 2, order), torch.zeros(2, *plan.shape, dtype=torch.float64)
    count = torch.zeros(plan.shape)
    exact = last_unit().double()
    for corner in plan.corners:
        outer, inner = plan.boxes(corner)
        window = features(corner, plan.window)
        once.add(Part(window, head=head), corner)
        each[(slice(None), *outer)] += exact(window.double())[(0, slice(None), *inner)]
        count[outer] += 1
    return once.heatmaps(), each / count


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert float((found - expected).abs().max() / expected.abs().max()) < 2e-6


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 13)] * 3),
    window=st.tuples(*[st.integers(1, 9)] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.75, 0.9]),
    order=st.sampled_from(ORDERS),
    slab_voxels=st.sampled_from([1, 20, 2**16]),
)
@example((13, 11, 9), (6, 5, 4), 0.5, ORDERS[1], 1)
@example((5, 3, 4), (9, 8, 8), 0.5, ORDERS[3], 20)
def test_any_windows(
    shape: tuple[int, int, int],
    window: tuple[int, int, int],
    overlap: float,
    order: tuple[int, ...],
    slab_voxels: int,
) -> None:
    plan = WindowPlan.of(shape, window, overlap)
    found, expected = both_ways(plan, order=order, slab_voxels=slab_voxels)
    assert_equal(found, expected)
    assert found.permute(order).is_contiguous(), "in memory as it was asked for"


@pytest.mark.parametrize("place", list(product((0, 2, 5), repeat=3)))
def test_a_point_leaks_nowhere(place: tuple[int, int, int]) -> None:
    """At each corner, edge and face of a window in the middle of a volume, and inside of it."""

    def point(corner: tuple[int, int, int], sides: tuple[int, int, int]) -> Tensor:
        features = torch.zeros(1, 2, *sides)
        if corner == (3, 3, 3):
            features[(..., *place)] = 1.0
        return features

    plan = WindowPlan((12, 12, 12), (6, 6, 6), (0, 0, 0), ((0, 3, 6),) * 3)
    found, expected = both_ways(plan, point)
    assert_equal(found, expected)


@pytest.mark.parametrize("place", list(product((2, 3, 6, 7), repeat=3)))
def test_a_point_beyond_the_volume_counts(place: tuple[int, int, int]) -> None:
    """A volume of 4×4×4 begins at voxel 3 of a window of 10×10×10."""

    def point(_corner: tuple[int, int, int], sides: tuple[int, int, int]) -> Tensor:
        features = torch.zeros(1, 2, *sides)
        features[(..., *place)] = 1.0
        return features

    found, expected = both_ways(WindowPlan.of((4, 4, 4), (10, 10, 10), 0.5), point)
    assert_equal(found, expected)


def test_leaks_are_not_small() -> None:
    """What this is all about can be seen."""

    def nothing(*_: object) -> list[object]:
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_module, "faces", nothing)
        found, expected = both_ways(DENSE)
    assert float((found - expected).abs().max() / expected.abs().max()) > 0.01


def test_features_where_windows_overlap_much() -> None:
    sides = (368, 64, 320)
    for shape, pays in {
        (448, 70, 336): True,
        (400, 50, 336): True,  # beyond the volume on one axis, and overlapping on two
        (368, 64, 320): False,
        (560, 64, 320): False,
        (300, 50, 200): False,
    }.items():
        assert features_pay(WindowPlan.of(shape, sides, 0.6)) is pays, shape
    assert not features_pay(WindowPlan.of((448, 200, 336), sides, 0.99)), "too many planes"


@pytest.mark.parametrize("crew", [None, Crew(2, 1)])
@pytest.mark.parametrize("shape", [(21, 17, 36), (23, 13, 35)])
def test_networks_are_asked_for_features(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], crew: Crew | None
) -> None:
    plain = UNet().eval()
    with torch.no_grad():
        for p in plain.parameters():
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())) / 4)
    fast = FastUNet.from_plain(plain)
    image = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    plan = WindowPlan.of(shape, (16, 16, 32), 0.75)
    expected = predict(fast.__call__, image, plan, 2)

    def too_much(*_: object) -> Tensor:
        raise AssertionError("heatmaps are not asked for")

    monkeypatch.setattr(FastUNet, "__call__", too_much)
    for order in ORDERS:
        (found,) = predict_each([(fast, WindowedImage(image, plan, order))], 2, crew=crew)
        assert_equal(found, expected)
        assert found.permute(order).is_contiguous()


def test_a_network_that_gives_heatmaps_only() -> None:
    window = torch.rand(1, 1, 4, 4, 4)
    assert part_of(torch.neg, window).head is None
    assert torch.equal(part_of(torch.neg, window).voxels, -window)
    assert torch.equal(heatmaps_of(torch.neg, window).voxels, -window)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (5, 5, 5), (9, 9, 9)])
def test_what_is_no_number_is_seen(bad: float, place: tuple[int, int, int]) -> None:
    plan = WindowPlan.of((10, 10, 10), (6, 6, 6), 0.5)
    for spoilt in plan.corners:
        inside = tuple(v - c for v, c in zip(place, spoilt, strict=True))
        if not all(0 <= v < 6 for v in inside):
            continue

        def one_bad(
            corner: tuple[int, int, int],
            sides: tuple[int, int, int],
            spoilt: tuple[int, int, int] = spoilt,
            inside: tuple[int, ...] = inside,
        ) -> Tensor:
            features = noise(corner, sides)
            if corner == spoilt:
                features[:, :, inside[0], inside[1], inside[2]] = bad
            return features

        found, _ = both_ways(plan, one_bad)
        assert not bool(found[:, *place].isfinite().any())


def test_the_same_bytes_with_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    plan = WindowPlan.of((60, 40, 50), (48, 32, 32), 0.6)
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(both_ways(plan)[0])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_no_window_is_an_error() -> None:
    with pytest.raises(ValueError, match="no window"):
        WindowSum(DENSE, 2).heatmaps()

"""Mean, spread and maxima on the stored grid, against whole arrays computed a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.naive import along_axis, first_maxima
from tests.necks import ORDERS, affine_of, stored, turned

from carotid.errors import ModelError
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import Grid
from carotid.stages.heatmap import fold as ensemble
from carotid.stages.heatmap.fold import SideResult, mean_and_std

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (9, 6, 7)
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def frame_of(order: str, *, resample: bool, shape: tuple[int, int, int] = SHAPE) -> NetworkFrame:
    array, affine = stored(np.zeros(shape), affine_of(turned(9, -8, 7)), order)
    return NetworkFrame.of(Grid(array.shape, affine), resample=resample)


def expected_members(frame: NetworkFrame, side: Any, heats: list[NDArray[Any]]) -> NDArray[Any]:
    """(members, 2, x, y, z): un-mirrored, zeros beside the side, back at the raw spacing."""
    spacing = frame.reordering.grid(frame.grid).spacing_mm
    members = []
    for heat in heats:
        whole = np.zeros((2, *frame.shape))
        whole[..., side.start : side.stop] = heat[..., ::-1] if side.mirrored else heat
        if frame.shape != frame.raw_shape:
            for axis in range(3):
                positions = np.arange(frame.raw_shape[axis]) * spacing[axis] / 0.5
                whole = along_axis(whole, axis + 1, positions)
        members.append(whole[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))
    return np.stack(members)


def folded(
    frame: NetworkFrame, side: Any, heats: list[NDArray[Any]], device: str = "cpu"
) -> tuple[NDArray[Any], NDArray[Any], SideResult]:
    """Mean and std as (2, i, j, k), and the result with its maxima."""
    result = SideResult(frame, side, len(heats))
    for heat in heats:
        result.add(torch.from_numpy(heat.astype(np.float32)).to(device), "a member")
    slabs = list(result.slabs())
    for slab in slabs:
        assert slab.mean.flags.c_contiguous
        assert slab.std.flags.c_contiguous
        assert slab.mean.dtype == slab.std.dtype == np.float32
    mean = np.concatenate([slab.mean for slab in slabs]).transpose(3, 2, 1, 0)
    std = np.concatenate([slab.std for slab in slabs]).transpose(3, 2, 1, 0)
    return mean, std, result


def in_stored_order(canonical: NDArray[Any], order: str) -> NDArray[Any]:
    return np.stack([stored(channel, np.eye(4), order)[0] for channel in canonical])


@pytest.mark.parametrize("slab_bytes", [1, 2000, 1 << 20])
@pytest.mark.parametrize("order", ORDERS)
def test_every_stored_order(order: str, slab_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "_SLAB_BYTES", slab_bytes)
    check_a_stored_order(order, "cpu")


@on_a_gpu
@pytest.mark.parametrize("slab_bytes", [1, 2000, 1 << 20])
def test_every_stored_order_on_a_gpu(slab_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "_GPU_SLAB_BYTES", slab_bytes)
    for order in ORDERS:
        check_a_stored_order(order, "cuda")


def check_a_stored_order(order: str, device: str) -> None:
    frame = frame_of(order, resample=True)
    generator = np.random.default_rng(ORDERS.index(order))
    for side in frame.sides:
        heats = [generator.normal(size=(2, *frame.side_shape(side))) for _ in range(3)]
        members = expected_members(frame, side, [h.astype(np.float32) for h in heats])
        mean, std, result = folded(frame, side, heats, device)
        np.testing.assert_allclose(mean, in_stored_order(members.mean(0), order), atol=2e-6)
        np.testing.assert_allclose(std, in_stored_order(members.std(0, ddof=1), order), atol=2e-6)
        np.testing.assert_array_equal(result.maxima.indices, first_maxima(members))
        assert result.maxima.indices.dtype == np.int64
        np.testing.assert_allclose(result.maxima.values, members.max((2, 3)), atol=2e-6)


@pytest.mark.parametrize("lowest", [0, -3, -9], ids=["with zeros", "mixed", "mostly negative"])
@pytest.mark.parametrize("order", ["RAS", "LPS", "LIP", "ASR", "PIL", "SAL"])
def test_the_first_of_equal_maxima_counts(order: str, lowest: int) -> None:
    frame = frame_of(order, resample=False)
    generator = np.random.default_rng(lowest + 20)
    for side in frame.sides:
        shape = (2, *frame.side_shape(side))
        heats = [generator.integers(lowest, lowest + 3, shape).astype(float) for _ in range(4)]
        members = expected_members(frame, side, heats)
        _, _, result = folded(frame, side, heats)
        np.testing.assert_array_equal(result.maxima.indices, first_maxima(members))


@pytest.mark.parametrize("resample", [True, False])
def test_columns_of_zeros_win_over_negative_heatmaps(*, resample: bool) -> None:
    frame = frame_of("LPS", resample=resample)
    for side in frame.sides:
        heat = -1 - np.random.default_rng(4).random((2, *frame.side_shape(side)))
        members = expected_members(frame, side, [heat])
        _, _, result = folded(frame, side, [heat])
        assert members.max() == 0
        np.testing.assert_array_equal(result.maxima.indices, first_maxima(members))
        assert not result.maxima.values.any()


def test_negative_heatmaps_without_zero_columns() -> None:
    """A neck one voxel wide has a side that reaches everywhere."""
    frame = frame_of("RAS", resample=False, shape=(1, 4, 5))
    side = frame.sides[0]
    heat = -1 - np.random.default_rng(4).random((2, *frame.side_shape(side)))
    _, _, result = folded(frame, side, [heat])
    np.testing.assert_array_equal(
        result.maxima.indices, first_maxima(expected_members(frame, side, [heat]))
    )
    assert (result.maxima.values < 0).all()


def test_slab_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of("PIR", resample=True)
    side = frame.sides[1]
    heats = [np.random.default_rng(k).normal(size=(2, *frame.side_shape(side))) for k in range(3)]
    results = []
    for size in (1, 1500, 1 << 20):
        monkeypatch.setattr(ensemble, "_SLAB_BYTES", size)
        results.append(folded(frame, side, heats))
    for mean, std, result in results[1:]:
        np.testing.assert_allclose(mean, results[0][0], rtol=0, atol=1e-6)
        np.testing.assert_allclose(std, results[0][1], rtol=0, atol=1e-6)
        assert np.array_equal(result.maxima.indices, results[0][2].maxima.indices)


def test_one_member_has_no_spread() -> None:
    frame = frame_of("LPS", resample=True)
    side = frame.sides[0]
    heat = np.random.default_rng(0).normal(size=(2, *frame.side_shape(side)))
    mean, std, _ = folded(frame, side, [heat])
    assert np.abs(mean).max() > 0
    assert not std.any()


def test_mean_and_std_of_close_large_numbers() -> None:
    values = [torch.full((3,), 1e4 + k, dtype=torch.float32) for k in (0.0, 1.0, 2.0)]
    mean, std = mean_and_std(values)
    torch.testing.assert_close(mean, torch.full((3,), 10001.0))
    torch.testing.assert_close(std, torch.ones(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_networks_that_give_no_numbers_are_named(bad: float) -> None:
    frame = frame_of("RAS", resample=False)
    result = SideResult(frame, frame.sides[0], 1)
    heat = torch.zeros(2, *frame.side_shape(frame.sides[0]))
    heat[1, 2, 3, 1] = bad
    with pytest.raises(ModelError, match=r"unet_7\.pt.*NaN or infinity"):
        result.add(heat, "unet_7.pt")


@on_a_gpu
def test_networks_that_give_no_numbers_on_a_gpu_are_named_with_the_last_one() -> None:
    frame = frame_of("RAS", resample=False)
    result = SideResult(frame, frame.sides[0], 3)
    heats = torch.zeros((3, 2, *frame.side_shape(frame.sides[0])), device="cuda")
    heats[1, 1, 2, 3, 1] = np.nan
    for name, heat in zip(("a.pt", "b.pt"), heats[:2], strict=True):
        result.add(heat, name)
    with pytest.raises(ModelError, match=r"b\.pt.*NaN or infinity"):
        result.add(heats[2], "c.pt")


@pytest.mark.parametrize("order", ORDERS)
def test_slices_laid_out_on_a_device(order: str) -> None:
    """As a GPU does it, against what a CPU does."""
    frame = frame_of(order, resample=False)
    result = SideResult(frame, frame.sides[0], 1)
    shape = frame.raw_shape
    for start, columns in ((0, shape[2]), (2, shape[2] - 3)):
        heat = torch.rand(2, *shape[:2], columns)
        expected = result._stored(heat, shape, start)
        found = ensemble._laid_out(heat, shape, start, frame.reordering)
        assert found.is_contiguous()
        np.testing.assert_array_equal(found.numpy(), expected)


def test_what_is_kept_is_not_worked_on_in_place() -> None:
    frame = frame_of("RAS", resample=False)
    side = frame.sides[0]
    result = SideResult(frame, side, 2)
    heats = [torch.rand(2, *frame.side_shape(side)) for _ in range(2)]
    for heat in heats:
        result.add(heat, "a member")
    before = [result.coarse.slab(k, 0, SHAPE[2]).clone() for k in range(2)]
    slabs = result.slabs()
    next(iter(slabs))
    assert all(torch.equal(result.coarse.slab(k, 0, SHAPE[2]), before[k]) for k in range(2))

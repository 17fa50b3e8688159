"""Arrays in, arrays out: the same scan in every stored order, and nothing else touched."""

from __future__ import annotations

import itertools
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.naive import first_maxima, naive_heatmaps
from tests.necks import BLOBS_MM, ORDERS, SHAPE, affine_of, neck, stored, turned
from tests.networks import stand_in, uneven, weights

import carotid
from carotid.errors import InputError, ModelError, UsageError
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume
from carotid.network.windows.plan import WindowWorkers
from carotid.stages.heatmap.compute import compute_heatmaps, count_windows, predict_sides
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.predict import Predictor
from carotid.stages.heatmap.reading import prepare_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMETERS = HeatmapParameters(roi_size=(32, 32, 32), overlap=0.5)
MEMBERS = [stand_in(uneven(k)) for k in range(3)]
TILT = turned(11, -8, 16)


def canonical(array: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """(2, i, j, k) in stored order to (2, x, y, z)."""
    return np.stack([Volume(channel, grid).reoriented(CANONICAL).array for channel in array])


@pytest.mark.parametrize("spacing", [True, False])
@pytest.mark.parametrize("order", ["RAS", "LPS", "LSA", "PIR", "ILA", "SPL"])
def test_everything_equals_the_naive_way(order: str, *, spacing: bool) -> None:
    array, affine = stored(neck(), affine_of(TILT), order)
    parameters = HeatmapParameters(roi_size=(32, 16, 32), overlap=0.6, spacing=spacing)
    found = compute_heatmaps(array, affine, MEMBERS, parameters)
    expected = naive_heatmaps(
        array,
        affine,
        [uneven(k) for k in range(3)],
        roi=(32, 16, 32),
        overlap=0.6,
        resample=spacing,
    )
    for name in ("left", "right"):
        side = found.left if name == "left" else found.right
        naive = expected[name]
        peak = np.abs(naive.mean).max()
        assert np.abs(side.mean - naive.mean).max() < 1e-5 * peak
        assert np.abs(side.std - naive.std).max() < 1e-5 * peak
        np.testing.assert_array_equal(side.max_indices, first_maxima(naive.members))


@pytest.mark.parametrize(("deepest", "as_deep_as"), [(16, 16), (32, 32), (256, 32)])
def test_windows_are_as_deep_as_the_scan_where_that_is_allowed(
    deepest: int, as_deep_as: int
) -> None:
    """The neck is 38 voxels of 0.5 mm deep: 32 are the most that fit in steps of 16."""
    window = {depth: HeatmapParameters(roi_size=(32, depth, 32)) for depth in (16, as_deep_as)}
    asked = HeatmapParameters(roi_size=(32, 16, 32), max_roi_depth=deepest)
    scan = prepare_scan(
        Volume(neck(), Grid(SHAPE, affine_of())), percentiles=None, resample=asked.spacing
    )
    assert 32 <= scan.images[0].shape[1] < 48
    found, expected, shallow = (
        compute_heatmaps(neck(), affine_of(), MEMBERS[:1], parameters).left.mean
        for parameters in (asked, window[as_deep_as], window[16])
    )
    np.testing.assert_array_equal(found, expected)
    assert (as_deep_as == 16) == np.array_equal(found, shallow)


@pytest.mark.parametrize("tilt", [None, TILT], ids=["straight", "tilted"])
def test_every_stored_order_gives_the_same_heatmaps_in_space(
    tilt: NDArray[np.float64] | None,
) -> None:
    reference = compute_heatmaps(neck(), affine_of(), MEMBERS, PARAMETERS)
    for order in ORDERS:
        array, affine = stored(neck(), affine_of(tilt), order)
        found = compute_heatmaps(array, affine, MEMBERS, PARAMETERS)
        assert found.grid.agrees_with(Grid(array.shape, affine))
        for name in ("left", "right"):
            mine = found.left if name == "left" else found.right
            base = reference.left if name == "left" else reference.right
            peak = np.abs(base.mean).max()
            for a, b in ((mine.mean, base.mean), (mine.std, base.std)):
                assert np.abs(canonical(a, found.grid) - b).max() <= 1e-4 * peak, order
            assert np.array_equal(mine.max_indices, base.max_indices), order


@pytest.mark.parametrize("order", ORDERS)
def test_left_is_left(order: str) -> None:
    array, affine = stored(neck(), affine_of(TILT), order)
    bright = stand_in(lambda x: torch.cat([x, -x], dim=1))
    found = compute_heatmaps(array, affine, [bright], PARAMETERS)
    grid = found.grid.reoriented(CANONICAL)
    for name, (x, y, z, _, _) in zip(("left", "right"), BLOBS_MM[:2], strict=True):
        side = found.left if name == "left" else found.right
        blob = TILT @ [x, y, z]
        k = int(np.round(grid.index_from_world(blob)[2]))
        place = grid.world_from_index(np.array([*side.max_indices[0, 0, k], k]))
        assert np.linalg.norm(place - blob) < 1.5, (order, name)
        i, j, l = (int(n) for n in np.round(found.grid.index_from_world(blob)))  # noqa: E741
        assert side.mean[0, i, j, l] > 0.9 * side.mean[0].max()


def test_one_member_has_no_spread() -> None:
    found = compute_heatmaps(neck(), affine_of(), MEMBERS[:1], PARAMETERS)
    assert not found.left.std.any()
    assert found.left.max_indices.shape == (1, 2, SHAPE[2], 2)


def test_percentiles_rescale_before_anything_else() -> None:
    brighter = neck().astype(np.float64) * 7 + 300
    a = compute_heatmaps(neck(), affine_of(), MEMBERS, PARAMETERS, percentiles=(5, 95))
    b = compute_heatmaps(brighter, affine_of(), MEMBERS, PARAMETERS, percentiles=(5, 95))
    np.testing.assert_allclose(a.right.mean, b.right.mean, atol=1e-4)
    plain = compute_heatmaps(neck(), affine_of(), MEMBERS, PARAMETERS)
    assert np.abs(plain.right.mean - a.right.mean).max() > 1


def test_windows_are_counted() -> None:
    calls: list[int] = []
    compute_heatmaps(neck(), affine_of(), MEMBERS, PARAMETERS, on_window=lambda: calls.append(1))
    assert len(calls) % (2 * 3) == 0
    assert len(calls) >= 6


def test_arrays_in_arrays_out_and_nothing_else(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    torch.save(weights(0), folder / "a.pt")
    torch.save(weights(1), folder / "b.pt")

    def state() -> Any:
        logger = logging.getLogger("carotid")
        return (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(),
            torch.random.get_rng_state().numpy().tobytes(),
            str(np.random.get_state()),  # noqa: NPY002 - the global state is the point
            list(logging.getLogger().handlers),
            list(logger.handlers),
            logger.level,
            logger.propagate,
            sorted(str(p) for p in tmp_path.rglob("*")),
        )

    array = neck()
    array.setflags(write=False)
    before = state()
    members = carotid.load_members(folder)
    found = carotid.compute_heatmaps(
        array, affine_of(), members, carotid.HeatmapParameters(roi_size=(32, 32, 32))
    )
    assert state() == before
    assert capfd.readouterr() == ("", "")
    assert found.left.mean.shape == (2, *SHAPE)
    assert not torch.from_numpy(found.left.mean).requires_grad


def test_members_disagree_about_something() -> None:
    found = compute_heatmaps(neck(), affine_of(), MEMBERS, PARAMETERS)
    assert found.left.std.max() > 0.01 * np.abs(found.left.mean).max()
    assert not np.array_equal(found.left.mean, found.right.mean)


def test_what_cannot_be_computed() -> None:
    with pytest.raises(ModelError, match="at least one"):
        compute_heatmaps(neck(), affine_of(), [], PARAMETERS)
    with pytest.raises(InputError, match="size"):
        compute_heatmaps(neck()[0], affine_of(), MEMBERS, PARAMETERS)
    with pytest.raises(InputError, match="real numbers"):
        compute_heatmaps(neck() > 0, affine_of(), MEMBERS, PARAMETERS)
    with pytest.raises(InputError, match="position"):
        compute_heatmaps(neck(), np.eye(3), MEMBERS, PARAMETERS)
    broken = stand_in(lambda x: torch.full((1, 2, *x.shape[2:]), torch.nan), "broken.pt")
    with pytest.raises(ModelError, match=r"broken\.pt.*NaN"):
        compute_heatmaps(neck(), affine_of(), [*MEMBERS, broken], PARAMETERS)


def test_the_right_side_is_begun_while_the_left_one_is_looked_at() -> None:
    grid = Grid(neck().shape, affine_of())
    scan = prepare_scan(Volume(neck(), grid), percentiles=None, resample=PARAMETERS.spacing)
    right, windows = threading.Event(), count_windows(scan.frame, 1, PARAMETERS) // 2
    begun = itertools.count(1)

    def network(window: torch.Tensor) -> torch.Tensor:
        if next(begun) > windows:
            right.set()
        return torch.cat([window, -window], dim=1)

    sides = predict_sides(
        scan, [stand_in(network)], PARAMETERS, predictor=Predictor(WindowWorkers(2, 1))
    )
    left = next(sides)
    assert right.wait(30), "nobody has asked for the right side yet"
    assert left.side.name == "left"
    assert [result.side.name for result in sides] == ["right"]


BAD_PERCENTILES: list[Any] = [
    (-1, 95),
    (5, 101),
    (5, float("nan")),
    (float("-inf"), 95),
    (5,),
    (5, 50, 95),
    (),
    95,
    ("5", "95"),
    "59",
    (95, 5),
    (5, 5),
    (5, None),
    (5, True),
    (5 + 0j, 95),
    {5: "five", 95: "ninety-five", 96: ""},
    np.array([[5, 95]]),
]


@pytest.mark.parametrize("percentiles", BAD_PERCENTILES, ids=str)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_percentiles_that_are_none_are_named(percentiles: Any, dtype: type[np.generic]) -> None:
    with pytest.raises(UsageError, match="percentiles must be two numbers from 0 to 100"):
        compute_heatmaps(
            (neck() * 100).astype(dtype), affine_of(), MEMBERS, PARAMETERS, percentiles=percentiles
        )


def test_percentiles_of_any_kind_of_number() -> None:
    array = (neck() * 100).astype(np.int16)
    expected = compute_heatmaps(array, affine_of(), MEMBERS, PARAMETERS, percentiles=(5, 95))
    kinds: list[Any] = [[5.0, 95.0], np.array([5, 95]), (np.float32(5), np.int8(95)), iter((5, 95))]
    for percentiles in kinds:
        found = compute_heatmaps(array, affine_of(), MEMBERS, PARAMETERS, percentiles=percentiles)
        np.testing.assert_array_equal(found.left.mean, expected.left.mean)


def test_masked_voxels_are_not_taken_for_tissue() -> None:
    array = (neck() * 100).astype(np.int16)
    hidden: Any = np.ma.masked_greater(array, 60)
    with pytest.raises(InputError, match=r"voxels masked.*filled"):
        compute_heatmaps(hidden, affine_of(), MEMBERS, PARAMETERS)
    with pytest.raises(InputError, match="voxels masked"):
        Volume(hidden, Grid(array.shape, affine_of()))
    whole: Any = np.ma.masked_array(array)
    found = compute_heatmaps(whole, affine_of(), MEMBERS, PARAMETERS)
    expected = compute_heatmaps(array, affine_of(), MEMBERS, PARAMETERS)
    np.testing.assert_array_equal(found.left.mean, expected.left.mean)
    assert type(Volume(whole, found.grid).array) is np.ndarray


@pytest.mark.parametrize(
    ("array", "affine", "words"),
    [
        ([[[1, 2]], [[3]]], np.eye(4), "the voxels are no array"),
        (np.zeros((4, 5)), np.eye(4), "expected"),
        (np.zeros((4, 5, 6, 1)), np.eye(4), "expected"),
        (np.zeros((4, 5, 6), object), np.eye(4), "not real numbers"),
        (np.zeros((4, 5, 6), np.bool_), np.eye(4), "not real numbers"),
        (np.zeros((4, 5, 6)), None, "position in space"),
        (np.zeros((4, 5, 6)), "RAS", "the affine is no matrix of numbers"),
        (np.zeros((4, 5, 6)), np.eye(3), "position in space"),
        (np.zeros((4, 5, 6)), [[1, 0, 0], [0, 1]], "the affine is no matrix of numbers"),
        (np.zeros((4, 5, 6)), np.full((4, 4), np.nan), "position in space"),
    ],
)
def test_what_is_no_scan_is_one_documented_error(array: Any, affine: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        compute_heatmaps(array, affine, [])


@pytest.mark.parametrize("members", [Path("models"), "models", MEMBERS[0], None, [Path("a.pt")]])
def test_members_that_are_none(members: Any) -> None:
    with pytest.raises(UsageError, match=r"no list of networks.*load_members"):
        compute_heatmaps(neck(), affine_of(), members)


def test_parameters_that_are_none() -> None:
    wrong: Any = {"roi_size": (32, 32, 32)}
    with pytest.raises(UsageError, match=r"no parameters of heatmaps .found dict, expected Heat"):
        compute_heatmaps(neck(), affine_of(), MEMBERS, wrong)

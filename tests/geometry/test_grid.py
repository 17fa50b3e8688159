"""Grids: indices and millimetres, and the 48 ways to walk the same voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.necks import ORDERS, SHAPE, affine_of, neck, stored, turned

from carotid.errors import InputError, UsageError
from carotid.geometry.grid import Grid, Reordering
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

degrees = st.floats(-25, 25)
spacings = st.tuples(*[st.floats(0.01, 20)] * 3)
origins = st.tuples(*[st.floats(-500, 500)] * 3)
shapes = st.tuples(*[st.integers(1, 9)] * 3)


@st.composite
def grids(draw: Any) -> Grid:
    tilt = turned(draw(degrees), draw(degrees), draw(degrees))
    affine = np.eye(4)
    affine[:3, :3] = tilt * np.array(draw(spacings))
    affine[:3, 3] = draw(origins)
    shape = draw(shapes)
    _, affine = stored(np.zeros(shape, np.uint8), affine, draw(st.sampled_from(ORDERS)))
    return Grid(draw(st.permutations(shape)), affine)


@given(grid=grids(), index=st.tuples(*[st.floats(-20, 20)] * 3))
def test_world_and_index_undo_each_other(grid: Grid, index: tuple[float, float, float]) -> None:
    world = grid.world_from_index(np.array(index))
    np.testing.assert_allclose(grid.index_from_world(world), np.array(index), atol=1e-6)
    np.testing.assert_allclose(world, nibabel.affines.apply_affine(grid.affine, index), atol=1e-9)


@given(grid=grids(), order=st.sampled_from(ORDERS))
def test_reordering_there_and_back(grid: Grid, order: str) -> None:
    array = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    volume = Volume(array, grid)
    moved = volume.reoriented(order)
    assert moved.orientation == order == "".join(nibabel.aff2axcodes(moved.grid.affine))
    assert moved.array.base is not None
    again = moved.reoriented(volume.orientation)
    assert np.array_equal(again.array, array)
    assert again.grid.agrees_with(grid)
    way = Reordering.between(grid, order)
    assert np.array_equal(way.inverse.view(way.view(array)), array)
    assert way.inverse.grid(way.grid(grid)).agrees_with(grid)


@given(grid=grids(), order=st.sampled_from(ORDERS))
def test_a_voxel_stays_where_it_is_when_reordered(grid: Grid, order: str) -> None:
    array = np.arange(np.prod(grid.shape)).reshape(grid.shape)
    moved = Volume(array, grid).reoriented(order)
    for value in (0, array.size // 2, array.size - 1):
        here = grid.world_from_index(np.argwhere(array == value)[0])
        there = moved.grid.world_from_index(np.argwhere(moved.array == value)[0])
        np.testing.assert_allclose(here, there, atol=1e-7)


@given(grid=grids(), index=st.tuples(*[st.integers(0, 8)] * 3))
def test_lps_is_ras_with_two_signs_turned(grid: Grid, index: tuple[int, int, int]) -> None:
    lps = grid.affine_lps @ [*index, 1]
    ras = grid.world_from_index(np.array(index))
    np.testing.assert_allclose(lps[:3], [-ras[0], -ras[1], ras[2]], atol=1e-9)
    assert Grid.from_lps(grid.shape, grid.affine_lps).agrees_with(grid)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tilt", [None, turned(12, -9, 17)], ids=["straight", "oblique"])
def test_every_stored_order_is_recognised(order: str, tilt: NDArray[np.float64] | None) -> None:
    array, affine = stored(neck(), affine_of(tilt), order)
    volume = Volume(array, Grid(array.shape, affine))
    assert volume.orientation == order
    back = volume.reoriented("RAS")
    assert np.array_equal(back.array, neck())
    assert back.grid.agrees_with(Grid(SHAPE, affine_of(tilt)))


def test_channels_and_trailing_axes_stay() -> None:
    grid = Grid((2, 3, 4), np.diag([1.0, 1, 1, 1]))
    array = np.arange(5 * 24 * 6).reshape(5, 2, 3, 4, 6)
    view = Reordering.between(grid, "SPL").view(array, first_axis=1)
    assert view.shape == (5, 4, 3, 2, 6)
    assert np.array_equal(view, array.transpose(0, 3, 2, 1, 4)[:, :, ::-1, ::-1])


def test_strongly_tilted_grid_names_each_patient_axis_once() -> None:
    affine = np.eye(4)
    affine[:3, :3] = turned(50, 40, 60)
    letters = Grid((2, 2, 2), affine).orientation
    assert {frozenset(pair) & set(letters) != set() for pair in ("RL", "AP", "SI")} == {True}


def test_crop_keeps_voxels_in_place() -> None:
    volume = Volume(neck(), Grid(SHAPE, affine_of(turned(5, 6, 7))))
    part = volume.cropped((3, 2, 1), (9, 10, 11))
    assert np.array_equal(part.array, neck()[3:9, 2:10, 1:11])
    np.testing.assert_allclose(
        part.grid.world_from_index(np.array([1, 1, 1])),
        volume.grid.world_from_index(np.array([4, 3, 2])),
    )


def test_agreement_is_tolerant_but_not_blind() -> None:
    grid = Grid(SHAPE, affine_of())
    near, far = affine_of(), affine_of()
    near[0, 3] += 1e-5
    far[0, 3] += 0.01
    assert grid.agrees_with(Grid(SHAPE, near))
    assert not grid.agrees_with(Grid(SHAPE, far))
    assert not grid.agrees_with(Grid((SHAPE[0], SHAPE[1], SHAPE[2] + 1), affine_of()))
    turned_a_little = Grid(SHAPE, affine_of(turned(0, 0, 0.1)))
    assert not grid.agrees_with(turned_a_little)


SHEARED = np.eye(4)
SHEARED[0, 1] = 0.01


@pytest.mark.parametrize(
    ("shape", "affine", "words"),
    [
        ((0, 2, 2), np.eye(4), "size"),
        ((2, 2), np.eye(4), "size"),
        ((2, 2, 70_000), np.eye(4), "size"),
        ((2, 2, 2), np.eye(3), "position"),
        ((2, 2, 2), np.full((4, 4), np.nan), "position"),
        ((2, 2, 2), np.diag([1.0, 1, 1, 2]), "last row"),
        ((2, 2, 2), np.diag([1.0, 0, 1, 1]), "spacing"),
        ((2, 2, 2), np.diag([1.0, 5000, 1, 1]), "spacing"),
        ((2, 2, 2), SHEARED, "right angles"),
    ],
)
def test_what_is_no_grid_is_refused(shape: Any, affine: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Grid(shape, affine)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 3)), np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), complex)]
)
def test_what_is_no_volume_is_refused(array: NDArray[Any]) -> None:
    with pytest.raises(InputError, match="voxels"):
        Volume(array, Grid((2, 2, 2), np.eye(4)))


@pytest.mark.parametrize("orientation", ["XYZ", "RLS", "RRA", "ras", "RA", "RASA", "", None, 3])
def test_what_is_no_orientation(orientation: Any) -> None:
    grid = Grid((2, 3, 4), np.eye(4))
    for reoriented in (grid.reoriented, Volume(np.zeros((2, 3, 4)), grid).reoriented):
        with pytest.raises(UsageError, match=r"orientation is not usable.*such as RAS"):
            reoriented(orientation)


@pytest.mark.parametrize("shape", [(3, 3, 1.5), (3, 3), (3, 3, 0), ("3", 3, 3), (3, None, 3), 5])
def test_what_is_no_shape(shape: Any) -> None:
    with pytest.raises(InputError, match=r"size is not usable.*three whole numbers"):
        Grid(shape, np.eye(4))


def test_whole_numbers_of_any_type_are_a_shape() -> None:
    assert Grid((np.int64(3), 4.0, np.uint8(5)), np.eye(4)).shape == (3, 4, 5)  # type: ignore[arg-type]


def test_what_is_no_affine() -> None:
    with pytest.raises(InputError, match="no matrix of numbers"):
        Grid((3, 3, 3), [["a"]])  # type: ignore[arg-type]

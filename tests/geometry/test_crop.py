"""A box in millimetres becomes the same voxels of every scan, however it is stored."""

from __future__ import annotations

import itertools
from math import inf

import numpy as np
import pytest
from tests.necks import ORDERS, SHAPE, affine_of, neck, stored, turned

from carotid.errors import InputError
from carotid.geometry.crop import Crop
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import Grid

BOX = Crop.parse("R -8.3 5.1 A -4.2 6.05 S -7 3.3")


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("A -20 40", ((-inf, inf), (-20, 40), (-inf, inf))),
        ("s -80.5 60 r -3 4e1", ((-3, 40), (-inf, inf), (-80.5, 60))),
        ("L -10 30 P 5 9 I -2 1", ((-30, 10), (-9, -5), (-1, 2))),
    ],
)
def test_boxes_are_read_and_written(
    text: str, limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
) -> None:
    found = Crop.parse(text)
    assert found.limits_mm == limits
    assert Crop.parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    ["", "A", "A 1", "A 1 2 3", "X 1 2", "A 1 2 A 3 4", "A 1 2 P 3 4", "A 2 1", "A 1 1",
     "A nan 4", "A -inf 4", "A 1 two", "1 2 A"],
)  # fmt: skip
def test_what_is_no_box(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Crop.parse(text)


def inside(grid: Grid, crop: Crop) -> np.typing.NDArray[np.int64]:
    """(n, 3) indices of the voxels whose center lies in a box, one by one."""
    index = np.array(list(itertools.product(*map(range, grid.shape))))
    world = grid.world_from_index(index)
    low, high = np.array(crop.limits_mm).T
    return np.asarray(index[((world >= low) & (world <= high)).all(axis=1)])


@pytest.mark.parametrize("order", ORDERS)
def test_straight_scans_are_cut_to_the_voxel(order: str) -> None:
    array, affine = stored(neck(), affine_of(), order)
    grid = Grid(array.shape, affine)
    found = inside(grid, BOX)
    expected = tuple(zip(found.min(0), found.max(0) + 1, strict=True))
    assert BOX.voxels(grid) == expected
    sizes = [stop - start for start, stop in BOX.voxels(grid)]
    assert sorted(sizes) == [11, 15, 16], "axes must not be mistaken for each other"


@pytest.mark.parametrize("order", ["RAS", "LPS", "LSA", "PIR", "ILA"])
@pytest.mark.parametrize("crop", [BOX, Crop.parse("A -3 4")], ids=str)
def test_oblique_scans_keep_all_of_the_box_and_hardly_more(order: str, crop: Crop) -> None:
    array, affine = stored(neck(), affine_of(turned(11, -8, 16)), order)
    grid = Grid(array.shape, affine)
    found = inside(grid, crop)
    for (start, stop), low, high in zip(
        crop.voxels(grid), found.min(0), found.max(0) + 1, strict=True
    ):
        assert low - 2 < start <= low
        assert high <= stop < high + 2


def test_a_box_beside_the_scan_says_where_the_scan_is() -> None:
    with pytest.raises(InputError, match=r"misses the scan.*A 40 60.*R -14\.8 14\.8 A -9\.0 9\.0"):
        Crop.parse("A 40 60").voxels(Grid(SHAPE, affine_of()))


def test_a_box_between_two_slices() -> None:
    with pytest.raises(InputError, match="between two slices"):
        Crop.parse("S 0.1 0.2").voxels(Grid(SHAPE, affine_of()))


@pytest.mark.parametrize("resample", [True, False])
def test_a_box_on_one_side_of_the_neck(*, resample: bool) -> None:
    grid = Grid(SHAPE, affine_of())
    with pytest.raises(InputError, match="nothing of the left side"):
        NetworkFrame.of(grid, resample=resample, crop=Crop.parse("R 6 14"))
    frame = NetworkFrame.of(grid, resample=resample, crop=Crop.parse("R 2 14"))
    assert [side.name for side in frame.sides] == ["left", "right"]
    assert 0 < frame.sides[0].width < frame.sides[1].width


@pytest.mark.parametrize("resample", [True, False])
def test_a_box_around_all_changes_nothing(*, resample: bool) -> None:
    grid = Grid(SHAPE, affine_of())
    crop = Crop.parse("R -99 99 A -99 99 S -99 99")
    plain, cropped = (NetworkFrame.of(grid, resample=resample, crop=c) for c in (None, crop))
    assert (plain.seen, plain.kept, plain.sides) == (cropped.seen, cropped.kept, cropped.sides)

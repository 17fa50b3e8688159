"""Heatmaps on disk: what is written reads back, and what is incomplete is known to be."""

from __future__ import annotations

import itertools
import operator
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from tests.necks import affine_of, turned

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.storage.metaimage import write as metaimage_writer
from carotid.storage.results.heatmaps import (
    SideSlabs,
    load_heatmaps,
    write_side,
)
from carotid.storage.results.layout import HeatmapLayout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (5, 4, 3)
GRID = Grid(SHAPE, affine_of(turned(5, 10, -12)))
GENERATOR = np.random.default_rng(0)
ARRAYS = {
    (side, kind): GENERATOR.normal(size=(2, *SHAPE)).astype(np.float32)
    for side in ("left", "right")
    for kind in ("mean", "std")
}
INDICES = GENERATOR.integers(0, 4, (3, 2, 3, 2))


def slices(array: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(array[..., start:stop].transpose(3, 2, 1, 0))


@pytest.fixture
def folder(tmp_path: Path) -> HeatmapLayout:
    place = HeatmapLayout(tmp_path / "heatmap_transform")
    for side in ("left", "right"):
        mean, std = ARRAYS[side, "mean"], ARRAYS[side, "std"]
        slabs = [(slices(mean, a, b), slices(std, a, b)) for a, b in ((0, 2), (2, 3))]
        write_side(place, side, GRID, SideSlabs(iter(slabs), lambda: INDICES))
    return place


def test_more_threads_make_the_same_files(folder: HeatmapLayout, tmp_path: Path) -> None:
    many = HeatmapLayout(tmp_path / "many")
    mean, std = ARRAYS["left", "mean"], ARRAYS["left", "std"]
    slabs = [(slices(mean, 0, 3), slices(std, 0, 3))]
    write_side(many, "left", GRID, SideSlabs(iter(slabs), lambda: INDICES), threads=5)
    assert many.mean("left").read_bytes() == folder.mean("left").read_bytes()
    assert many.std("left").read_bytes() == folder.std("left").read_bytes()


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("failing", ["_deflated", "MetaImageWriter._put", "slabs"])
def test_an_error_on_the_way_is_told_and_no_thread_stays(
    failing: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = Grid((128, 128, 60), np.eye(4))

    def slabs() -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        for k in range(3):
            if failing == "slabs" and k == 1:
                raise OSError(28, "no room")
            yield np.zeros((20, 128, 128, 2), np.float32), np.ones((20, 128, 128, 2), np.float32)

    if failing != "slabs":
        plainly = operator.attrgetter(failing)(metaimage_writer)
        calls = itertools.count()

        def third(*arguments: Any) -> Any:
            if next(calls) == 3:
                raise OSError(28, "no room")
            return plainly(*arguments)

        monkeypatch.setattr(f"carotid.storage.metaimage.write.{failing}", third)
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="no room"):
        write_side(
            HeatmapLayout(tmp_path / "x"), "left", big, SideSlabs(slabs(), lambda: INDICES), threads
        )
    assert set(threading.enumerate()) == before


def test_heatmaps_read_back(folder: HeatmapLayout) -> None:
    found = load_heatmaps(folder.root)
    for side in ("left", "right"):
        heatmaps = found.left if side == "left" else found.right
        assert np.array_equal(heatmaps.mean, ARRAYS[side, "mean"])
        assert np.array_equal(heatmaps.std, ARRAYS[side, "std"])
        assert np.array_equal(heatmaps.max_indices, INDICES)
    assert found.grid.agrees_with(GRID)
    assert found.side("right") is found.right


def test_others_read_them_too(folder: HeatmapLayout) -> None:
    image = SimpleITK.ReadImage(str(folder.mean("left")))
    array = SimpleITK.GetArrayFromImage(image)
    assert np.array_equal(array.transpose(3, 2, 1, 0), ARRAYS["left", "mean"])
    world = image.TransformIndexToPhysicalPoint((4, 3, 2))
    np.testing.assert_allclose(
        world, GRID.world_from_index(np.array([4, 3, 2])) * [-1, -1, 1], atol=1e-6
    )
    assert np.load(folder.max_indices("left")).dtype == np.dtype("<i8")


def test_heatmaps_of_different_grids_are_refused(folder: HeatmapLayout, tmp_path: Path) -> None:
    other = HeatmapLayout(tmp_path / "other")
    grid = Grid(SHAPE, affine_of())
    slabs = [(slices(ARRAYS["left", "mean"], 0, 3), slices(ARRAYS["left", "std"], 0, 3))]
    write_side(other, "left", grid, SideSlabs(slabs, lambda: INDICES))
    folder.std("left").write_bytes(other.std("left").read_bytes())
    with pytest.raises(InputError, match="different grids"):
        load_heatmaps(folder.root)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00\xff\xff"])
def test_broken_maxima_are_refused(content: bytes, folder: HeatmapLayout) -> None:
    folder.max_indices("left").write_bytes(content)
    with pytest.raises(InputError, match="maxima"):
        load_heatmaps(folder.root)


def test_pickled_maxima_are_refused(folder: HeatmapLayout) -> None:
    np.save(folder.max_indices("left"), np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="maxima"):
        load_heatmaps(folder.root)

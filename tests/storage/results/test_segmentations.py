"""Masks in files: on the scan's stored grid, as others read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK
from tests.necks import turned
from tests.stages.segmentation.tubes import grid_of, tubes

from carotid.artifacts import Contours, SideMasks
from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.metaimage.write import MetaImageWriter
from carotid.storage.results import segmentations
from carotid.storage.results.segmentations import load_segmentation, save_segmentation

if TYPE_CHECKING:
    from pathlib import Path

MADE = fill_contours(tubes(grid_of("PIR", turned(5, 9, -4))), SegmentationParameters())


@pytest.mark.parametrize("slab_bytes", [1, 20_000, 8 << 20])
def test_masks_come_back_equal(
    slab_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmentations, "SLAB_BYTES", slab_bytes)
    save_segmentation(MADE, tmp_path)
    found = load_segmentation(tmp_path)
    assert found.grid.agrees_with(MADE.grid)
    for side in SIDE_NAMES:
        np.testing.assert_array_equal(found.masks(side), MADE.masks(side))


def test_slabs_of_any_size_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, slab_bytes in (("a", 1), ("b", 8 << 20)):
        monkeypatch.setattr(segmentations, "SLAB_BYTES", slab_bytes)
        (tmp_path / name).mkdir()
        save_segmentation(MADE, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_others_read_the_same(tmp_path: Path) -> None:
    save_segmentation(MADE, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["labels.mha", "left_segmentation.mha", "right_segmentation.mha"]
    for name, expected in (
        ("left_segmentation", MADE.masks("left")),
        ("right_segmentation", MADE.masks("right")),
        ("labels", MADE.labels()),
    ):
        image = SimpleITK.ReadImage(str(tmp_path / f"{name}.mha"))
        voxels = SimpleITK.GetArrayFromImage(image)
        voxels = voxels if voxels.ndim == 4 else voxels[..., None]
        assert voxels.dtype == np.uint8
        np.testing.assert_array_equal(voxels.transpose(3, 2, 1, 0), expected)
        place = image.TransformContinuousIndexToPhysicalPoint((3.0, 2.0, 1.0))
        wanted = MADE.grid.world_from_index(np.array([3.0, 2.0, 1.0])) * [-1, -1, 1]
        np.testing.assert_allclose(place, wanted, atol=1e-6)


def test_empty_masks_come_back(tmp_path: Path) -> None:
    grid = grid_of("RAS")
    empty = fill_contours(Contours((), (), grid, grid), SegmentationParameters())
    save_segmentation(empty, tmp_path)
    assert not load_segmentation(tmp_path).masks("left").any()


def test_masks_that_are_no_masks_are_refused(tmp_path: Path) -> None:
    grid = Grid((3, 3, 2), np.eye(4))
    for channels, dtype, value, message in (
        (2, np.uint8, 1, "no masks of one side"),
        (4, np.float32, 1, "no masks of one side"),
        (4, np.uint8, 2, "no masks"),
    ):
        for side in SIDE_NAMES:
            path = tmp_path / f"{side}_segmentation.mha"
            with MetaImageWriter(path, grid, channels, dtype) as writer:
                writer.write(np.full((2, 3, 3, channels), value, dtype))
        with pytest.raises(InputError, match=message):
            load_segmentation(tmp_path)


def test_masks_beyond_the_grid_cannot_be_made() -> None:
    with pytest.raises(Exception, match="masks has the wrong shape"):
        type(MADE)(MADE.left, SideMasks(np.zeros((4, 9, 9, 9), np.uint8), (55, 0, 0)), MADE.grid)

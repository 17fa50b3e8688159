"""Masks are equal to the voxel: of outlines, and of their hulls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.segmentation.fill import fill_contours
from carotid.stages.segmentation.parameters import SegmentationParameters
from carotid.storage.results.contours import load_contours

HERE = Path(__file__).parent / "segmentation"
COMPLETE = Path(__file__).parents[3] / "shared" / "golden" / "segmentation"
FOLDERS = {path.name: path for root in (COMPLETE, HERE) for path in sorted(root.glob("*/"))}


@pytest.mark.parametrize("hull", [False, True])
@pytest.mark.parametrize("case", sorted(FOLDERS))
def test_masks_are_equal_to_the_voxel(case: str, hull: bool) -> None:
    folder = FOLDERS[case] / "contours" / "sub-01" / "contour_transform"
    made = fill_contours(load_contours(folder), SegmentationParameters(hull=hull))
    expected = np.load(FOLDERS[case] / "expected.npz")
    for side in SIDE_NAMES:
        wanted = expected[f"{side}_{'hull' if hull else 'outline'}"]
        assert wanted.any()
        np.testing.assert_array_equal(made.masks(side), wanted)

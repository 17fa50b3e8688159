"""Of scans that are low from feet to head, networks see the end slices repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.necks import affine_of, neck, stored, turned
from tests.networks import stand_in

from carotid.geometry.crop import Crop
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.volume import Volume
from carotid.network.shipped import shipped_models
from carotid.stages.heatmap.compute import compute_heatmaps, count_windows
from carotid.stages.heatmap.forecast import foresee
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.prepare import prepare
from carotid.stages.heatmap.wishes import heatmap_settings

if TYPE_CHECKING:
    from torch import Tensor

ORDERS = {"axial": "RAS", "dicom": "LPS", "coronal": "LSA", "sagittal": "PIR", "upright": "ILA"}
TILTS = {"straight": None, "oblique": turned(11, -8, 16)}
HEIGHT = 48
LOW = HeatmapParameters(roi_size=(64, 16, 32), overlap=0.6, spacing=False)
EXTENDED = LOW.model_copy(update={"min_height": HEIGHT})


def looking_around(x: Tensor) -> Tensor:
    """A network whose answer depends on slices far above and below, and on the whole window."""
    around = torch.nn.functional.avg_pool3d(x, (9, 1, 1), stride=1, padding=(4, 0, 0))
    ramp = 1 + torch.arange(x.shape[2], dtype=x.dtype)[:, None, None] / 50
    return torch.cat([around - x.mean() + 200, x * ramp + 3], dim=1)


NETWORKS = [stand_in(looking_around), stand_in(lambda x: looking_around(2 * x))]


@pytest.mark.parametrize("tilt", TILTS)
@pytest.mark.parametrize("order", ORDERS)
def test_heatmaps_are_those_of_a_scan_with_repeated_ends(order: str, tilt: str) -> None:
    array, affine = stored(neck(), affine_of(TILTS[tilt]), "RAS")
    below, above = EXTENDED.ends(array.shape[2])
    assert below > 5, "the neck is low"
    taller = np.pad(array, ((0, 0), (0, 0), (below, above)), "edge")
    lower = affine.copy()
    lower[:3, 3] -= lower[:3, 2] * below
    expected = compute_heatmaps(taller, lower, NETWORKS, LOW)
    turned_scan = stored(neck(), affine_of(TILTS[tilt]), ORDERS[order])
    found = compute_heatmaps(*turned_scan, NETWORKS, EXTENDED)
    way = Reordering.between(found.grid, CANONICAL)
    part = slice(below, below + array.shape[2])
    for side in ("left", "right"):
        ours, theirs = found.side(side), expected.side(side)
        for name in ("mean", "std"):
            mine = np.asarray(way.view(getattr(ours, name), first_axis=1), np.float32)
            np.testing.assert_allclose(mine, getattr(theirs, name)[..., part], rtol=1e-5, atol=1e-3)
        np.testing.assert_array_equal(ours.max_indices, theirs.max_indices[:, :, part])
    plain = compute_heatmaps(array, affine, NETWORKS, LOW)
    assert np.abs(plain.left.mean - expected.left.mean[..., part]).max() > 1, "it matters"


@pytest.mark.parametrize("resample", [True, False])
def test_scans_that_are_high_enough_stay_as_they_are(*, resample: bool) -> None:
    array, affine = stored(neck(), affine_of(), "LSA")
    asked = LOW.model_copy(update={"spacing": resample})
    plain = compute_heatmaps(array, affine, NETWORKS, asked)
    low = asked.model_copy(update={"min_height": 12})
    found = compute_heatmaps(array, affine, NETWORKS, low)
    np.testing.assert_array_equal(found.left.mean, plain.left.mean)


def test_the_end_slices_of_a_crop_are_repeated() -> None:
    array, affine = stored(neck(), affine_of(), "RAS")
    crop = Crop.parse("S -6 3")
    low, high = crop.voxels(Grid(array.shape, affine))[2]
    alone = affine.copy()
    alone[:3, 3] += alone[:3, 2] * low
    expected = compute_heatmaps(array[..., low:high], alone, NETWORKS, EXTENDED)
    cropped = EXTENDED.model_copy(update={"crop": crop})
    found = compute_heatmaps(array, affine, NETWORKS, cropped)
    inside = found.left.mean[..., low:high]
    np.testing.assert_allclose(inside, expected.left.mean, rtol=1e-5, atol=1e-3)
    assert not found.left.mean[..., :low].any()


def test_what_is_repeated_counts_as_windows_and_memory() -> None:
    usual = HeatmapParameters(roi_size=(32, 16, 32))
    high = usual.model_copy(update={"min_height": 100})
    grid = Grid((90, 80, 20), np.diag([0.5, 0.5, 0.5, 1]))
    frame = prepare(Volume(np.zeros(grid.shape, "f4"), grid), None, resample=True).frame
    assert count_windows(frame, 3, high) > count_windows(frame, 3, usual)
    kept = [foresee(grid, np.dtype("f4"), 3, one).kept for one in (usual, high)]
    assert kept[1] > kept[0]


def test_the_packages_models_ask_for_it() -> None:
    asked = heatmap_settings(shipped_models("heatmap"))["heatmap"]
    assert HeatmapParameters.model_validate(asked).ends(43) == (38, 39)
    assert "min_height" not in HeatmapParameters().model_dump(mode="json")

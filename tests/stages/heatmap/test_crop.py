"""A crop hides a part of the scan from the networks and moves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.naive import first_maxima
from tests.necks import affine_of, neck, stored, turned
from tests.networks import stand_in

from carotid.geometry.crop import Crop
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.intensity import IntensityRange
from carotid.geometry.volume import Volume
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

BOX = Crop.parse("R -8.3 5.1 A -4.2 6.05 S -7 3.3")


def pointwise(factor: float) -> Callable[[Tensor], Tensor]:
    """A network that looks at each voxel for itself, and is nowhere zero.

    So what is hidden around a voxel cannot change it.
    """
    return lambda x: torch.cat([factor + x / 100, factor * x / 150], dim=1)


POINTWISE = [stand_in(pointwise(factor)) for factor in (1.0, 2.5)]
ORDERS = {"axial": "RAS", "dicom": "LPS", "coronal": "LSA", "sagittal": "PIR", "upright": "ILA"}
TILTS = {"straight": None, "oblique": turned(11, -8, 16)}


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("tilt", TILTS)
@pytest.mark.parametrize("order", ORDERS)
def test_heatmaps_are_those_of_the_whole_scan_inside_and_zero_outside(
    order: str, tilt: str, *, resample: bool
) -> None:
    array, affine = stored(neck(), affine_of(TILTS[tilt]), ORDERS[order])
    usual = HeatmapParameters(roi_size=(32, 16, 32), overlap=0.6, spacing=resample)
    whole = compute_heatmaps(array, affine, POINTWISE, usual)
    asked = usual.model_copy(update={"crop": BOX})
    cropped = compute_heatmaps(array, affine, POINTWISE, asked)
    members = [compute_heatmaps(array, affine, [one], asked) for one in POINTWISE]
    box = tuple(slice(*ends) for ends in BOX.voxels(whole.grid))
    way = Reordering.between(whole.grid, CANONICAL)
    for name in ("left", "right"):
        ours = cropped.left if name == "left" else cropped.right
        base = whole.left if name == "left" else whole.right
        for mine, theirs in ((ours.mean, base.mean), (ours.std, base.std)):
            peak = np.abs(theirs).max()
            expected = np.zeros_like(theirs)
            expected[(slice(None), *box)] = theirs[(slice(None), *box)]
            np.testing.assert_allclose(mine, expected, atol=5e-6 * peak)
            outside = np.ones(mine.shape[1:], np.bool_)
            outside[box] = False
            assert not mine[:, outside].any()
        sides = [one.left if name == "left" else one.right for one in members]
        canonical = np.stack([way.view(side.mean, first_axis=1) for side in sides])
        np.testing.assert_array_equal(ours.max_indices, first_maxima(canonical))


@pytest.mark.parametrize("order", ORDERS)
def test_networks_see_the_box_and_no_voxel_more(order: str) -> None:
    array, affine = stored(neck(), affine_of(), ORDERS[order])
    volume, scaled = Volume(array, Grid(array.shape, affine)), IntensityRange(30.0, 110.0)
    whole = prepare(volume, scaled, resample=True)
    part = prepare(volume, scaled, resample=True, crop=BOX)
    s, p, columns = part.frame.seen
    for full, seen in zip(whole.frame.sides, part.frame.sides, strict=True):
        expected = whole.side_image(full)
        if full.mirrored:
            expected = expected[..., ::-1]
        low, high = max(full.start, columns[0]), min(full.stop, columns[1])
        expected = expected[slice(*s), slice(*p), low - full.start : high - full.start]
        found = part.side_image(seen)
        np.testing.assert_array_equal(found[..., ::-1] if seen.mirrored else found, expected)
    around_mm = [(stop - start - 1) * 0.5 for start, stop in part.frame.seen]
    expected_mm = [(high - low) for low, high in (BOX.limits_mm[a] for a in (2, 1, 0))]
    assert all(0 <= e - a + 0.5 < 2 for a, e in zip(around_mm, expected_mm, strict=True))


def test_without_a_crop_the_record_is_as_it_was() -> None:
    assert "crop" not in HeatmapParameters().model_dump(mode="json")
    kept = HeatmapParameters.model_validate({"crop": "P -40 20"}).model_dump(mode="json")
    assert kept["crop"] == "A -20 40"
    assert HeatmapParameters.model_validate(kept).crop == Crop.parse("A -20 40")

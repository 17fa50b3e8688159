"""Scans of one side of the neck: it is searched over the whole width, and the other one not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.naive import first_maxima
from tests.necks import affine_of, neck, stored, turned
from tests.networks import stand_in

from carotid.errors import InputError
from carotid.geometry.crop import Crop
from carotid.geometry.frame import NetworkFrame
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.forecast import foresee
from carotid.stages.heatmap.parameters import HeatmapParameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from carotid.geometry.sides import SideName

ORDERS = {"axial": "RAS", "dicom": "LPS", "coronal": "LSA", "sagittal": "PIR", "upright": "ILA"}
TILTS = {"straight": None, "oblique": turned(11, -8, 16)}
USUAL = HeatmapParameters(roi_size=(32, 16, 32), overlap=0.6)


def leftwards(factor: float) -> Callable[[Tensor], Tensor]:
    """A network whose answer grows from the first column that it sees to the last one."""

    def answer(x: Tensor) -> Tensor:
        ramp = 1 + torch.linspace(0, 1, x.shape[-1]) * x.abs() / 100
        return torch.cat([factor * ramp, ramp + 2], dim=1)

    return answer


def pointwise(factor: float) -> Callable[[Tensor], Tensor]:
    """A network that looks at each voxel for itself, and is nowhere zero."""
    return lambda x: torch.cat([factor + x / 100, factor * x / 150], dim=1)


POINTWISE = [stand_in(pointwise(factor)) for factor in (1.0, 2.5)]


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("tilt", TILTS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_has_the_whole_width_and_the_other_one_nothing(
    side: SideName, order: str, tilt: str, *, resample: bool
) -> None:
    array, affine = stored(neck(), affine_of(TILTS[tilt]), ORDERS[order])
    asked = USUAL.model_copy(update={"spacing": resample})
    both = compute_heatmaps(array, affine, POINTWISE, asked)
    one = compute_heatmaps(array, affine, POINTWISE, asked.model_copy(update={"sides": side}))
    other: SideName = "right" if side == "left" else "left"
    seen, unseen = one.side(side), one.side(other)
    whole = np.maximum(both.left.mean, both.right.mean)  # each reaches over two thirds
    np.testing.assert_allclose(seen.mean, whole, atol=5e-6 * whole.max())
    np.testing.assert_allclose(
        seen.std, np.maximum(both.left.std, both.right.std), atol=5e-6 * whole.max()
    )
    assert not unseen.mean.any()
    assert not unseen.std.any()
    way = Reordering.between(one.grid, CANONICAL)
    members = [
        compute_heatmaps(array, affine, [m], asked.model_copy(update={"sides": side})).side(side)
        for m in POINTWISE
    ]
    canonical = np.stack([way.view(found.mean, first_axis=1) for found in members])
    np.testing.assert_array_equal(seen.max_indices, first_maxima(canonical))
    assert unseen.max_indices.shape == seen.max_indices.shape
    last = np.array(one.grid.reoriented(CANONICAL).shape[:2]) - 1
    assert (unseen.max_indices >= 0).all()
    assert (unseen.max_indices <= last).all()


@pytest.mark.parametrize("order", ["axial", "coronal"])
def test_a_right_side_is_seen_as_a_left_one(order: str) -> None:
    network = [stand_in(leftwards(1.5))]
    array, affine = stored(neck(), affine_of(), ORDERS[order])
    mirror = np.diag([-1.0, 1, 1, 1])
    asked = [USUAL.model_copy(update={"sides": s, "spacing": False}) for s in ("right", "left")]
    right = compute_heatmaps(array, affine, network, asked[0])
    as_left = compute_heatmaps(array, mirror @ affine, network, asked[1])
    np.testing.assert_array_equal(right.right.mean, as_left.left.mean)
    assert np.ptp(right.right.mean) > 0.1


def test_only_what_is_looked_at_costs_windows_and_memory() -> None:
    grid = Grid((90, 80, 200), np.diag([0.6, 0.6, 0.6, 1]))
    frames = {one: NetworkFrame.of(grid, resample=True, sides=one) for one in ("both", "left")}
    assert [side.name for side in frames["left"].seen_sides] == ["left"]
    assert frames["left"].sides[0].width == frames["both"].shape[2]
    one, both = (
        foresee(grid, np.dtype("f4"), 3, USUAL.model_copy(update={"sides": sides}))
        for sides in ("right", "both")
    )
    assert one.scan < both.scan


@pytest.mark.parametrize("side", ["left", "right"])
def test_with_a_crop(side: SideName) -> None:
    array, affine = stored(neck(), affine_of(), "RAS")
    crop = Crop.parse("R -14 -8")  # nothing of the usual two thirds of the right side
    with pytest.raises(InputError, match="nothing of the right side"):
        compute_heatmaps(array, affine, POINTWISE, USUAL.model_copy(update={"crop": crop}))
    asked = USUAL.model_copy(update={"crop": crop, "sides": side})
    found = compute_heatmaps(array, affine, POINTWISE, asked).side(side)
    inside = crop.voxels(Grid(array.shape, affine))[0]
    assert found.mean[:, slice(*inside)].all()
    assert not found.mean[:, inside[1] :].any()


def test_the_record_says_so_only_where_it_is_one() -> None:
    assert "sides" not in HeatmapParameters(sides="both").model_dump(mode="json")
    assert HeatmapParameters(sides="left").model_dump(mode="json")["sides"] == "left"

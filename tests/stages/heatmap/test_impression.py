"""What is said of a scan whose maxima are known: two straight vessels in a canonical neck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from carotid.evaluation.figures import DOUBTFUL
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume
from carotid.stages.heatmap.impression import impression
from carotid.stages.heatmap.reading import prepare_scan
from carotid.stages.heatmap.trace import Ridges, SideTraces, Trace

if TYPE_CHECKING:
    from carotid.geometry.sides import Side
    from carotid.stages.heatmap.prepare import PreparedScan

SHAPE, SPACING_MM = (110, 60, 40), (0.9, 0.6, 2.0)
PLACES_MM = {"left": (24.0, 15.0), "right": (75.0, 20.0)}
"""x and y from the first voxel: left is at low x, for x grows to the patient's right."""


def scan(
    order: str = "RAS", *, blood: float = 0.0, slice_mm: float = SPACING_MM[2]
) -> PreparedScan:
    """The scan as networks see it."""
    volume = scan_volume(blood, slice_mm).reoriented(order)
    return prepare_scan(volume, percentiles=None, resample=True)


def scan_volume(blood: float = 0.0, slice_mm: float = SPACING_MM[2]) -> Volume:
    """Grey tissue with a tube of blood on each side."""
    x, y = (np.arange(n) * mm for n, mm in zip(SHAPE[:2], SPACING_MM[:2], strict=True))
    plane = np.full(SHAPE[:2], 0.5, np.float32)
    for place in PLACES_MM.values():
        plane[np.hypot(x[:, None] - place[0], y[None, :] - place[1]) < 2.0] = blood
    array = np.repeat(plane[:, :, None], SHAPE[2], axis=2)
    grid = Grid(SHAPE, np.diag([-SPACING_MM[0], SPACING_MM[1], slice_mm, 1.0]))
    assert grid.reoriented(CANONICAL) is not None
    return Volume(array, grid)


def traces(prepared: PreparedScan, *, apart: int = 0) -> dict[Side, SideTraces]:
    """Two members whose maxima lie in the tubes; the second one's `apart` voxels further back."""
    found = {}
    for side in prepared.frame.sides:
        image = torch.from_numpy(prepared.side_image(side))
        blood = (image - 0.5).abs()
        smooth = torch.nn.functional.avg_pool2d(blood[:, None], 7, stride=1, padding=3)[:, 0]
        heat = 600 * torch.stack([smooth, smooth])
        other = torch.roll(heat, apart, 2)
        mean = Ridges.of((heat + other) / 2)
        found[side] = SideTraces([Trace.of(heat), Trace.of(other)], mean)
    return found


def test_a_trace_is_where_the_maximum_is() -> None:
    heatmaps = torch.zeros(2, 3, 5, 7)
    heatmaps[1, 2, 3, 4] = 9
    found = Trace.of(heatmaps)
    assert found.heights()[1].tolist() == [0, 0, 9]
    assert found.positions()[1, 2].tolist() == [3, 4]


@pytest.mark.parametrize("order", ["RAS", "LPS", "PIR", "SLA"])
def test_a_straight_neck_raises_no_doubt_in_any_order(order: str) -> None:
    prepared = scan(order)
    found = impression(prepared, traces(prepared), {})
    assert found.score == 0
    assert found.remarks == ()
    assert found.facts["width_mm"] == pytest.approx(99)
    assert found.facts["depth_mm"] == pytest.approx(36)
    assert found.facts["height_mm"] == pytest.approx(80)
    assert found.facts["blood_contrast"] == pytest.approx(0.5, abs=0.05)


def test_members_that_differ_are_doubtful() -> None:
    prepared = scan()
    found = impression(prepared, traces(prepared, apart=30), {})
    assert found.score >= DOUBTFUL
    (remark,) = found.remarks
    assert remark.startswith(f"doubtful: heatmaps score {found.score:.0f} of 100: ")
    assert found.parts[0].words in remark
    told = found.as_context()["score_parts"]
    assert sum(part["points"] for part in told) == pytest.approx(found.score, abs=2.0)


@pytest.mark.parametrize(("slice_mm", "jumps"), [(2.0, True), (8.0, False)])
def test_a_step_to_the_side_is_no_jump_between_thick_slices(
    slice_mm: float, *, jumps: bool
) -> None:
    """Of 7 mm: more than 2 + 3 mm and less than 8 + 3 mm."""
    prepared = scan(slice_mm=slice_mm)
    stepping = {}
    for side in prepared.frame.sides:
        blood = (torch.from_numpy(prepared.side_image(side)) - 0.5).abs()
        smooth = torch.nn.functional.avg_pool2d(blood[:, None], 7, stride=1, padding=3)[:, 0]
        half = len(smooth) // 2
        smooth[half:] = torch.roll(smooth[half:], 14, 1)
        heat = 600 * torch.stack([smooth, smooth])
        stepping[side] = SideTraces([Trace.of(heat)], Ridges.of(heat))
    assert (impression(prepared, stepping, {}).score > 0) == jumps


def test_bright_blood_and_a_deep_field_are_unlike_training() -> None:
    prepared = scan(blood=1.0)
    seen = {"depth_mm": (50.0, 200.0), "blood_contrast": (0.0, 1.0), "width_mm": (90.0, 100.0)}
    found = impression(prepared, traces(prepared), seen)
    assert [one.partition(" is ")[0] for one in found.unlike] == [
        "the field of view from front to back",
        "the contrast of blood (positive where it",
    ]
    assert all(one.startswith("unlike training: ") for one in found.remarks)
    assert found.as_context()["unlike_training"] == list(found.unlike)


@pytest.mark.parametrize(("shift", "told"), [(0.0, False), (-0.01, False), (-0.7, True)])
def test_dark_voxels_far_from_zero_are_unlike_training(shift: float, *, told: bool) -> None:
    """Heatmaps are the same with a constant added, contours are not."""
    ramp = np.linspace(0, 1, int(np.prod(SHAPE)), dtype=np.float32).reshape(SHAPE)
    grid = Grid(SHAPE, np.diag([-1.0, 1.0, 1.0, 1.0]))
    for words, constant in (("below zero", shift), ("is black", 0.1 - shift)):
        prepared = prepare_scan(Volume(ramp + constant, grid), percentiles=(5, 95), resample=True)
        found = impression(prepared, traces(prepared), {"width_mm": (90.0, 120.0)})
        assert [(words in one) for one in found.unlike] == [True] * told
        unknown = impression(prepared, traces(prepared), {})
        assert not unknown.unlike, "nothing is known of training"


@pytest.mark.parametrize(("bright", "told"), [(0.0, False), (0.2, False), (0.4, True)])
def test_a_side_whose_blood_is_much_less_dark_is_told(bright: float, *, told: bool) -> None:
    volume = scan_volume()
    array = volume.array.copy()
    right = array[:55]
    right[right == 0] = bright
    prepared = prepare_scan(Volume(array, volume.grid), percentiles=None, resample=True)
    found = impression(prepared, traces(scan()), {})
    words = "blood is 5 times less dark on the right than on the left: "
    assert [one.startswith(words) for one in found.unlike] == [True] * told


def test_ranges_are_those_of_such_scans() -> None:
    prepared = scan()
    height, width = SHAPE[2] * SPACING_MM[2], SHAPE[0] * SPACING_MM[0]
    seen = {"height_mm": (height * 4, height * 9), "width_mm": (width * 1.3, width * 1.5)}
    found = impression(prepared, traces(prepared), seen)
    assert len(found.unlike) == 2
    assert f"{height:g} mm, in training {4 * height:.3g} to" in found.unlike[0]
    repeated = impression(prepared, traces(prepared), seen, repeated=True)
    assert repeated.unlike == found.unlike[1:], "low scans whose end slices are repeated"
    too_low = {"height_mm": (height * 9, height * 10)}
    assert impression(prepared, traces(prepared), too_low, repeated=True).unlike


def test_nothing_found_is_said_too() -> None:
    prepared = scan()
    silent = {}
    for side in prepared.frame.sides:
        nothing = torch.zeros(2, *prepared.side_image(side).shape)
        silent[side] = SideTraces([Trace.of(nothing)], Ridges.of(nothing))
    found = impression(prepared, silent, {"blood_contrast": (0.0, 1.0)})
    assert found.score == 100
    assert "blood_contrast" not in found.as_context()["scan"]

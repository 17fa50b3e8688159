"""Stacks of slices through made-up tissue, with slices lost, doubled, empty and moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from carotid.evaluation.stack import stack_faults
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT = 48


def tissue(noise: float = 0.02) -> NDArray[np.float32]:
    """Tissue that changes slowly along z, with air around."""
    rng = np.random.default_rng(3)
    array = 100 + 900 * gaussian_filter(rng.normal(size=(60, 50, COUNT)), 3.0)
    array[:6] = array[-6:] = 0
    noisy = np.abs(array + 100 * rng.normal(0, noise, array.shape))
    return np.asarray(noisy, np.float32)


def faults(
    array: NDArray[np.float32],
    order: str = CANONICAL,
    kept: tuple[int, int] | None = None,
    spacing_mm: tuple[float, float] = (0.8, 0.8),
) -> tuple[str, ...]:
    grid = Grid((array.shape[0], array.shape[1], array.shape[2]), np.diag([*spacing_mm, 1.0, 1.0]))
    canonical = Volume(array, grid.reoriented(CANONICAL))
    return stack_faults(canonical.reoriented(order), kept)


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_slices_that_follow_each_other_are_sound(noise: float) -> None:
    assert faults(tissue(noise)) == ()


@pytest.mark.parametrize("order", ["RAS", "LPI", "SPL"])
@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8), (0.3, 1.6), (1.6, 0.3)])
def test_slices_that_are_missing_are_told(order: str, spacing_mm: tuple[float, float]) -> None:
    array = np.delete(tissue(), [20, 21, 22], axis=2)
    (told,) = faults(array, order, spacing_mm=spacing_mm)
    assert told.startswith("slices 19 and 20 differ ")
    assert told.endswith("slices are missing, or the patient moved")


def test_a_patient_who_moved_between_slices_is_told() -> None:
    array = tissue()
    array[:, :, 30:] = np.roll(array[:, :, 30:], 4, axis=1)
    (told,) = faults(array)
    assert told.startswith("slices 29 and 30 differ ")


def test_a_patient_who_lay_elsewhere_in_every_other_slice_is_told() -> None:
    array = tissue()
    array[:, :, 1::2] = np.roll(array[:, :, 1::2], 3, axis=1)
    (told,) = faults(array)
    assert told.startswith("slices are more like the next but one than like the next: ")


def test_slices_may_be_brighter_and_darker_by_turns() -> None:
    array = tissue()
    array[:, :, 1::2] *= 0.6
    assert faults(array) == ()
    array[:, :, 30:] *= 0.6
    assert faults(array) == ()


def test_where_a_bone_begins_is_no_step() -> None:
    array = tissue()
    array[20:35, 15:30, 25:] = 10
    assert faults(array) == ()


@pytest.mark.parametrize(
    ("at", "words"),
    [([20], "slice 20 is"), ([20, 21, 22, 23, 24], "slices 20, 21, 22 and 2 more are")],
)
def test_slices_that_are_stored_twice_are_told(at: list[int], words: str) -> None:
    array = tissue()
    array[:, :, at] = array[:, :, [19]]
    told, *_ = faults(array)
    assert told == f"{words} the same as the one below: stored twice, or filled in"


def test_empty_slices_are_told_within_a_scan_only() -> None:
    array = tissue()
    array[:, :, :4] = 0
    assert faults(array) == ()
    array[:, :, 30] = 7
    told, *_ = faults(array)
    assert told == "slice 30 is without a picture: parts of the scan are missing"


def test_what_hardly_changes_has_no_steps() -> None:
    array = 100 + 0.1 * tissue()
    assert faults(np.delete(array, [20, 21, 22], axis=2)) == ()


def test_slices_that_are_cropped_away_do_not_count() -> None:
    array = np.delete(tissue(), [9, 10, 11], axis=2)
    assert faults(array)
    assert faults(array, kept=(12, 44)) == ()
    (told,) = faults(array, kept=(4, 40))
    assert told.startswith("slices 8 and 9 differ ")


def test_what_is_the_same_throughout_is_no_neck() -> None:
    assert faults(np.repeat(tissue()[:, :, :1], COUNT, axis=2)) == ()


def test_nothing_is_said_of_scans_without_tissue() -> None:
    assert faults(np.zeros((8, 8, 9), np.float32)) == ()
    assert faults(-tissue()) == ()

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.neck import ORIENTATIONS, simulate_neck
from carotid.simulation.truth import slice_centers

from .darkness import darkness
from .recipes import CLEAN, SMALL, THICK, WHOLE

if TYPE_CHECKING:
    from carotid.simulation.recipe import NeckRecipe


def test_the_48_orientations() -> None:
    assert len(set(ORIENTATIONS)) == 48
    assert {"RAS", "LPS", "IPR"} <= set(ORIENTATIONS)


def test_the_same_seed_gives_the_same_neck() -> None:
    one, two = simulate_neck(3, SMALL), simulate_neck(3, SMALL)
    assert one.volume.array.tobytes() == two.volume.array.tobytes()
    np.testing.assert_array_equal(one.volume.grid.affine, two.volume.grid.affine)
    np.testing.assert_array_equal(slice_centers(one, "left"), slice_centers(two, "left"))


@pytest.mark.parametrize("recipe", [WHOLE, THICK])
def test_truth_lies_in_the_lumens_of_whole_sections(recipe: NeckRecipe) -> None:
    neck = simulate_neck(5, recipe, orientation="LAS")
    spacing = neck.volume.reoriented("RAS").grid.spacing_mm
    assert (spacing[2] > 3) == (recipe is THICK)
    shares = darkness(neck, least=5)
    assert len(shares) >= 2
    assert np.mean(shares) > 0.9


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LIP", "PSL"])
def test_truth_lies_in_the_lumens_of_the_stored_scan(orientation: str) -> None:
    neck = simulate_neck(11, CLEAN, orientation=orientation)
    assert neck.volume.orientation == orientation
    shares = darkness(neck)
    assert len(shares) >= 2
    assert min(shares) > 0.9


def test_the_stored_order_changes_nothing_in_space() -> None:
    one = simulate_neck(4, SMALL, orientation="RAS")
    two = simulate_neck(4, SMALL, orientation="LSA")
    back = two.volume.reoriented("RAS")
    np.testing.assert_array_equal(back.array, one.volume.array)
    assert back.grid.agrees_with(one.volume.grid)
    np.testing.assert_allclose(slice_centers(one, "right"), slice_centers(two, "right"), atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_left_is_left_in_the_world_and_in_canonical_indices(seed: int) -> None:
    neck = simulate_neck(seed, SMALL)
    left, right = (neck.sides[side].internal.points_mm for side in SIDE_NAMES)
    width_mm = neck.volume.reoriented("RAS").grid.direction[:, 0]
    assert (left @ width_mm).mean() < (right @ width_mm).mean() - 15
    low, high = slice_centers(neck, "left"), slice_centers(neck, "right")
    assert np.nanmean(low[:, 0, 0]) < np.nanmean(high[:, 0, 0])


def test_the_two_sides_of_a_neck_cannot_be_mistaken_for_each_other() -> None:
    neck = simulate_neck(8, CLEAN)
    array = neck.volume.reoriented("RAS").array.astype(float)
    assert np.corrcoef(array.ravel(), array[::-1].ravel())[0, 1] < 0.98
    left, right = (slice_centers(neck, side)[:, 0] for side in SIDE_NAMES)
    mirrored = right * [-1, 1] + [array.shape[0] - 1, 0]
    assert np.nanmedian(np.linalg.norm(left - mirrored, axis=1)) > 2


def test_the_common_carotid_is_internal_alone() -> None:
    for seed in range(3):
        neck = simulate_neck(seed, CLEAN)
        grid = neck.volume.grid.reoriented("RAS")
        for side in SIDE_NAMES:
            fork = grid.index_from_world(neck.sides[side].bifurcation_mm)[2]
            external = np.flatnonzero(np.isfinite(slice_centers(neck, side)[:, 1, 0]))
            assert external.size > 10
            assert fork - 1e-6 <= external[0] <= max(fork, 0) + 1

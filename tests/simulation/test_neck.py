from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation import second
from carotid.simulation.neck import ORIENTATIONS, simulate_neck
from carotid.simulation.second import simulate_second
from carotid.simulation.truth import SimulatedNeck, slice_centers

from .recipes import CLEAN, SMALL


def test_the_48_orientations() -> None:
    assert len(set(ORIENTATIONS)) == 48
    assert {"RAS", "LPS", "IPR"} <= set(ORIENTATIONS)


def test_the_same_seed_gives_the_same_neck() -> None:
    one, two = simulate_neck(3, SMALL), simulate_neck(3, SMALL)
    assert one.volume.array.tobytes() == two.volume.array.tobytes()
    np.testing.assert_array_equal(one.volume.grid.affine, two.volume.grid.affine)
    np.testing.assert_array_equal(slice_centers(one, "left"), slice_centers(two, "left"))


def _darkness(neck: SimulatedNeck) -> list[float]:
    """Per side and label, the share of slices whose center is darker than what is 3 mm away."""
    volume = neck.volume.reoriented("RAS")
    spacing = volume.grid.spacing_mm
    shares = []
    for side in SIDE_NAMES:
        for label in (0, 1):
            centers = slice_centers(neck, side)[:, label]
            good = []
            for z in np.flatnonzero(np.isfinite(centers).all(axis=1)):
                x, y = np.rint(centers[z]).astype(int)
                dx, dy = (int(np.ceil(6 / s)) for s in spacing[:2])
                part = volume.array[max(x - dx, 0) : x + dx, max(y - dy, 0) : y + dy, z]
                good.append(volume.array[x, y, z] < np.median(part.astype(float)))
            if len(good) > 10:
                shares.append(float(np.mean(good)))
    return shares


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LIP", "PSL"])
def test_truth_lies_in_the_lumens_of_the_stored_scan(orientation: str) -> None:
    neck = simulate_neck(11, CLEAN, orientation=orientation)
    assert neck.volume.orientation == orientation
    shares = _darkness(neck)
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


@pytest.mark.parametrize("hard", [False, True])
def test_the_second_simulators_truth_lies_in_its_lumens(hard: bool) -> None:
    neck = simulate_second(2, hard=hard)
    assert np.allclose(neck.volume.grid.spacing_mm, 0.6)
    shares = _darkness(neck)
    assert len(shares) == 4
    assert np.mean(shares) > (0.7 if hard else 0.95)
    left, right = (slice_centers(neck, side)[:, 0, 0] for side in SIDE_NAMES)
    assert np.nanmax(left) < np.nanmin(right)


def test_the_second_simulator_is_deterministic() -> None:
    one, two = (simulate_second(4, hard=True) for _ in range(2))
    assert one.volume.array.tobytes() == two.volume.array.tobytes()
    assert not np.array_equal(
        one.sides["left"].internal.points_mm, one.sides["right"].internal.points_mm
    )


def test_the_second_simulator_shares_nothing_with_the_first() -> None:
    text = Path(second.__file__).read_text(encoding="utf-8")
    imported = [line for line in text.splitlines() if line.startswith("from carotid.simulation")]
    assert imported == ["from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide"]

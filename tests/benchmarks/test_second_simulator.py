from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.second_faults import faulty_side
from benchmarks.second_simulator import simulate_second
from benchmarks.second_whole import simulate_second_whole
from tests.simulation.darkness import darkness

if TYPE_CHECKING:
    from types import ModuleType

    from carotid.simulation.truth import SimulatedNeck

from benchmarks import (
    second_arteries,
    second_faults,
    second_simulator,
    second_tissue,
    second_whole,
)
from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.contours import true_contours
from carotid.simulation.truth import slice_centers


@pytest.mark.parametrize("hard", [False, True])
def test_truth_lies_in_the_lumens(hard: bool) -> None:
    neck = simulate_second(2, hard=hard)
    assert np.allclose(neck.volume.grid.spacing_mm, 0.6)
    shares = darkness(neck)
    assert len(shares) == 4
    assert np.mean(shares) > (0.7 if hard else 0.95)
    left, right = (slice_centers(neck, side)[:, 0, 0] for side in SIDE_NAMES)
    assert np.nanmax(left) < np.nanmin(right)


def test_the_same_seed_gives_the_same_neck() -> None:
    one, two = (simulate_second(4, hard=True) for _ in range(2))
    assert one.volume.array.tobytes() == two.volume.array.tobytes()
    assert not np.array_equal(
        one.sides["left"].internal.points_mm, one.sides["right"].internal.points_mm
    )


def test_an_occluded_artery_is_filled_from_the_bulb_on() -> None:
    neck = simulate_second(2000, fault="occluded")
    name, _ = faulty_side("occluded", 2000)
    sides = dict(neck.sides)
    truth, healthy = sides.pop(name), sides.popitem()[1]
    start = truth.made["occluded_from_mm"]
    assert isinstance(start, float)
    assert truth.bifurcation_mm[2] < start < truth.bifurcation_mm[2] + 12
    assert "occluded_from_mm" not in healthy.made
    assert np.array_equal(truth.internal.radius_mm == 0, truth.internal.points_mm[:, 2] >= start)
    contours = true_contours(neck)
    heights = [
        contours.canonical.world_from_index(np.array([0.0, 0.0, one.z]))[2]
        for one in contours.side(name)
        if one.label == "internal"
    ]
    assert start - 1 < max(heights) < start
    volume = neck.volume.reoriented("RAS")
    points = truth.internal.points_mm[::7]
    index = np.rint(volume.grid.index_from_world(points)).astype(int)
    inside = ((index >= 0) & (index < volume.grid.shape)).all(axis=1)
    bright = volume.array[tuple(index[inside].T)]
    filled = points[inside, 2] > start + 1
    assert np.median(bright[filled]) > 3 * np.median(bright[~filled])


def test_a_kinked_artery_runs_across_between_two_bends() -> None:
    neck = simulate_second(2001, fault="kinked")
    name, _ = faulty_side("kinked", 2001)
    truth = neck.sides[name]
    low, high, across = (truth.made[f"kink_{k}_mm"] for k in ("from", "to", "across"))
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert isinstance(across, float)
    points = truth.internal.points_mm
    part = points[(points[:, 2] >= low) & (points[:, 2] <= high)]
    assert high - low < 4
    assert np.linalg.norm(part[-1, :2] - part[0, :2]) == pytest.approx(across, abs=1)
    assert (np.diff(points[:, 2]) > 0).all()
    assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() < 0.7
    assert np.mean(darkness(neck)) > 0.95
    size = neck.volume.grid.reoriented("RAS").shape[1] * 0.6
    assert points[:, 1].min() > 4 - size / 2


def test_the_rest_of_a_neck_is_as_it_would_be_without_a_fault() -> None:
    plain, faulty = (simulate_second(2002, fault=fault).volume for fault in (None, "occluded"))
    other = np.mean(plain.array != faulty.array)
    assert 0 < other < 0.02


@pytest.mark.parametrize(
    "module", [second_simulator, second_arteries, second_faults, second_tissue, second_whole]
)
def test_nothing_is_shared_with_the_first_simulator(module: ModuleType) -> None:
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    imported = [line for line in text.splitlines() if line.startswith("from carotid.simulation")]
    assert all(line.startswith("from carotid.simulation.truth import") for line in imported)


@pytest.fixture(scope="module", params=[5, 4], ids=["thin", "thick"])
def whole(request: pytest.FixtureRequest) -> SimulatedNeck:
    return simulate_second_whole(request.param)


def test_truth_lies_in_the_lumens_of_whole_sections(whole: SimulatedNeck) -> None:
    slices = whole.volume.reoriented("RAS").array.shape[2]
    assert whole.visible.size == slices
    shares = darkness(whole, least=4)
    assert len(shares) >= 2
    assert np.mean(shares) > 0.9
    left, right = (slice_centers(whole, side)[:, 0, 0] for side in SIDE_NAMES)
    assert np.nanmax(left) < np.nanmin(right)


def test_whole_sections_reach_beyond_the_skin(whole: SimulatedNeck) -> None:
    array = whole.volume.reoriented("RAS").array.astype(float)
    edge = np.median(array[[0, -1]])
    assert edge < 0.3 * np.percentile(array, 90)

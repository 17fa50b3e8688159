from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.second_simulator import simulate_second
from benchmarks.second_whole import simulate_second_whole
from tests.simulation.darkness import darkness

if TYPE_CHECKING:
    from types import ModuleType

    from carotid.simulation.truth import SimulatedNeck

from benchmarks import second_arteries, second_simulator, second_tissue, second_whole
from carotid.geometry.sides import SIDE_NAMES
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


@pytest.mark.parametrize("module", [second_simulator, second_arteries, second_tissue, second_whole])
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

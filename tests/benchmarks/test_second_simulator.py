from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.second_simulator import simulate_second
from tests.simulation.darkness import darkness

from benchmarks import second_simulator
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


def test_nothing_is_shared_with_the_first_simulator() -> None:
    text = Path(second_simulator.__file__).read_text(encoding="utf-8")
    imported = [line for line in text.splitlines() if line.startswith("from carotid.simulation")]
    assert imported == ["from carotid.simulation.truth import SimulatedNeck, TrueArtery, TrueSide"]

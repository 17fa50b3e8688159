"""The limit that tells bad necks from good ones, and scans that are spoilt without their truth."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.doubt import CASES, NAMES, OTHER_CASES, WINDOWS, limit, spoilt

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.simulation.truth import SimulatedNeck


def test_the_limit_lies_in_the_middle_of_the_gap() -> None:
    scores = np.array([60.0, 44.0, 90.0, 20.0, 0.0, 10.0, 70.0])
    right = np.array([0.5, 0.7, 0.79, 0.96, 1.0, 0.99, 0.9])
    assert limit(scores, right) == 32.0
    assert np.isnan(limit(scores[:3], right[:3])), "without good ones there is none"


def test_one_that_cannot_be_told_costs_less_than_many() -> None:
    scores = np.array([50.0, 60.0, 5.0, 40.0, 10.0, 12.0])
    right = np.array([0.5, 0.5, 0.5, 1.0, 1.0, 1.0])
    assert limit(scores, right) == 45.0


@pytest.mark.parametrize(
    "how",
    ["noise=0.2", "blur=1", "bias=1", "invert", "thick=3", "percentiles=2", "spacing=1.5", ""],
)
def test_spoiling_moves_nothing(how: str) -> None:
    array = np.random.default_rng(0).integers(50, 900, (12, 10, 9)).astype(np.int16)
    grid = Grid(array.shape, np.diag([0.8, 0.9, 1.5, 1.0]))
    neck = SimulatedNeck(Volume(array, grid), {}, np.ones(9, np.bool_), {})
    found, percentiles, factor = spoilt(neck, how, 3)
    assert np.array_equal(neck.volume.array, array), "the neck itself stays as it is"
    thick = how.startswith("thick")
    assert found.volume.grid.shape == ((12, 10, 4) if thick else array.shape)
    assert found.volume.grid.agrees_with(grid) != thick
    changed = not np.array_equal(found.volume.array, array)
    assert changed == (how.partition("=")[0] in ("noise", "blur", "bias", "invert", "thick"))
    assert (percentiles in WINDOWS) == how.startswith("percentiles")
    assert factor == (1.5 if how.startswith("spacing") else 1.0)


def test_cases_are_of_known_kinds() -> None:
    cases = (CASES + OTHER_CASES).split()
    assert len({*cases}) == len(cases) >= 60
    assert {case.split(":")[0] for case in cases} <= {*NAMES}

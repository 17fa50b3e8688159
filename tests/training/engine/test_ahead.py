"""Draws that processes make: the same ones, in order, and no process that stays."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.errors import InputError, ResourceError
from carotid.simulation.sample import simulate_side
from carotid.training.contour.sources import SimulatedPlanes
from carotid.training.engine.ahead import AHEAD, DrawsAhead
from carotid.training.heatmap.stream import Stored

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def noise(number: int) -> NDArray[np.float64]:
    """2.4 MB; even numbers take longer."""
    time.sleep(0.02 * (1 - number % 2))
    return np.random.default_rng(number).standard_normal(300_000)


def noted(number: int, folder: Path) -> int:
    (folder / str(number)).touch()
    return number


def unusable(number: int) -> int:
    if number == 5:
        raise InputError("row 7, column x is wrong", where="left_centerline.tsv")
    return number


def ends(number: int) -> int:
    if number == 2:
        os._exit(3)
    return number


def untold(number: int) -> int:
    raise KeyError(number)


def needs_torch(number: int) -> bool:
    draws = Stored(partial(simulate_side, max_shape=(32, 32, 32))), SimulatedPlanes(number)
    return "torch" in sys.modules or not draws


def test_processes_that_simulate_do_without_torch() -> None:
    """Each would take 200 MB and seconds more."""
    with DrawsAhead(1) as ahead:
        assert not ahead(needs_torch)(0)


def test_draws_are_the_same_in_the_same_order() -> None:
    with DrawsAhead(3) as ahead:
        draw = ahead(noise)
        for number in range(4, 14):
            np.testing.assert_array_equal(draw(number), noise(number))
    assert not multiprocessing.active_children()


def test_without_processes_draws_are_made_where_they_are_asked_for() -> None:
    with DrawsAhead(0) as ahead:
        assert ahead(noise) is noise


def test_they_do_not_run_away(tmp_path: Path) -> None:
    with DrawsAhead(2) as ahead:
        draw = ahead(partial(noted, folder=tmp_path))
        for number in range(6):
            assert draw(number) == number
        time.sleep(0.5)
    made = {int(path.name) for path in tmp_path.iterdir()}
    assert set(range(6)) <= made <= set(range(6 + 2 * AHEAD))


def test_draws_come_one_after_the_other() -> None:
    with DrawsAhead(1) as ahead:
        draw = ahead(noise)
        draw(3)
        with pytest.raises(ValueError, match=r"draw 5 .* next one is 4"):
            draw(5)


def test_what_goes_wrong_is_told_when_that_draw_is_asked_for() -> None:
    with DrawsAhead(2) as ahead:
        draw = ahead(unusable)
        for number in range(5):
            assert draw(number) == number
        with pytest.raises(InputError, match="row 7") as caught:
            draw(5)
    assert caught.value.where == "left_centerline.tsv"
    with DrawsAhead(1) as ahead, pytest.raises(RuntimeError, match="KeyError: 0"):
        ahead(untold)(0)
    assert not multiprocessing.active_children()


def test_a_process_that_ends_is_told_in_one_line() -> None:
    with DrawsAhead(1) as ahead:
        draw = ahead(ends)
        assert [draw(0), draw(1)] == [0, 1]
        with pytest.raises(ResourceError, match="ended unexpectedly"):
            draw(2)


def test_no_process_is_left_behind_when_some_could_not_be_started() -> None:
    with DrawsAhead(2) as ahead, pytest.raises((AttributeError, TypeError), match=r"lambda|pickle"):
        ahead(lambda number: number)(0)
    assert not multiprocessing.active_children()

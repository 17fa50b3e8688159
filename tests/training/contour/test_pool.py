from __future__ import annotations

import numpy as np
import pytest

from carotid.errors import UsageError
from carotid.training.contour.pool import FIRST_DRAWS, Pool, PoolSize


def _draw(number: int) -> list[int]:
    return [10 * number + k for k in range(3)]


def test_draws_come_and_go_with_the_step() -> None:
    size = PoolSize(20, 2)
    assert list(size.numbers(0)) == list(range(FIRST_DRAWS))
    assert list(size.numbers(4)) == list(range(FIRST_DRAWS + 2))
    late = size.numbers(100)
    assert len(late) == 20
    assert late[-1] == FIRST_DRAWS + 49


def test_a_pool_that_was_interrupted_gives_the_same_samples() -> None:
    unbroken = Pool(_draw, PoolSize(4, 1))
    chosen = [unbroken.choose(step, 5, np.random.default_rng(step)) for step in range(12)]
    resumed = Pool(_draw, PoolSize(4, 1))
    again = [resumed.choose(step, 5, np.random.default_rng(step)) for step in range(7, 12)]
    assert chosen[7:] == again


def test_each_draw_is_made_once_and_old_ones_are_let_go() -> None:
    made: list[int] = []

    def draw(number: int) -> list[int]:
        made.append(number)
        return _draw(number)

    pool = Pool(draw, PoolSize(3, 1))
    for step in range(6):
        chosen = pool.choose(step, 2, np.random.default_rng(step))
        assert set(chosen) <= {s for n in pool.size.numbers(step) for s in _draw(n)}
    assert made == sorted(set(made))


def test_workers_take_turns() -> None:
    first, second = (Pool(lambda n: [n], PoolSize(4, 1), w, 2) for w in (0, 1))
    rng = np.random.default_rng(0)
    assert all(n % 2 == 0 for n in first.choose(3, 4, rng))
    assert all(n % 2 == 1 for n in second.choose(3, 4, rng))


def test_a_small_pool_gives_samples_twice() -> None:
    pool = Pool(lambda _: ["only"], PoolSize(1, 1))
    assert pool.choose(0, 3, np.random.default_rng(0)) == ["only"] * 3


def test_draws_without_samples_are_told() -> None:
    pool: Pool[int] = Pool(lambda _: [], PoolSize(3, 1))
    with pytest.raises(UsageError, match="3 draws without a sample"):
        pool.choose(0, 2, np.random.default_rng(0))

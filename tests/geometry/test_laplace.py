"""How the linear systems behind field lines are solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.geometry import laplace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def a_tight_wall(n: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Nodes of two circles of 1.2 and 4 mm, 0.4 mm apart where they are nearest."""
    turn = np.exp(2j * np.pi * np.arange(n) / n)
    return (2.4 + 1.2 * turn)[None] / 9, (4 * turn)[None] / 9


@pytest.mark.parametrize("n", [64, 128, 256])
def test_halves_give_the_charges_of_the_whole(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lumen, outer = a_tight_wall(n)
    by_halves = laplace._charges(lumen, outer)
    monkeypatch.setattr(laplace, "_WHOLE", 10_000)
    whole = laplace._charges(lumen, outer)
    assert np.abs(whole).max() > 0.1
    np.testing.assert_allclose(by_halves, whole, rtol=1e-8, atol=1e-8 * np.abs(whole).max())


def test_no_system_is_so_large_that_threads_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, sizes = np.linalg.solve, []

    def solve(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        sizes.append(a.shape[-1])
        return np.asarray(plain(a, b), np.float64)

    monkeypatch.setattr(np.linalg, "solve", solve)
    laplace._charges(*a_tight_wall(256))
    assert max(sizes) < 100

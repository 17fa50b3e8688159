from __future__ import annotations

import numpy as np

from carotid.stages.planes.surface import LUMEN_CUT_OFF_MM, smooth_surfaces


def test_even_radii_stay() -> None:
    lumen, outer = np.full((30, 4), 2.5), np.full((30, 4), 3.6)
    spread = np.full((30, 4), 0.2)
    got = smooth_surfaces(lumen, outer, spread)
    np.testing.assert_allclose(got[0], lumen)
    np.testing.assert_allclose(got[1], outer)


def test_a_ramp_stays_and_a_wave_of_the_cut_off_is_halved() -> None:
    s = np.arange(60.0)[:, None]
    spread = np.full((60, 1), 0.15)
    wave = 0.2 * np.cos(2 * np.pi * s / LUMEN_CUT_OFF_MM)
    ramp = 3 + 0.01 * s
    got, _ = smooth_surfaces(ramp + wave, ramp + 1, spread)
    amplitude = 2 * ((got - ramp) * np.cos(2 * np.pi * s / LUMEN_CUT_OFF_MM))[10:50].mean()
    assert 0.08 < amplitude < 0.12


def test_unsure_walls_follow_their_neighbours() -> None:
    lumen, wall = np.full((21, 1), 2.0), np.full((21, 1), 1.0)
    wall[10] = 2.0
    spread = np.full((21, 1), 0.05)
    _, sure = smooth_surfaces(lumen, lumen + wall, spread)
    spread[10] = 0.3
    _, unsure = smooth_surfaces(lumen, lumen + wall, spread)
    assert sure[10, 0] - 2 > 1.6
    assert unsure[10, 0] - 2 < 1.4


def test_a_short_stenosis_stays_however_unsure_networks_are() -> None:
    s = np.arange(41.0)[:, None]
    lumen = np.where(np.abs(s - 20) <= 1, 0.6, 2.4)
    got, _ = smooth_surfaces(lumen, np.full((41, 1), 3.4), np.full((41, 1), 1.5))
    assert got[20, 0] < 0.9


def test_plaque_that_networks_are_unsure_of_is_not_flattened() -> None:
    s = np.arange(41.0)[:, None]
    lumen, wall = np.full((41, 1), 2.5), 1 + 3 * np.exp(-0.5 * ((s - 20) / 3) ** 2)
    unsure = 0.3 + 0.6 * (wall - 1)
    _, outer = smooth_surfaces(lumen, lumen + wall, unsure)
    assert (outer - lumen).max() > 3.8


def test_the_outer_boundary_stays_outside() -> None:
    rng = np.random.default_rng(1)
    lumen = 2 + rng.normal(0, 0.8, (40, 8))
    outer = lumen + np.abs(rng.normal(0, 0.4, (40, 8)))
    spread = rng.uniform(0.05, 1.5, (40, 8))
    inner_soft, outer_soft = smooth_surfaces(lumen, outer, spread)
    assert (outer_soft > inner_soft).all()
    assert (inner_soft >= 0).all()


def test_two_planes_are_left_alone() -> None:
    lumen, outer = np.array([[1.0], [2.0]]), np.array([[2.0], [3.5]])
    got = smooth_surfaces(lumen, outer, lumen)
    np.testing.assert_allclose(got[0], lumen)
    np.testing.assert_allclose(got[1], outer)

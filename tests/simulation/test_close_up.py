from __future__ import annotations

import numpy as np
import pytest

from carotid.simulation.close_up import CloseUp, simulate_close_up
from carotid.simulation.relief import ANGLES, Relief, ShapedArtery, draw_relief
from carotid.simulation.surfaces import Chain, exit_radii


def _straight(radius: float = 3.0) -> Chain:
    s = np.arange(0, 41, 1.5)
    return Chain(np.column_stack([s, 0 * s, 0 * s]), np.full(len(s), radius))


def _flat_relief(lumen: float, wall: float) -> Relief:
    return Relief(0.0, np.full((60, ANGLES), lumen), np.full((60, ANGLES), wall))


def test_an_even_relief_is_a_thicker_tube() -> None:
    artery = ShapedArtery(_straight(), _flat_relief(0.4, 1.1))
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rays = np.column_stack([0 * turn, np.sin(turn), np.cos(turn)])
    center = np.array([20.0, 0, 0])
    np.testing.assert_allclose(exit_radii(artery.lumen, center, rays, 9), 3.4, atol=1e-3)
    np.testing.assert_allclose(exit_radii(artery.wall, center, rays, 9), 4.5, atol=1e-3)


def test_a_relief_is_read_at_its_height_and_angle() -> None:
    lumen = np.zeros((60, ANGLES))
    lumen[20, 12] = 0.8  # 15 mm up, a quarter turn from l towards p
    artery = ShapedArtery(_straight(), Relief(0.0, lumen, np.ones((60, ANGLES))))
    rays = np.array([[0.0, 1, 0], [0, 0, 1], [0, -1, 0]])
    here = exit_radii(artery.lumen, np.array([15.0, 0, 0]), rays, 9)
    np.testing.assert_allclose(here, [3.8, 3.0, 3.0], atol=2e-3)
    above = exit_radii(artery.lumen, np.array([15.375, 0, 0]), rays[:1], 9)
    np.testing.assert_allclose(above, [3.4], atol=2e-2)


def test_angles_close_around_the_artery() -> None:
    picture = np.tile(np.cos(2 * np.pi * np.arange(ANGLES) / ANGLES), (60, 1))
    relief = Relief(0.0, picture, np.ones_like(picture))
    s = np.full(5, 10.0)
    for turn in (-2 * np.pi, 0.0, 2 * np.pi, -1e-17):
        angle = np.linspace(-0.1, 0.1, 5) + turn
        np.testing.assert_allclose(relief.lumen_at(s, angle), np.cos(angle), atol=3e-3)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_walls_have_thickness_and_lumens_stay_open(seed: int) -> None:
    chain = _straight(2.0)
    relief = draw_relief(np.random.default_rng(seed), chain, 1.0, 20.0, plaques=3)
    assert (relief.wall > 0.25).all()
    assert (relief.lumen + 2.0 > 0.35).all()
    assert relief.wall.max() > 1.2


def _profile(close_up: CloseUp) -> tuple[float, float]:
    """Mean signal well inside the lumen of the internal carotid, and in the middle of its wall."""
    from scipy.ndimage import map_coordinates

    artery = close_up.internal
    assert artery.lumen is not None
    inside: list[float] = []
    wall: list[float] = []
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rays = np.column_stack([np.cos(turn), np.sin(turn), 0 * turn])
    for center in artery.points_mm[(artery.points_mm[:, 2] > 5) & (artery.points_mm[:, 2] < 35)]:
        lumen = exit_radii(artery.lumen, center, rays, 12)
        outer = exit_radii(artery.wall, center, rays, 14)
        if np.isnan(lumen).any() or np.isnan(outer).any():
            continue
        for radii, out in ((0.3 * lumen, inside), ((lumen + outer) / 2, wall)):
            index = close_up.volume.grid.index_from_world(center + radii[:, None] * rays)
            out.append(float(map_coordinates(close_up.volume.array, index.T, order=1).mean()))
    return float(np.mean(inside)), float(np.mean(wall))


def test_the_picture_lies_where_the_truth_is() -> None:
    darker = []
    for seed in range(8):
        close_up = simulate_close_up(seed)
        if close_up.internal.lumen is not None:
            lumen, wall = _profile(close_up)
            darker.append(lumen < wall)
    assert len(darker) >= 6
    assert np.mean(darker) >= 0.8  # slow flow may be as bright as a wall


def test_the_same_seed_gives_the_same_close_up() -> None:
    one, two = simulate_close_up(5), simulate_close_up(5)
    assert one.volume.array.tobytes() == two.volume.array.tobytes()
    assert one.volume.array.tobytes() != simulate_close_up(6).volume.array.tobytes()


def test_close_ups_are_of_many_kinds() -> None:
    spacing = np.array([simulate_close_up(seed).volume.grid.spacing_mm for seed in range(12)])
    assert spacing.min() < 0.45
    assert spacing[:, 0].max() > 1.2  # thick slices

from __future__ import annotations

import numpy as np
import pytest

from carotid.simulation.acquisition import Sensitivity, draw_sensitivity, resampled
from carotid.simulation.recipe import NeckRecipe


@pytest.mark.parametrize("spacing", [(0.7, 0.5, 0.6), (0.45, 1.1, 0.93)])
def test_linear_resampling_follows_the_networks_rule(spacing: tuple[float, float, float]) -> None:
    image = np.random.default_rng(0).normal(size=(9, 8, 11)).astype(np.float32)
    expected = image.astype(np.float64)
    for axis, s in enumerate(spacing):
        n = image.shape[axis]
        at = np.arange(int(np.round((n - 1) * s / 0.5 + 1))) * 0.5 / s
        line = [
            np.interp(at, np.arange(n), row)
            for row in np.moveaxis(expected, axis, -1).reshape(-1, n)
        ]
        moved = np.moveaxis(expected, axis, -1).shape[:-1]
        expected = np.moveaxis(np.reshape(line, (*moved, len(at))), -1, axis)
    result = resampled(image, spacing, (0.5, 0.5, 0.5))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_smooth_resampling_keeps_the_samples_and_the_level() -> None:
    image = np.random.default_rng(0).normal(size=(6, 6, 6)).astype(np.float32)
    finer = resampled(image, (1.0, 1.0, 1.0), (0.5, 0.5, 0.5), smooth=True)
    np.testing.assert_allclose(finer[::2, ::2, ::2], image, atol=1e-5)
    flat = resampled(np.ones((5, 5, 5), np.float32), (0.9,) * 3, (0.5,) * 3, smooth=True)
    np.testing.assert_allclose(flat, 1, atol=1e-5)


def test_a_noise_band_has_no_signal_at_an_end() -> None:
    recipe = NeckRecipe(p_coil=0.0, p_noise_band=1.0)
    gain = draw_sensitivity(np.random.default_rng(0), recipe, 100.0).at(np.arange(101.0))
    assert gain[0] == 0
    assert gain[100] == 0
    assert (gain[26:74] == 1).all()


def test_the_coil_fades_towards_the_ends() -> None:
    recipe = NeckRecipe(p_coil=1.0, p_noise_band=0.0)
    for seed in range(5):
        gain = draw_sensitivity(np.random.default_rng(seed), recipe, 100.0).at(np.arange(101.0))
        assert gain[50] == pytest.approx(1.0)
        assert (np.diff(gain[:40]) >= 0).all()
        assert (np.diff(gain[60:]) <= 0).all()


def test_between_its_heights_the_gain_is_interpolated() -> None:
    gain = Sensitivity(np.array([0.0, 10.0]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(gain.at(np.array([2.5, 20.0])), [0.25, 1.0])

"""Brightness knows no unit; noise is averaged along the artery, and nothing else is."""

import numpy as np
import pytest

from carotid.stages.planes.images import RAYS, SAMPLES, brightness, denoised

RNG_SEED = 5


def _smooth(planes: int) -> np.ndarray:
    """A bright wall around a dark lumen that widens along the artery."""
    r = (np.arange(SAMPLES) + 0.5) * 0.25
    lumen = 3 + 0.5 * np.sin(np.arange(planes) / 8)[:, None, None]
    wall = np.exp(-0.5 * ((r - lumen - 0.5) / 0.6) ** 2)
    return np.repeat(0.4 + wall, RAYS, axis=1).astype(np.float32)


def _noise(planes: int, sd: float) -> np.ndarray:
    shape = (planes, RAYS, SAMPLES)
    return np.random.default_rng(RNG_SEED).normal(0, sd, shape).astype(np.float32)


def test_a_picture_without_noise_stays_as_it_is() -> None:
    seen = _smooth(40)
    assert denoised(seen) is seen


def test_little_noise_is_left_alone() -> None:
    seen = _smooth(40) + _noise(40, 0.02)
    assert denoised(seen) is seen


@pytest.mark.parametrize(("noise", "left"), [(0.1, (0.45, 0.62)), (0.3, (0.36, 0.45))])
def test_noise_is_averaged_along_the_artery(noise: float, left: tuple[float, float]) -> None:
    clean = _smooth(60)
    inner = slice(8, -8)
    error = denoised(clean + _noise(60, noise))[inner] - clean[inner]
    assert left[0] < error.std() / noise < left[1]
    assert abs(error.mean()) < 0.01


@pytest.mark.parametrize("phase", [0.0, 0.13, 0.37, 0.5])
@pytest.mark.parametrize("thick_mm", [3.0, 3.2, 4.0, 7.5])
def test_thick_slices_are_not_averaged(thick_mm: float, phase: float) -> None:
    thick = _noise(24, 0.3)
    planes = np.arange(60) / thick_mm + phase
    low = np.floor(planes).astype(int)
    share = (planes - low)[:, None, None].astype(np.float32)
    seen = _smooth(60) + thick[low] * (1 - share) + thick[low + 1] * share
    assert np.array_equal(denoised(seen), seen)


@pytest.mark.parametrize("planes", [1, 2])
def test_stretches_of_a_plane_or_two_stay_as_they_are(planes: int) -> None:
    seen = _smooth(planes) + _noise(planes, 0.5)
    assert denoised(seen) is seen


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1e12])
def test_what_is_seen_does_not_depend_on_the_unit_of_intensities(unit: float) -> None:
    seen = np.random.default_rng(4).uniform(0, 900, (9, RAYS, SAMPLES)).astype(np.float32)
    scaled = brightness(seen * np.float32(unit))
    np.testing.assert_allclose(scaled, brightness(seen), rtol=1e-5)


def test_where_nothing_is_bright_nothing_is_seen() -> None:
    dark = np.full((9, RAYS, SAMPLES), -900, np.float32)
    assert (brightness(dark) == -1).all()
    assert (brightness(0 * dark) == 0).all()

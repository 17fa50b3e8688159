from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.fft import dctn
from scipy.spatial.transform import Rotation

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.stages.planes.kspace import Window
from carotid.stages.planes.sharpen import MARGIN_MM, sharpened
from carotid.stages.planes.smoothing import Smoothing, find_smoothing

from .pictures import SPACING_MM, balls, scan, through

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = NDArray[np.float64]

NOISE = 0.05
ALL = (0, 1, 2)


@pytest.fixture(scope="module")
def picture() -> Picture:
    return balls(np.random.default_rng(3))


def _noise(picture: Picture, size: float = NOISE) -> tuple[Picture, Picture]:
    real, imaginary = np.random.default_rng(4).normal(0, size, (2, *picture.shape))
    return real, imaginary


def _plain(picture: Picture, size: float = NOISE) -> Volume:
    real, imaginary = _noise(picture, size)
    return scan(np.hypot(picture + real, imaginary))


def _filtered(picture: Picture, axes: tuple[int, ...] = ALL, size: float = NOISE) -> Volume:
    """Noise and picture through the same window, as scanners filter what they measured."""
    real, imaginary = _noise(picture, size)
    return scan(np.hypot(through(picture + real, axes), through(imaginary, axes)))


def _decayed(picture: Picture, axes: tuple[int, ...] = ALL, size: float = 0.02) -> Volume:
    """The picture alone through the window, as an echo train that decays."""
    real, imaginary = _noise(picture, size)
    return scan(np.hypot(through(picture, axes) + real, imaginary))


def _smoothing(volume: Volume) -> Smoothing:
    spectrum = dctn(volume.array.astype(np.float32), norm="ortho")
    return find_smoothing(spectrum, volume.grid.spacing_mm, 2)


def _everywhere(volume: Volume) -> Picture:
    last = np.array(volume.grid.shape) - 1.0
    return volume.grid.world_from_index(np.array([[0.0, 0.0, 0.0], last]))


def _values(volume: Volume) -> Picture:
    return np.asarray(volume.array, np.float64)


def _kept(found: Volume, picture: Picture, axis: int) -> float:
    """How much of a picture's high frequencies along an axis is left in a scan of it."""
    seen, true = (np.fft.fftn(one) for one in (_values(found), picture * 700))
    at = [2 * np.abs(np.fft.fftfreq(n)) for n in picture.shape]
    high = [(one > 0.4) & (one < 0.6) if a == axis else one < 0.3 for a, one in enumerate(at)]
    band = np.ix_(*high)
    return float((seen[band] * true[band].conj()).real.sum() / (np.abs(true[band]) ** 2).sum())


def test_a_scan_that_nothing_smoothed_stays_the_very_same(picture: Picture) -> None:
    for size in (0.02, NOISE, 0.15):
        plain = _plain(picture, size)
        assert sharpened(plain, _everywhere(plain)) == (plain, None)


@pytest.mark.parametrize(
    ("size", "off"),
    [(NOISE, (0.15, 0.15, 0.35)), (0.15, (0.1, 0.1, 0.1))],  # along the neck tissue is in the way
)
def test_noise_tells_the_window_that_a_scanner_laid_over_k_space(
    picture: Picture, size: float, off: tuple[float, ...]
) -> None:
    found = _smoothing(_filtered(picture, size=size))
    assert found.tissue == (None, None, None)
    for window, most in zip(found.noise, off, strict=True):
        assert window is not None
        # 0.2 + 0.8 · (1 + cos(π (f / 0.35 − 1))) / 2 up to 0.7, and 0 beyond.
        at = window.at(np.array([0.3, 0.5, 0.6, 0.8]))
        np.testing.assert_allclose(at, [1.0, 0.69, 0.35, 0.0], atol=most)


def test_tissue_tells_it_where_noise_did_not_go_through(picture: Picture) -> None:
    found = _smoothing(_decayed(picture))
    assert found.noise == (None, None, None)
    for window in found.tissue:
        assert window is not None
        assert window.at(np.array([0.25]), beyond=False)[0] > 0.85
        assert 0.4 < window.at(np.array([0.5]), beyond=False)[0] < 0.85


@pytest.mark.parametrize("smooth", [_filtered, _decayed])
def test_what_was_smoothed_is_nearer_to_the_truth_afterwards(
    picture: Picture, smooth: Callable[..., Volume]
) -> None:
    scanned = smooth(picture)
    found, told = sharpened(scanned, _everywhere(scanned))
    for axis in (0, 1):
        assert _kept(scanned, picture, axis) < 0.75
        assert _kept(found, picture, axis) == pytest.approx(1, abs=0.12)
    off = (_values(found) / 700 - picture)[8:-8, 8:-8, 8:-8]
    assert off.std() < 2 * NOISE  # the noise of a scan without a window, and not more than twice it
    assert found.array.dtype == np.float32
    assert found.grid is scanned.grid
    assert told is not None
    assert re.fullmatch(
        r"R 0.50 -> [01].\d\d mm, A 0.50 -> [01].\d\d mm, S 0.50 -> [01].\d\d mm", told
    )


@pytest.mark.parametrize(
    ("smooth", "orientations"), [(_filtered, ("LPS", "SRA")), (_decayed, ("AIL", "PSR"))]
)
def test_the_order_of_axes_does_not_count(
    picture: Picture, smooth: Callable[..., Volume], orientations: tuple[str, ...]
) -> None:
    scanned = smooth(picture, (0,))
    points = _everywhere(scanned)
    straight, _ = sharpened(scanned, points)
    assert np.abs(_values(straight) - _values(scanned)).max() > 30
    for orientation in orientations:
        turned, _ = sharpened(scanned.reoriented(orientation), points)
        assert turned.orientation == orientation
        off = _values(turned.reoriented("RAS")) - _values(straight)
        assert np.abs(off).max() < 0.1  # the noise is 35; rounding alone moves the fit


@pytest.mark.parametrize("times", [2.0**50, 2.0**-60])
def test_intensities_may_be_large_or_small(picture: Picture, times: float) -> None:
    """As large as scans may be, that is 1e18, and so small that squares would be 0."""
    scanned = _filtered(picture[:48, :44, :40], (0,))
    points = _everywhere(scanned)
    other = scanned.with_array(_values(scanned) * times)
    found = _values(sharpened(other, points)[0]) / times
    assert np.array_equal(found, _values(sharpened(scanned, points)[0]))


@pytest.mark.parametrize("away", [(500, 0, 0), (0, -500, 0), (500, 500, 500)])
def test_a_scan_that_the_arteries_lie_outside_of_is_left(away: tuple[int, int, int]) -> None:
    volume = scan(np.random.default_rng(1).uniform(size=(40, 40, 40)))
    assert sharpened(volume, _everywhere(volume) + away) == (volume, None)


@pytest.mark.parametrize("smooth", [_filtered, _decayed])
def test_the_unit_of_intensities_does_not_count(
    picture: Picture, smooth: Callable[..., Volume]
) -> None:
    scanned = smooth(picture)
    points = _everywhere(scanned)
    once, _ = sharpened(scanned, points)
    thrice, _ = sharpened(scanned.with_array(_values(scanned) * 3), points)
    assert np.abs(_values(once) - _values(scanned)).max() > 30
    assert np.abs(_values(thrice) / 3 - _values(once)).max() < 0.1


@pytest.mark.parametrize("smooth", [_filtered, _decayed])
def test_an_oblique_grid_is_sharpened_as_a_straight_one(
    picture: Picture, smooth: Callable[..., Volume]
) -> None:
    scanned = smooth(picture)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [17, -12, 25], degrees=True).as_matrix()
    oblique = Volume(scanned.array, Grid(scanned.grid.shape, turn @ scanned.grid.affine))
    straight, told = sharpened(scanned, _everywhere(scanned))
    turned, told_too = sharpened(oblique, _everywhere(oblique))
    assert told is not None
    assert told_too is not None
    off = _values(turned) - _values(straight)
    assert off.std() < 0.1  # the noise is 35; rounded voxel sizes move the fit a little


def test_voxels_of_three_widths_are_looked_at_by_their_own(picture: Picture) -> None:
    scanned = _filtered(picture)
    wide = Volume(scanned.array, Grid(scanned.grid.shape, np.diag([0.45, 0.6, 0.9, 1.0])))
    found, told = sharpened(wide, _everywhere(wide))
    assert told is not None
    for axis in (0, 1):
        assert _kept(found, picture, axis) == pytest.approx(1, abs=0.13)


def test_an_axis_that_nothing_smoothed_is_left(picture: Picture) -> None:
    found = _smoothing(_filtered(picture, (0,)))
    assert found.noise[0] is not None
    assert found.noise[1:] == (None, None)


def test_thick_slices_are_left_and_planes_sharpened(picture: Picture) -> None:
    real, imaginary = _noise(picture)
    whole = np.hypot(through(picture + real, (0, 1)), through(imaginary, (0, 1)))
    thick = scan(whole[:, :, ::8], (0.5, 0.5, 4.0))
    found = _smoothing(thick)
    assert found.noise[0] is not None
    assert found.noise[1] is not None
    assert (found.noise[2], found.tissue[2]) == (None, None)


def test_voxels_that_were_only_stored_finer_gain_no_noise(picture: Picture) -> None:
    """Scanners fill the outer half of k-space with zeros; no window was laid over the inner one."""
    picture = np.concatenate([picture, picture[::-1]])  # it repeats itself, as scans do
    picture = np.concatenate([picture, picture[:, ::-1]], axis=1)
    real, imaginary = _noise(picture, 2 * NOISE)
    measured = _zero_filled(picture + real) + 1j * _zero_filled(imaginary)
    scanned = scan(np.abs(measured)[60:-60, 50:-50])
    truth = np.abs(_zero_filled(picture))[60:-60, 50:-50]
    found, told = sharpened(scanned, _everywhere(scanned))
    assert told is not None
    inner = np.s_[8:-8, 8:-8, 8:-8]
    before, after = (((_values(one) / 700) - truth)[inner].std() for one in (scanned, found))
    assert after < 1.25 * before


def _zero_filled(picture: Picture) -> Picture:
    return through(picture, (0, 1), 0.5, 1.0)


def test_single_voxels_that_outshine_all_change_nothing(picture: Picture) -> None:
    """One in a scan that nothing smoothed, and some in one that was."""
    plain = _values(_plain(picture))
    plain[50, 40, 30] = 50 * plain.max()
    scanned = scan(np.zeros(plain.shape)).with_array(plain)
    assert sharpened(scanned, _everywhere(scanned)) == (scanned, None)
    clean = _filtered(picture)
    expected, _ = sharpened(clean, _everywhere(clean))
    salted = _values(clean)
    salted[50, 40, 30] = salted[20, 60, 50] = 50 * salted.max()
    scanned = clean.with_array(salted)
    found, _ = sharpened(scanned, _everywhere(scanned))
    far = np.s_[70:, :30, :]
    assert (_values(found) - _values(expected))[far].std() < 8  # the noise is 35


def test_only_what_is_near_the_arteries_changes(picture: Picture) -> None:
    long = np.concatenate([picture] * 3)
    scanned = _filtered(long)
    point = scanned.grid.world_from_index(np.array([[0.0, 44.0, 40.0]]))
    found, _ = sharpened(scanned, point)
    reach = int(MARGIN_MM / SPACING_MM[0]) + 2
    assert np.array_equal(found.array[reach:], scanned.array[reach:])
    assert np.abs(_values(found) - _values(scanned))[: reach - 3].mean() > 1


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((40, 40, 40), np.int16),
        np.full((40, 40, 40), np.nan, np.float32),
        np.linspace(0, 1e300, 64000).reshape(40, 40, 40),
        np.random.default_rng(1).integers(0, 5, (40, 40, 40)) * np.float32(1e-45),
        np.arange(27, dtype=np.int16).reshape(3, 3, 3),
        np.arange(4800, dtype=np.float32).reshape(40, 120, 1),
        np.random.default_rng(1).normal(size=(40, 40, 40)).astype(np.float32),
    ],
)
def test_what_tells_nothing_is_left(array: NDArray[np.generic]) -> None:
    volume = scan(np.zeros(array.shape)).with_array(array)
    assert sharpened(volume, _everywhere(volume)) == (volume, None)
    assert sharpened(volume, np.empty((0, 3))) == (volume, None)


def test_a_window_is_flat_and_falls_to_its_end() -> None:
    window = Window(0.4, 0.8, 0.2)
    np.testing.assert_allclose(window.at(np.array([0.0, 0.4, 0.6, 0.9])), [1, 1, 0.6, 0], atol=1e-6)
    np.testing.assert_allclose(window.at(np.array([0.9]), beyond=False), [0.2])

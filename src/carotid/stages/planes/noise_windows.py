"""What the noise of a scan went through, axis by axis."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.kspace import LEAST_BINS, Window, band, best_fit, frequencies, profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.stages.planes.kspace import Profile, Three

MIDDLE, _HIGH = (0.3, 0.6), (0.6, 0.95)
"""The other axes' frequencies at which noise is looked at, as shares of what was acquired. In the
middle tissue is mixed in; high up the noise of dark regions, which is bent by taking magnitudes."""
_TRUST_IN_HIGH = 0.5
_BETTER = 2.0
"""A window counts where without one the power is this many times as far from what is explained."""
_BINS = 40
_SHARP = 0.8
_LOOKED_AT = 0.9
"""An axis whose noise keeps more than the first at the second of its frequencies has no window."""
_SCALE = 0.3
_FINE = np.linspace(0, 1, 65)


def noise_windows(
    power: NDArray[np.float32], spacing_mm: Sequence[float]
) -> tuple[list[Window | None], Three]:
    """What the noise went through, and the highest acquired frequency of each axis."""
    acquired = [1.0, 1.0, 1.0]
    found: list[Window | None] = [None] * 3
    for _ in range(2):  # the second time with bands within what was acquired
        for axis in range(3):
            bands = [[(a * c, b * c) for c in acquired] for a, b in (MIDDLE, _HIGH)]
            at, middle = profile(power, axis, bands[0], _BINS)
            if len(at) < LEAST_BINS:
                continue
            high = profile(power, axis, bands[1], _BINS)[1]
            shapes = [_porod(power, axis, spacing_mm, each, at) for each in bands]
            window = _fit_noise(at, (middle, high), shapes)
            sharp = window is None or window.at(np.array([_LOOKED_AT]))[0] > _SHARP
            found[axis] = None if sharp else window
        acquired = [1.0 if one is None else float(min(1.0, one.end)) for one in found]
    return found, (acquired[0], acquired[1], acquired[2])


def _porod(
    power: NDArray[np.float32],
    axis: int,
    spacing_mm: Sequence[float],
    bands: Sequence[tuple[float, float]],
    at: Profile,
) -> Profile:
    """How the power of tissue falls along an axis, 1 at the frequency 0."""
    across = np.zeros(1)
    for a in range(3):
        if a != axis:
            own = (frequencies(power, a) * 0.5 / spacing_mm[a])[band(power.shape[a], *bands[a])]
            across = (across[:, None] + own**2).ravel()
    square = (at * 0.5 / spacing_mm[axis]) ** 2
    fall = np.array([np.mean(1 / (one + across) ** 2) for one in square])
    return np.asarray(fall / fall[0])


def _fit_noise(
    at: Profile, powers: tuple[Profile, Profile], tissue: Sequence[Profile]
) -> Window | None:
    """The window that explains the power in a middle and a high band of the other axes, if any.

    Power is (noise + tissue) · window² + what dark regions add. Tissue is
    surfaces in all directions and, at low frequencies, what lies along the axis.
    """
    usual = [np.log(np.median(one[: max(3, len(one) // 2)])) for one in powers]
    logs = np.concatenate([np.log(one) - level for one, level in zip(powers, usual, strict=True)])
    trust = np.repeat([1.0, _TRUST_IN_HIGH], len(at))

    def misfit(numbers: Profile) -> Profile:
        t = np.moveaxis(numbers, -1, 0)[..., None]
        window = Window(t[0] * t[2], t[2], t[1])
        square, dark = window.at(at) ** 2 + 1e-12, _of_dark_regions(window, at)
        lengthwise = 1 / (1 + (at / t[9]) ** 2) ** 2
        parts = []
        for (level, floor, along), shape in zip((t[3:6], t[6:9]), tissue, strict=True):
            # One share for both bands, though the high one has less: so windows are harder to see.
            share = np.exp(t[10]) * shape
            inside = square * (1 + share + np.exp(along) * lengthwise)
            parts.append(level + np.log(inside + np.exp(floor) * dark))
        return np.asarray((np.concatenate(parts, axis=-1) - logs) * trust)

    low = [0, 0.02, 0.3, -6, -9, -9, -6, -9, -9, 0.02, -6]
    high = [0.98, 1, 1.3, 3, 1, 4, 3, 1, 3, 0.4, 4]
    starts = [
        [0.5, last, end, 0, -4, -4, 0, -3, -4, 0.1, -3]
        for end, last in product((0.6, 1.0), (0.2, 0.9))
    ]
    found = best_fit(misfit, starts, low, high, _SCALE, roughly=True)
    fixed_low, fixed_high = [0, 0.999, 1.29, *low[3:]], [0.98, 1.001, 1.31, *high[3:]]
    without = [[0.5, 1, 1.3, 0, -4, -4, 0, -3, -4, 0.1, share] for share in (-3, 0)]
    none = best_fit(misfit, without, fixed_low, fixed_high, _SCALE, roughly=True)
    if _root_mean_square(misfit(none)) < _BETTER * _root_mean_square(misfit(found)):
        return None
    found = best_fit(misfit, [found.tolist()], low, high, _SCALE)
    return Window(float(found[0] * found[2]), float(found[2]), float(found[1]))


def _of_dark_regions(window: Window, at: Profile) -> Profile:
    """The power of the magnitude of noise alone, 1 at the frequency 0.

    Its autocovariance is nearly the square of that of the complex noise (Rice 1945), so its
    spectrum is the noise's convolved with itself, and reaches twice as far.
    """
    square = window.at(_FINE) ** 2
    covariance = np.fft.rfft(np.concatenate([square, square[..., -2:0:-1]], axis=-1)).real
    power = np.fft.irfft(covariance**2)[..., : len(_FINE)]
    below = np.minimum((at * (len(_FINE) - 1)).astype(np.int64), len(_FINE) - 2)
    share = at * (len(_FINE) - 1) - below
    between = (1 - share) * power[..., below] + share * power[..., below + 1]
    return np.asarray(between / power[..., :1])


def _root_mean_square(values: Profile) -> float:
    return float(np.sqrt(np.mean(values**2)))

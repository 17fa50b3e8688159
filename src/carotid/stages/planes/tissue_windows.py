"""What the tissue of a scan went through besides its noise, axis by axis."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.kspace import LEAST_BINS, Window, band, best_fit, profile
from carotid.stages.planes.noise_windows import MIDDLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.stages.planes.kspace import Profile, Three

_FROM_PER_MM = 0.25
_ACROSS_PER_MM = 0.04, 0.15
_LEAST_ACQUIRED_PER_MM = 0.4
_BIN_PER_MM = 0.03
_SURELY_ACQUIRED = 0.95
"""The highest acquired frequency is known to a twentieth: behind it is nothing, which looks as if
tissue had been smoothed."""
_SEEN_OVER_NOISE = 0.1
_SEEN_UP_TO_PER_MM = 0.42
_SMOOTHED = 0.87
"""Tissue has to be seen up to this frequency, and fallen below this share there, if it shall count
as smoothed."""
_SURELY_UP_TO_PER_MM, _SURELY_SHARP = 0.5, 0.95
_LIKE = 1.3
"""Axes of which tissue tells nothing are taken for smoothed as those are whose highest acquired
frequency lies within this factor."""
_USUAL, _PULL = (0.4, 0.3), 0.05
"""A window's start and last value where the spectrum says nothing of them, and how strongly they
are drawn there."""


def tissue_windows(
    power: NDArray[np.float32], spacing_mm: Sequence[float], acquired: Three, lengthwise: int
) -> list[Window | None]:
    """What tissue went through besides, in a spectrum whose noise is white."""
    noise = _noise_power(power, acquired)
    highest = [c * 0.5 / mm for c, mm in zip(acquired, spacing_mm, strict=True)]
    found: list[Window | None] = [None] * 3
    sharp = set()
    for axis in range(3):
        if axis == lengthwise or highest[axis] <= _LEAST_ACQUIRED_PER_MM:
            continue
        bands = [tuple(2 * k * mm for k in _ACROSS_PER_MM) for mm in spacing_mm]
        bins = max(LEAST_BINS, int(0.5 / spacing_mm[axis] / _BIN_PER_MM + 1e-6))
        at, mean = profile(power, axis, [(min(a, 0.5), min(b, 1)) for a, b in bands], bins)
        per_mm = np.round(at * 0.5 / spacing_mm[axis], 6)  # so rounding moves no limit
        half_bin = (per_mm[1] - per_mm[0]) / 2
        used = (per_mm > _FROM_PER_MM) & (per_mm + half_bin < _SURELY_ACQUIRED * highest[axis])
        if used.sum() < 6 or not noise > 0:
            continue
        window, seen_to = _fit_tissue(per_mm[used], mean[used], noise, highest[axis])
        left = float(window.at(np.array([seen_to / highest[axis]]), beyond=False)[0])
        if seen_to >= _SEEN_UP_TO_PER_MM and left < _SMOOTHED:
            found[axis] = window
        elif seen_to >= _SURELY_UP_TO_PER_MM and left > _SURELY_SHARP:
            sharp.add(axis)
    return _completed(found, sharp, highest, spacing_mm)


def _noise_power(power: NDArray[np.float32], acquired: Three) -> float:
    """The least power of the higher frequencies of an axis, the others' in the middle."""
    levels = []
    for axis in range(3):
        bands = [(MIDDLE[0] * c, MIDDLE[1] * c) for c in acquired]
        mean = profile(power, axis, bands, power.shape[axis])[1]
        levels.append(
            float(np.median(mean[band(len(mean), 0.6 * acquired[axis], 0.9 * acquired[axis])]))
        )
    return min(levels)


def _fit_tissue(
    per_mm: Profile, power: Profile, noise: float, highest: float
) -> tuple[Window, float]:
    """The window of tissue in shares of the highest acquired frequency, and up to where it is seen.

    Power is level · k⁻⁴ · window² + noise.
    """
    at = per_mm / highest
    peak = int(np.argmax(power))
    level = max(power[peak] - noise, 1e-9 * power[peak]) * per_mm[peak] ** 4

    def tissue(numbers: Profile) -> Profile:
        t = np.moveaxis(numbers, -1, 0)[..., None]
        window = Window(t[1], 1.0, t[2]).at(at, beyond=False)
        return np.asarray(level * np.exp(t[0]) * per_mm**-4.0 * window**2)

    def misfit(t: Profile) -> Profile:
        off = np.log((tissue(t) + noise) / power)
        return np.concatenate([off, _PULL * (t[..., 1:] - _USUAL)], axis=-1)

    starts = [[0, start, last] for start, last in product((0.3, 0.6), (0.2, 0.9))]
    best = best_fit(misfit, starts, [-60, 0.15, 0.02], [60, 0.98, 1], scale=0.1)
    seen = per_mm[tissue(best) > _SEEN_OVER_NOISE * noise]
    return Window(best[1], 1.0, best[2]), float(seen.max()) if len(seen) else 0.0


def _completed(
    found: Sequence[Window | None],
    sharp: set[int],
    highest: Sequence[float],
    spacing_mm: Sequence[float],
) -> list[Window | None]:
    """Windows in shares of each axis's own highest frequency, also of axes that tell nothing."""
    known = {axis: one for axis, one in enumerate(found) if one is not None}
    out: list[Window | None] = []
    for axis, one in enumerate(found):
        like = [
            known[a] for a in known if highest[axis] / _LIKE < highest[a] < highest[axis] * _LIKE
        ]
        if one is None and like and axis not in sharp and highest[axis] > _LEAST_ACQUIRED_PER_MM:
            one = Window(
                float(np.mean([w.start for w in like])), 1.0, float(np.mean([w.last for w in like]))
            )
        if one is not None:
            share = highest[axis] * 2 * spacing_mm[axis]
            one = replace(one, start=one.start * share, end=one.end * share)
        out.append(one)
    return out

"""How a scanner smoothed a scan along each of its axes, found in the scan itself.

Scanners lay a window over k-space, so that edges do not ring, and store finer voxels than they
measured; long echo trains and later resampling smooth as well. A thin wall behind such a window
looks like a thicker one. Two signs tell of it:

- Noise is white before the window is laid over it. So the spectrum of the noise has the window's
  shape.
- The spectrum of a picture of smooth surfaces falls with the fourth power of the spatial frequency
  (Porod's law). Where that of tissue falls faster, it was smoothed, even if noise was not.

Spectra are squares of the discrete cosine transform, which takes a picture for one that goes on
mirrored at its borders. Frequencies along an axis are shares of the highest one, from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Profile = NDArray[np.float64]
    Three = tuple[float, float, float]

_EDGE = 0.005
_MIDDLE, _HIGH = (0.3, 0.6), (0.6, 0.95)
"""The other axes' frequencies at which noise is looked at, as shares of what was acquired. In the
middle tissue is mixed in; high up the noise of dark regions, which is bent by taking magnitudes."""
_TRUST_IN_HIGH = 0.5
_BETTER = 2.0
"""A window counts where without one the power is this many times as far from what is explained."""
_BINS = 40
_LEAST_BINS = 8
_SHARP = 0.8
_LOOKED_AT = 0.9
"""An axis whose noise keeps more than the first at the second of its frequencies has no window."""

_TISSUE_FROM_PER_MM = 0.25
_ACROSS_PER_MM = 0.04, 0.15
_LEAST_ACQUIRED_PER_MM = 0.4
_TISSUE_BIN_PER_MM = 0.03
_SEEN_OVER_NOISE = 0.1
_SEEN_UP_TO_PER_MM = 0.42
_SMOOTHED = 0.87
"""Tissue has to be seen up to this frequency, and fallen below this share there, if it shall count
as smoothed."""
_SURELY_UP_TO_PER_MM, _SURELY_SHARP = 0.5, 0.95
_LIKE = 1.3
"""Axes of which tissue tells nothing are taken for smoothed as those are whose highest acquired
frequency lies within this factor."""


@dataclass(frozen=True)
class Window:
    """A window over k-space along one axis: flat, then falling like half a cosine, then 0.

    Attributes:
        start: Frequency at which it begins to fall.
        end: Frequency at which it ends; above 1 where it does not.
        last: What is left at its end.
    """

    start: float
    end: float
    last: float

    def at(self, frequency: Profile, *, beyond: bool = True) -> Profile:
        """The window's values.

        Args:
            frequency: Shares of the highest one.
            beyond: Whether it is 0 behind its end; else it stays at its last value.
        """
        fall = np.clip((frequency - self.start) / max(self.end - self.start, 1e-3), 0, 1)
        values = self.last + (1 - self.last) * 0.5 * (1 + np.cos(np.pi * fall))
        if beyond:
            values = values / (1 + np.exp(np.clip((frequency - self.end) / _EDGE, -50, 50)))
        return np.asarray(values)


@dataclass(frozen=True)
class Smoothing:
    """What is known of a scan's smoothing, by axis; None where there is none.

    Attributes:
        noise: What noise and tissue have gone through.
        tissue: What tissue alone has gone through besides.
    """

    noise: tuple[Window | None, Window | None, Window | None]
    tissue: tuple[Window | None, Window | None, Window | None]

    @property
    def is_none(self) -> bool:
        """Whether the scan is as sharp as its voxels."""
        return not any((*self.noise, *self.tissue))


def find_smoothing(
    spectrum: NDArray[np.float32], spacing_mm: Sequence[float], lengthwise: int
) -> Smoothing:
    """Find the windows that a picture went through.

    Args:
        spectrum: The discrete cosine transform (II, orthonormal) of a picture with three axes.
        spacing_mm: Its voxel size.
        lengthwise: The axis along the neck. What is in a neck is long in this direction, and its
            spectrum falls faster along it than that of surfaces in all directions.
    """
    power = np.square(spectrum)
    windows, acquired = _noise_windows(power, spacing_mm)
    if not any(one for axis, one in enumerate(windows) if axis != lengthwise):
        windows[lengthwise] = None  # tissue's own fall looks like one where there is little noise
    for axis, window in enumerate(windows):
        if window is not None:
            left = np.maximum(window.at(frequencies(power, axis)), 0.15)
            power *= along_axis(1 / left**2, axis)
    tissue = _tissue_windows(power, spacing_mm, acquired, lengthwise)
    return Smoothing(_three(windows), _three(tissue))


def _three(
    windows: Sequence[Window | None],
) -> tuple[Window | None, Window | None, Window | None]:
    return windows[0], windows[1], windows[2]


def frequencies(power: NDArray[np.float32], axis: int) -> Profile:
    """The frequencies along an axis of a spectrum, shares of the highest one."""
    return np.linspace(0, 1, power.shape[axis], endpoint=False)


def along_axis(values: Profile, axis: int) -> NDArray[np.float32]:
    """Values along an axis, to be multiplied with a spectrum."""
    return np.asarray(np.expand_dims(values, [a for a in range(3) if a != axis]), np.float32)


def _band(size: int, low: float, high: float) -> slice:
    """Indices of frequencies from `low` to `high`, at least one."""
    start = min(round(low * size), size - 1)
    return slice(start, min(max(round(high * size), start + 1), size))


def _profile(
    power: NDArray[np.float32], axis: int, bands: Sequence[tuple[float, float]], bins: int
) -> tuple[Profile, Profile]:
    """Frequencies along an axis, and the mean power in bands of the other axes' frequencies."""
    others = [a for a in range(3) if a != axis]
    box = [slice(None)] * 3
    for a in others:
        box[a] = _band(power.shape[a], *bands[a])
    mean = power[tuple(box)].mean(axis=tuple(others), dtype=np.float64)
    parts = np.array_split(np.arange(len(mean)), min(bins, len(mean)))
    at = np.array([part.mean() for part in parts]) / len(mean)
    return at, np.array([mean[part].mean() for part in parts]) + 1e-30


def _noise_windows(
    power: NDArray[np.float32], spacing_mm: Sequence[float]
) -> tuple[list[Window | None], Three]:
    """What the noise went through, and the highest acquired frequency of each axis."""
    acquired = [1.0, 1.0, 1.0]
    found: list[Window | None] = [None] * 3
    for _ in range(2):  # the second time with bands within what was acquired
        for axis in range(3):
            bands = [[(a * c, b * c) for c in acquired] for a, b in (_MIDDLE, _HIGH)]
            at, middle = _profile(power, axis, bands[0], _BINS)
            if len(at) < _LEAST_BINS:
                continue
            high = _profile(power, axis, bands[1], _BINS)[1]
            shapes = [_porod(power, axis, spacing_mm, band, at) for band in bands]
            window = _fit_noise(at, (middle, high), shapes)
            sharp = window is None or window.at(np.array([_LOOKED_AT]))[0] > _SHARP
            found[axis] = None if sharp else window
        acquired = [1.0 if one is None else min(1.0, one.end) for one in found]
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
            own = (frequencies(power, a) * 0.5 / spacing_mm[a])[_band(power.shape[a], *bands[a])]
            across = (across[:, None] + own**2).ravel()
    square = (at * 0.5 / spacing_mm[axis]) ** 2
    fall = np.array([np.mean(1 / (one + across) ** 2) for one in square])
    return np.asarray(fall / fall[0])


def _fit_noise(
    at: Profile, powers: tuple[Profile, Profile], tissue: Sequence[Profile]
) -> Window | None:
    """The window that explains the power in a middle and a high band of the other axes, if any.

    Power is (noise + tissue) · window² + what taking magnitudes leaves at all frequencies. Tissue
    is surfaces in all directions and, at low frequencies, what lies along the axis.
    """
    logs = np.log(np.concatenate(powers))
    trust = np.repeat([1.0, _TRUST_IN_HIGH], len(at))

    def misfit(t: Profile) -> Profile:
        window = Window(t[0] * t[2], t[2], t[1]).at(at) ** 2 + 1e-12
        lengthwise = 1 / (1 + (at / t[9]) ** 2) ** 2
        parts = []
        for (level, floor, along), shape in zip((t[3:6], t[6:9]), tissue, strict=True):
            # One share for both bands, though the high one has less: so windows are harder to see.
            share = np.exp(t[10]) * shape
            inside = window * (1 + share + np.exp(along) * lengthwise)
            parts.append(level + np.log(inside + np.exp(floor)))
        return np.asarray((np.concatenate(parts) - logs) * trust)

    levels = [float(np.log(np.median(one[: max(3, len(one) // 2)]))) for one in powers]
    low = [0, 0.02, 0.3, levels[0] - 6, -9, -9, levels[1] - 6, -9, -9, 0.02, -6]
    high = [0.98, 1, 1.3, levels[0] + 3, -1.2, 4, levels[1] + 3, -1.2, 3, 0.4, 4]
    starts = [
        [0.5, last, end, levels[0], -4, -4, levels[1], -3, -4, 0.1, -3]
        for end, last in product((0.6, 1.0), (0.2, 0.9))
    ]
    best = _best_fit(misfit, starts, low, high, scale=0.3)
    starts = [[0.5, 1, 1.3, levels[0], -4, -4, levels[1], -3, -4, 0.1, share] for share in (-3, 0)]
    low[1:3], high[1:3] = [0.999, 1.29], [1.001, 1.31]
    none = _best_fit(misfit, starts, low, high, scale=0.3)
    if _root_mean_square(misfit(none)) < _BETTER * _root_mean_square(misfit(best)):
        return None
    return Window(best[0] * best[2], best[2], best[1])


def _root_mean_square(values: Profile) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _best_fit(
    misfit: Callable[[Profile], Profile],
    starts: Sequence[Sequence[float]],
    low: Sequence[float],
    high: Sequence[float],
    scale: float,
) -> Profile:
    from scipy.optimize import least_squares

    fits = [
        least_squares(
            misfit, one, bounds=(low, high), loss="soft_l1", f_scale=scale, max_nfev=100, ftol=1e-5
        )
        for one in starts
    ]
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)


def _tissue_windows(
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
        bins = max(_LEAST_BINS, int(0.5 / spacing_mm[axis] / _TISSUE_BIN_PER_MM))
        at, mean = _profile(power, axis, [(min(a, 0.5), min(b, 1)) for a, b in bands], bins)
        per_mm = at * 0.5 / spacing_mm[axis]
        used = (per_mm > _TISSUE_FROM_PER_MM) & (per_mm < 0.97 * highest[axis])
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
        bands = [(_MIDDLE[0] * c, _MIDDLE[1] * c) for c in acquired]
        mean = _profile(power, axis, bands, power.shape[axis])[1]
        levels.append(
            float(np.median(mean[_band(len(mean), 0.6 * acquired[axis], 0.9 * acquired[axis])]))
        )
    return min(levels)


def _fit_tissue(
    per_mm: Profile, power: Profile, noise: float, highest: float
) -> tuple[Window, float]:
    """The window of tissue in shares of the highest acquired frequency, and up to where it is seen.

    Power is level · k⁻⁴ · window² + noise.
    """
    logs, at = np.log(power), per_mm / highest

    def tissue(t: Profile) -> Profile:
        window = Window(t[1], 1.0, t[2]).at(at, beyond=False)
        return np.asarray(np.exp(t[0]) * per_mm**-4.0 * window**2)

    peak = int(np.argmax(power))
    level = float(np.log(max(power[peak] - noise, 1e-9 * power[peak])) + 4 * np.log(per_mm[peak]))
    starts = [[level, start, last] for start, last in product((0.3, 0.6), (0.2, 0.9))]
    low, high = [level - 60, 0.15, 0.02], [level + 60, 0.98, 1]
    best = _best_fit(lambda t: np.log(tissue(t) + noise) - logs, starts, low, high, scale=0.1)
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
            starts, lasts = [w.start for w in like], [w.last for w in like]
            one = Window(float(np.mean(starts)), 1.0, float(np.mean(lasts)))
        if one is not None:
            share = highest[axis] * 2 * spacing_mm[axis]
            one = replace(one, start=one.start * share, end=one.end * share)
        out.append(one)
    return out

"""Windows over k-space, and the power of a picture by spatial frequency.

Spectra are squares of the discrete cosine transform, which takes a picture for one that goes on
mirrored at its borders. Frequencies along an axis are shares of the highest one, from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Profile = NDArray[np.float64]
    Three = tuple[float, float, float]

LEAST_BINS = 8
"""A profile of fewer bins tells nothing."""

_EDGE = 0.005
_ROUGHLY, _CLOSELY = 1e-5, 1e-9
_STEP = 1.5e-8
"""Of a number, for slopes: the root of what double precision rounds to."""


@dataclass(frozen=True)
class Window:
    """A window over k-space along one axis: flat, then falling like half a cosine, then 0.

    Its numbers may be arrays that broadcast with frequencies: many windows at a time.

    Attributes:
        start: Frequency at which it begins to fall.
        end: Frequency at which it ends; above 1 where it does not.
        last: What is left at its end.
    """

    start: float | Profile
    end: float | Profile
    last: float | Profile

    def at(self, frequency: Profile, *, beyond: bool = True) -> Profile:
        """The window's values.

        Args:
            frequency: Shares of the highest one.
            beyond: Whether it is 0 behind its end; else it stays at its last value.
        """
        fall = np.clip((frequency - self.start) / np.maximum(self.end - self.start, 1e-3), 0, 1)
        values = self.last + (1 - self.last) * 0.5 * (1 + np.cos(np.pi * fall))
        if beyond:
            values = values * self.acquired(frequency)
        return np.asarray(values)

    def acquired(self, frequency: Profile) -> Profile:
        """1 up to the window's end, and 0 behind it."""
        return np.asarray(1 / (1 + np.exp(np.clip((frequency - self.end) / _EDGE, -50, 50))))


def frequencies(power: NDArray[np.float32], axis: int) -> Profile:
    """The frequencies along an axis of a spectrum, shares of the highest one."""
    return np.linspace(0, 1, power.shape[axis], endpoint=False)


def along_axis(values: Profile, axis: int) -> NDArray[np.float32]:
    """Values along an axis, to be multiplied with a spectrum."""
    return np.asarray(np.expand_dims(values, [a for a in range(3) if a != axis]), np.float32)


def band(size: int, low: float, high: float) -> slice:
    """Indices of frequencies from `low` to `high`, at least one."""
    start, stop = (round(round(one * size, 6)) for one in (low, high))  # rounding moves no limit
    start = min(start, size - 1)
    return slice(start, min(max(stop, start + 1), size))


def profile(
    power: NDArray[np.float32], axis: int, bands: Sequence[tuple[float, float]], bins: int
) -> tuple[Profile, Profile]:
    """Frequencies along an axis, and the mean power in bands of the other axes' frequencies."""
    others = [a for a in range(3) if a != axis]
    box = [slice(None)] * 3
    for a in others:
        box[a] = band(power.shape[a], *bands[a])
    mean = power[tuple(box)].mean(axis=tuple(others), dtype=np.float64)
    parts = np.array_split(np.arange(len(mean)), min(bins, len(mean)))
    at = np.array([part.mean() for part in parts]) / len(mean)
    return at, np.array([mean[part].mean() for part in parts]) + 1e-30


def best_fit(
    misfit: Callable[[Profile], Profile],
    starts: Sequence[Sequence[float]],
    low: Sequence[float],
    high: Sequence[float],
    scale: float,
    *,
    roughly: bool = False,
) -> Profile:
    """The numbers of the smallest misfit, single large misfits counting less.

    Args:
        misfit: From numbers to misfits along the last axis; rows of numbers give rows of misfits.
        starts: Where the search begins; the best of its ends counts.
        low: The least that each number may be.
        high: The most.
        scale: Misfits above this count less than by their square.
        roughly: Whether an end nearby will do; else a little rounding does not move it.
    """
    from scipy.optimize import least_squares

    upper = np.array(high)

    def slopes(t: Profile) -> Profile:
        steps = _STEP * np.maximum(np.abs(t), 1)
        steps = np.where(t + steps > upper, -steps, steps)
        off = misfit(np.concatenate([t[None], t + np.diag(steps)]))
        return np.asarray((off[1:] - off[0]).T / steps)

    fits = [
        least_squares(
            misfit,
            one,
            jac=slopes,
            bounds=(low, high),
            loss="soft_l1",
            f_scale=scale,
            max_nfev=100 if roughly else 400,
            ftol=_ROUGHLY if roughly else _CLOSELY,
            xtol=_CLOSELY,
            gtol=_CLOSELY,
        )
        for one in starts
    ]
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)

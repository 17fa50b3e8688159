"""A scan as it would be if the scanner had not smoothed it, around the arteries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.kspace import along_axis, frequencies
from carotid.stages.planes.smoothing import find_smoothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.geometry.volume import Volume
    from carotid.stages.planes.kspace import Window
    from carotid.stages.planes.smoothing import Smoothing

MARGIN_MM = 30.0
"""So far around the arteries a scan is looked at; farther than networks see."""

_LEAST_VOXELS = 32
"""Spectra of smaller boxes say nothing; thick slices may be fewer."""
_MOST_BRIGHT = 2.0
"""Voxels above so many times what all but a thousandth stay below are faults: seen as if they were
as bright as that, since a few of them outshine the noise at all frequencies."""
_EVERY = 5
_USUAL = 128.0
"""Mean intensities from here to four times as much are taken as they are; others are scaled to it
by a power of 4, which is exact. So squares fit single precision."""
_LEAST_NOISE_WINDOW = 0.03
"""Where the noise's windows of all axes together leave less, their inverse falls again."""
_MOST_FOR_TISSUE = 3.0
"""What tissue alone lost is raised so many times at most, since noise rises with it."""


def sharpened(volume: Volume, points_mm: NDArray[np.float64]) -> tuple[Volume, str | None]:
    """Undo what smoothed a scan, as far as the scan tells; see `carotid.stages.planes.smoothing`.

    Args:
        volume: The scan in any orientation.
        points_mm: (n, 3) R-A-S mm; what lies within `MARGIN_MM` of their box is sharpened.

    Returns:
        The scan on the same grid, float32, and what was undone in words; the very same scan and
        None where nothing smoothed it.
    """
    from scipy.fft import dctn, idctn

    if not len(points_mm):
        return volume, None
    index = volume.grid.index_from_world(points_mm)
    margin = MARGIN_MM / np.array(volume.grid.spacing_mm)
    last = np.array(volume.grid.shape)
    start = np.clip(np.floor(index.min(axis=0) - margin), 0, last).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0) + margin) + 1, 0, last).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    with np.errstate(over="ignore"):
        part = volume.array[box].astype(np.float32)
    if not part.size or sorted(part.shape)[1] < _LEAST_VOXELS:
        return volume, None
    if not np.isfinite(part).all() or not np.ptp(part):
        return volume, None
    unit = _unit(part)
    part /= unit
    limit = np.float32(_MOST_BRIGHT * np.quantile(part.ravel()[::_EVERY], 0.999))
    spectrum = dctn(np.minimum(part, limit), norm="ortho", overwrite_x=True)
    lengthwise = int(np.argmax(np.abs(volume.grid.affine[2, :3] / volume.grid.spacing_mm)))
    smoothing = find_smoothing(spectrum, volume.grid.spacing_mm, lengthwise)
    if smoothing.is_none:
        return volume, None
    if limit < part.max():
        spectrum = dctn(part, norm="ortho", overwrite_x=True)
    _undo(spectrum, smoothing)
    spectrum *= unit
    whole = volume.array.astype(np.float32)
    whole[box] = idctn(spectrum, norm="ortho", overwrite_x=True)
    return volume.with_array(whole), _told(smoothing, volume)


def _unit(part: NDArray[np.float32]) -> np.float32:
    """The power of 4 in which intensities are of a usual size."""
    mean = float(np.mean(np.abs(part), dtype=np.float64))
    return np.float32(4.0 ** max(np.floor(np.log2(mean / _USUAL) / 2), -60))


def _undo(spectrum: NDArray[np.float32], smoothing: Smoothing) -> None:
    """Divide a spectrum by the windows that it went through, in place.

    Behind the noise's windows nothing was acquired, and nothing is raised where they end: many
    scans have no window but a sharp end, as scanners store finer voxels than they measured.
    """
    left = _product(spectrum, smoothing.noise)
    if left is not None:
        spectrum *= left / (left**2 + np.float32(_LEAST_NOISE_WINDOW) ** 2)
        for axis, window in enumerate(smoothing.noise):
            if window is not None:
                spectrum *= along_axis(window.acquired(frequencies(spectrum, axis)), axis)
    left = _product(spectrum, smoothing.tissue)
    if left is not None:
        spectrum *= np.minimum(1 / left, np.float32(_MOST_FOR_TISSUE))


def _product(
    spectrum: NDArray[np.float32], windows: Sequence[Window | None]
) -> NDArray[np.float32] | None:
    """What the windows of the three axes leave together before they end; None if there is none."""
    left: NDArray[np.float32] | None = None
    for axis, window in enumerate(windows):
        if window is not None:
            own = along_axis(window.at(frequencies(spectrum, axis), beyond=False), axis)
            left = own if left is None else left * own
    return left


def _told(smoothing: Smoothing, volume: Volume) -> str:
    """Voxels as they are stored and as large as those that show as much, by axis."""
    frequency = np.linspace(0, 1, 201)
    axes = []
    for axis, spacing in enumerate(volume.grid.spacing_mm):
        left = np.ones(len(frequency))
        for one, beyond in ((smoothing.noise[axis], True), (smoothing.tissue[axis], False)):
            if one is not None:
                left = left * one.at(frequency, beyond=beyond)
        if left.min() < 0.5:
            half = frequency[np.argmax(left < 0.5)]
            axes.append(f"{volume.orientation[axis]} {spacing:.2f} -> {spacing / half:.2f} mm")
    return ", ".join(axes) or "less than by half"

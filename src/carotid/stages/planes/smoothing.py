"""How a scanner smoothed a scan along each of its axes, found in the scan itself.

Scanners lay a window over k-space, so that edges do not ring, and store finer voxels than they
measured; long echo trains and later resampling smooth as well. A thin wall behind such a window
looks like a thicker one. Two signs tell of it:

- Noise is white before the window is laid over it. So the spectrum of the noise has the window's
  shape.
- The spectrum of a picture of smooth surfaces falls with the fourth power of the spatial frequency
  (Porod's law). Where that of tissue falls faster, it was smoothed, even if noise was not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.kspace import along_axis, frequencies
from carotid.stages.planes.noise_windows import noise_windows
from carotid.stages.planes.tissue_windows import tissue_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.stages.planes.kspace import Window


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
    windows, acquired = noise_windows(power, spacing_mm)
    if not any(one for axis, one in enumerate(windows) if axis != lengthwise):
        windows[lengthwise] = None  # tissue's own fall looks like one where there is little noise
    for axis, window in enumerate(windows):
        if window is not None:
            left = np.maximum(window.at(frequencies(power, axis)), 0.15)
            power *= along_axis(1 / left**2, axis)
    tissue = tissue_windows(power, spacing_mm, acquired, lengthwise)
    return Smoothing(_three(windows), _three(tissue))


def _three(
    windows: Sequence[Window | None],
) -> tuple[Window | None, Window | None, Window | None]:
    return windows[0], windows[1], windows[2]

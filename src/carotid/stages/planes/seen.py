"""Where an artery's lumen is not seen: where what is within its wall is hardly darker than it.

Networks draw a lumen in an artery that is occluded, too, small and in the middle: they have hardly
seen one without. An occluded artery has none from some height to its end; what fills it is about as
bright as its wall, and blood is dark in the rest of it. Slow flow, which can be as bright, does not
reach so far, and in a scan with bright blood no part is dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.stages.planes.images import RADII_MM, STEP_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_CONTRAST = 0.1
"""Difference over sum of wall and lumen, below which the lumen is not dark, as on the page."""

_USUAL_PERCENTILE = 75
_FILLED = 1 / 3
"""What fills an occluded artery may be darker than its wall, though less so than blood: a core is
not dark, too, below this share of the contrast that is usual in the artery's open part."""

LEAST_LENGTH_MM = 10.0
"""Shorter stretches say nothing, with a dark lumen or without."""

_CORE = 0.6
_LEAST_CORE_MM = 0.3
_WITHIN_WALL = 0.25, 0.75
_EVENED_MM = 2.0


def contrasts(
    brightness: NDArray[np.float32], lumen_mm: NDArray[np.float64], outer_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) difference over sum of the wall's brightness and that of the lumen's core.

    Args:
        brightness: (n, rays, samples) of planes `STEP_MM` apart.
        lumen_mm: (n, rays) radii of the lumen.
        outer_mm: (n, rays) radii of the wall's outer boundary.
    """
    from scipy.ndimage import gaussian_filter1d

    thick = outer_mm - lumen_mm
    first, last = (lumen_mm + share * thick for share in _WITHIN_WALL)
    middle = (first + last)[..., None] / 2
    near = (
        np.abs(RADII_MM - middle)
        <= np.maximum(last - first, RADII_MM[1] - RADII_MM[0])[..., None] / 2
    )
    core = np.maximum(_CORE * lumen_mm.mean(axis=1), _LEAST_CORE_MM)[:, None, None]
    wall = _mean(brightness, near)
    blood = _mean(brightness, np.broadcast_to(core >= RADII_MM, brightness.shape))
    evened = [gaussian_filter1d(one, _EVENED_MM / STEP_MM, mode="nearest") for one in (wall, blood)]
    return np.asarray((evened[0] - evened[1]) / np.maximum(np.abs(evened).sum(axis=0), 1e-6))


def unseen_lumens(contrast: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether a plane lies in a long stretch at an artery's end whose lumen is not dark.

    Args:
        contrast: (n,) from `contrasts`.
    """
    unseen = np.zeros(len(contrast), np.bool_)
    usual = float(np.percentile(contrast, _USUAL_PERCENTILE)) if len(contrast) else 0.0
    bright = contrast < max(LEAST_CONTRAST, _FILLED * usual)
    if (~bright).sum() * STEP_MM < LEAST_LENGTH_MM:
        return unseen
    for ordered, out in ((bright, unseen), (bright[::-1], unseen[::-1])):
        length = int(ordered.argmin())
        if length * STEP_MM >= LEAST_LENGTH_MM:
            out[:length] = True
    return unseen


def hardly_dark(contrast: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether a plane's lumen is less than half as dark as it usually is in the artery.

    Nothing is said where blood is not dark.

    Args:
        contrast: (n,) from `contrasts`.
    """
    usual = float(np.median(contrast))
    if usual < 2 * LEAST_CONTRAST:
        return np.zeros(len(contrast), np.bool_)
    return np.asarray(contrast < usual / 2)


def _mean(brightness: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) mean of what lies where it is asked for."""
    return np.asarray((brightness * where).sum(axis=(1, 2)) / np.maximum(where.sum(axis=(1, 2)), 1))

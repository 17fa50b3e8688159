"""From a scan and a centerline to radii of lumen and wall in planes across the artery.

The networks look twice: first along the centerline as it was found, then along the middle of the
lumen that they saw, so that a centerline that is off by a millimetre does little harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.planes import Planes
from carotid.stages.planes.images import RADII_MM, RAYS, SAMPLE_MM, STEP_MM, denoised, plane_images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from carotid.geometry.volume import Volume

    Network = Callable[[Tensor], Tensor]

EXTRA_MM = 4.0
"""Planes go on this far beyond either end of a centerline, so that every slice can be cut whole."""

_SMOOTH_MM = 1.5
_CENTER_SMOOTH_MM = 2.0
_LARGEST_MOVE_MM = 2.5


@dataclass(frozen=True, eq=False)
class Radii:
    """What networks say about planes.

    Attributes:
        planes: The planes.
        lumen_mm: (n, rays) mean over the networks.
        outer_mm: (n, rays) median: where the networks' mean chance of being inside is one half.
        lumen_raw_mm: (n, rays) raw spread: of each network along the ray and between the networks.
        outer_raw_mm: (n, rays) likewise.
    """

    planes: Planes
    lumen_mm: NDArray[np.float64]
    outer_mm: NDArray[np.float64]
    lumen_raw_mm: NDArray[np.float64]
    outer_raw_mm: NDArray[np.float64]


def artery_radii(
    volume: Volume,
    course: NDArray[np.float64],
    other: NDArray[np.float64] | None,
    networks: Sequence[Network],
    looks: int = 2,
) -> Radii | None:
    """Radii along one artery.

    Args:
        volume: The scan.
        course: (m, 3) its centerline, R-A-S mm, from low to high.
        other: (m, 3) the other artery's centerline; None where there is none.
        networks: Plane networks in evaluation mode.
        looks: How often to look; after each but the last, which all networks take part in, the
            planes move to the middle of the lumen that the first one saw.

    Returns:
        None where the centerline is shorter than a step.
    """
    curve = lengthened(smoothed(course), EXTRA_MM)
    if curve is None:
        return None
    for look in range(looks):
        planes = Planes.across(curve, STEP_MM)
        is_last = look + 1 == looks
        asked = networks if is_last else networks[:1]  # one is enough to find the middle
        image = plane_images(volume, planes, other)
        image[0] = denoised(image[0])
        radii = _predict(image, planes, asked)
        if not is_last:
            curve = _recentered(radii)
    return radii


def _predict(image: NDArray[np.float32], planes: Planes, networks: Sequence[Network]) -> Radii:
    import torch

    from carotid.network.plane_cnn import occupancy

    means, spreads, chances = [], [], []
    start = np.arange(image.shape[-1]) * SAMPLE_MM
    # The mean of r² of a boundary at r is the sum over cells of (end² − start²) times occupancy.
    square = torch.from_numpy((2 * start + SAMPLE_MM) * SAMPLE_MM).float()
    with torch.no_grad():
        for network in networks:
            seen = occupancy(network(torch.from_numpy(image)[None]))
            both = torch.stack([seen.lumen[0], seen.outer[0]])
            mean = both.sum(dim=-1) * SAMPLE_MM
            means.append(mean.double().numpy())
            variance = (both * square).sum(dim=-1) - mean**2
            spreads.append(variance.clamp_min(0).double().numpy())
            chances.append(seen.outer[0].double().numpy())
    mean, between = np.mean(means, axis=0), np.var(means, axis=0)
    spread = np.sqrt(np.mean(spreads, axis=0) + between)
    outer = median_radii(np.mean(chances, axis=0))
    return Radii(planes, mean[0], outer, spread[0], spread[1])


def median_radii(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where chances along rays fall below one half.

    The wall ends early or late: with the healthy wall, or with plaque that may be there. The mean
    of the two is neither.

    Args:
        inside: (…, samples) chance that a cell lies inside of a boundary.

    Returns:
        (…) mm, linear between the cells' middles.
    """
    falling = np.minimum.accumulate(inside, axis=-1)
    falling = np.concatenate([np.ones_like(falling[..., :1]), falling], axis=-1)
    at = np.concatenate([[0.0], RADII_MM])
    before = np.clip((falling > 0.5).sum(axis=-1) - 1, 0, len(at) - 2)
    high = np.take_along_axis(falling, before[..., None], axis=-1)[..., 0]
    low = np.take_along_axis(falling, before[..., None] + 1, axis=-1)[..., 0]
    share = np.clip((high - 0.5) / np.maximum(high - low, 1e-9), 0, 1)
    return np.asarray(at[before] + share * (at[before + 1] - at[before]))


def smoothed(course: NDArray[np.float64], sd_mm: float = _SMOOTH_MM) -> NDArray[np.float64]:
    """A course at half-millimetre steps, without the unrest of single points; ends stay."""
    from scipy.ndimage import gaussian_filter1d

    step = 0.5
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course, axis=0), axis=1))])
    even = np.linspace(0, length[-1], max(2, round(length[-1] / step) + 1))
    dense = np.column_stack([np.interp(even, length, course[:, k]) for k in range(3)])
    reach = len(dense) - 1
    pad = min(round(4 * sd_mm / step), reach)
    # Points mirrored through the ends, so that the ends neither move nor bend.
    first, last = dense[0], dense[-1]
    before = 2 * first - dense[pad:0:-1]
    after = 2 * last - dense[-2 : -2 - pad : -1]
    long = np.concatenate([before, dense, after])
    soft = gaussian_filter1d(long, sd_mm / step, axis=0, mode="nearest")
    return np.asarray(soft[pad : pad + len(dense)])


def lengthened(curve: NDArray[np.float64], by_mm: float) -> NDArray[np.float64] | None:
    """A curve that goes on straight at both ends; None where it has no direction."""
    if len(curve) < 2:
        return None
    reach = min(8, len(curve) - 1)
    ends = []
    for here, inner in ((curve[0], curve[reach]), (curve[-1], curve[-1 - reach])):
        out = here - inner
        norm = float(np.linalg.norm(out))
        if norm < 1e-6:
            return None
        ends.append(here + out / norm * np.arange(0.5, by_mm + 0.1, 0.5)[:, None])
    return np.concatenate([ends[0][::-1], curve, ends[1]])


def _recentered(radii: Radii) -> NDArray[np.float64]:
    """The curve through the middles of the lumens."""
    planes = radii.planes
    rays = planes.directions(RAYS)
    r = radii.lumen_mm
    area = np.maximum((r**2).sum(axis=1), 1e-6)
    middle = (2 / 3) * ((r**3)[..., None] * rays).sum(axis=1) / area[:, None]
    length = np.linalg.norm(middle, axis=1)
    # A lumen that is hardly seen says nothing about its middle.
    trust = np.clip(r.mean(axis=1) - 0.3, 0, 1) * np.minimum(
        1, _LARGEST_MOVE_MM / np.maximum(length, 1e-9)
    )
    return smoothed(planes.centers + middle * trust[:, None], _CENTER_SMOOTH_MM)

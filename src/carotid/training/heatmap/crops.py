"""Crops of a side with their targets, as a network is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from carotid.training.heatmap.targets import target_from_centers

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = (368, 64, 320)
"""The heatmap transform's default window."""

DEEPEST = 128
"""Depth of crops from sides that are deep enough, where a kind of crop does not say it."""

MULTIPLE = 16
"""Sides of crops are multiples of this."""

EDGE_VOXEL = 20
"""Crops are placed so that the carotid stays this far from their border, where they can."""

P_ANYWHERE = 0.25
"""Share of crops that are placed without regard to the carotid."""

P_OFF_CENTER = 0.3
"""Share of padded crops whose side does not lie in the middle."""


class Side(Protocol):
    """One side of a neck as the network sees it, a right one mirrored.

    Attributes:
        image: (s, p, l) float, network order, 0.5 mm.
        centers: (s, 2, 2) per slice and channel p and l in voxels, NaN where there is no vessel.
        annotated: (s,) whether the slice counts.
        bifurcation: Slice of the bifurcation, fractional; NaN where unknown.
    """

    @property
    def image(self) -> NDArray[np.floating]:
        """See the class."""

    @property
    def centers(self) -> NDArray[np.float32]:
        """See the class."""

    @property
    def annotated(self) -> NDArray[np.bool_]:
        """See the class."""

    @property
    def bifurcation(self) -> float:
        """See the class."""


@dataclass(frozen=True, eq=False)
class Crop:
    """What a network sees and what it should answer.

    Attributes:
        image: (s, p, l) float32.
        target: (2, s, p, l) float32, heights from 0 to 402.
        counted: (s,) whether the slice has a say in the loss.
    """

    image: NDArray[np.float32]
    target: NDArray[np.float32]
    counted: NDArray[np.bool_]


def cut_crop(side: Side, shape: tuple[int, int, int], start: tuple[int, int, int]) -> Crop:
    """Cut a box out of a side; where it reaches beyond, it holds zeros.

    Args:
        side: The side.
        shape: (s, p, l) of the box.
        start: The box's first voxel in the side's, negative where it begins before it. Slices
            beyond the side do not count.
    """
    image = np.zeros(shape, dtype=np.float32)
    inner, outer = [], []
    for first, size, available in zip(start, shape, side.image.shape, strict=True):
        low, high = max(first, 0), max(min(first + size, available), max(first, 0))
        outer.append(slice(low, high))
        inner.append(slice(low - first, high - first))
    image[inner[0], inner[1], inner[2]] = side.image[outer[0], outer[1], outer[2]]
    centers = np.full((shape[0], 2, 2), np.nan, dtype=np.float32)
    centers[inner[0]] = side.centers[outer[0]] - np.array(start[1:], dtype=np.float32)
    counted = np.zeros(shape[0], dtype=np.bool_)
    counted[inner[0]] = side.annotated[outer[0]]
    return Crop(image, target_from_centers(centers, shape), counted)


def crop_shape(side: Side, kind: tuple[int, int, int]) -> tuple[int, int, int]:
    """The size of a kind of crop for a side, where 0 stands for the side's own size.

    Crops deeper than the default window are no deeper than the side, as windows are at inference.
    """
    largest = (WINDOW[0], DEEPEST, WINDOW[2])
    own = [
        wanted or min(-(-size // MULTIPLE) * MULTIPLE, most)
        for wanted, size, most in zip(kind, side.image.shape, largest, strict=True)
    ]
    deepest = max(side.image.shape[1] // MULTIPLE * MULTIPLE, WINDOW[1])
    return own[0], min(own[1], deepest), own[2]


def random_crop(
    side: Side, shape: tuple[int, int, int], rng: np.random.Generator, *, augment: bool
) -> Crop:
    """Cut a crop at a random place, mostly one that holds the carotid, and vary its contrast."""
    crop = cut_crop(side, shape, _random_start(side, shape, rng))
    if augment:
        return Crop(_varied(crop.image, rng), crop.target, crop.counted)
    return crop


def _random_start(
    side: Side, shape: tuple[int, int, int], rng: np.random.Generator
) -> tuple[int, int, int]:
    anywhere = bool(rng.random() < P_ANYWHERE)
    off_center = bool(rng.random() < P_OFF_CENTER)
    start = [0, 0, 0]
    slack = side.image.shape[0] - shape[0]
    start[0] = _padded(slack, rng, off_center) if slack <= 0 else int(rng.integers(slack + 1))
    seen = side.centers[max(start[0], 0) : start[0] + shape[0]]
    for axis in (1, 2):
        slack = side.image.shape[axis] - shape[axis]
        if slack <= 0:
            start[axis] = _padded(slack, rng, off_center)
            continue
        low, high = 0, slack
        positions = seen[..., axis - 1]
        if not anywhere and np.isfinite(positions).any():
            middle = float(np.nanmean(positions))
            low = int(np.clip(middle - shape[axis] + EDGE_VOXEL, 0, slack))
            high = int(np.clip(middle - EDGE_VOXEL, low, slack))
        start[axis] = int(rng.integers(low, high + 1))
    return start[0], start[1], start[2]


def _padded(slack: int, rng: np.random.Generator, off_center: bool) -> int:  # noqa: FBT001
    """First voxel of a box that is larger than the side, which lies in its middle or anywhere."""
    return -int(rng.integers(-slack + 1)) if off_center else -(-slack // 2)


def _varied(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Other contrast, gain, slope along S and noise; padding stays zero."""
    inside = image > 0
    if rng.random() < 0.4:
        image = np.power(image, np.float32(rng.uniform(0.7, 1.4)))
    if rng.random() < 0.5:
        ends = rng.uniform(0.7, 1.25, 2)
        slope = np.linspace(ends[0], ends[1], image.shape[0], dtype=np.float32)
        image = image * slope[:, None, None]
    if rng.random() < 0.25:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + noise * np.float32(rng.uniform(0.005, 0.06))
    return np.where(inside, np.clip(image, 0, 1), np.float32(0)).astype(np.float32, copy=False)

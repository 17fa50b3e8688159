"""Crops of a side with their targets, as a network is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from carotid.training.heatmap.targets import target_from_centers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

Image = TypeVar("Image", "NDArray[np.float32]", "Tensor")

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


class Shaped(Protocol):
    """An array, of whatever library."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its size along each axis."""


class Located(Protocol):
    """What crops are placed by: where a side's vessels are.

    Attributes:
        image: (s, p, l) float, network order, 0.5 mm.
        centers: (s, 2, 2) per slice and channel p and l in voxels, NaN where there is no vessel.
        annotated: (s,) whether the slice counts.
    """

    @property
    def image(self) -> Shaped:
        """See the class."""

    @property
    def centers(self) -> NDArray[np.float32]:
        """See the class."""

    @property
    def annotated(self) -> NDArray[np.bool_]:
        """See the class."""


class Side(Located, Protocol):
    """One side of a neck as the network sees it, a right one mirrored.

    Attributes:
        image: See `Located`, and so on.
        bifurcation: Slice of the bifurcation, fractional; NaN where unknown.
    """

    @property
    def image(self) -> NDArray[np.floating]:
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
    inner, outer = overlap(side.image.shape, shape, start)
    image = np.zeros(shape, dtype=np.float32)
    image[inner] = side.image[outer]
    centers, counted = centers_in(side, shape[0], start)
    return Crop(image, target_from_centers(centers, shape), counted)


def overlap(
    available: Sequence[int], shape: Sequence[int], start: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The part of a box that lies in a side, as slices of the box and as slices of the side."""
    inner, outer = [], []
    for first, size, there in zip(start, shape, available, strict=True):
        low, high = max(first, 0), max(min(first + size, there), max(first, 0))
        outer.append(slice(low, high))
        inner.append(slice(low - first, high - first))
    return tuple(inner), tuple(outer)


def centers_in(
    side: Located, slices: int, start: tuple[int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A side's centers and whether its slices count, as seen from a box of so many slices."""
    (inner,), (outer,) = overlap((len(side.centers),), (slices,), start[:1])
    centers = np.full((slices, 2, 2), np.nan, dtype=np.float32)
    centers[inner] = side.centers[outer] - np.array(start[1:], dtype=np.float32)
    counted = np.zeros(slices, dtype=np.bool_)
    counted[inner] = side.annotated[outer]
    return centers, counted


def crop_shape(
    side: Located, kind: tuple[int, int, int], depth_step: int = MULTIPLE
) -> tuple[int, int, int]:
    """The size of a kind of crop for a side, where 0 stands for the side's own size.

    Crops deeper than the default window are no deeper than the side, as windows are at inference,
    and a multiple of `depth_step` deep.
    """
    largest = (WINDOW[0], DEEPEST, WINDOW[2])
    own = [
        wanted or min(-(-size // MULTIPLE) * MULTIPLE, most)
        for wanted, size, most in zip(kind, side.image.shape, largest, strict=True)
    ]
    deepest = max(side.image.shape[1] // depth_step * depth_step, WINDOW[1])
    return own[0], min(own[1], deepest), own[2]


def random_crop(
    side: Side, shape: tuple[int, int, int], rng: np.random.Generator, *, augment: bool
) -> Crop:
    """Cut a crop at a random place, mostly one that holds the carotid, and vary its contrast."""
    crop = cut_crop(side, shape, random_start(side, shape, rng))
    if augment:
        return Crop(_varied(crop.image, rng), crop.target, crop.counted)
    return crop


def random_start(
    side: Located, shape: tuple[int, int, int], rng: np.random.Generator
) -> tuple[int, int, int]:
    """First voxel of a crop at a random place, mostly one that holds the carotid."""
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

    def slope(low: float, high: float) -> NDArray[np.float32]:
        return np.linspace(low, high, len(image), dtype=np.float32)[:, None, None]

    def noise() -> NDArray[np.float32]:
        return rng.standard_normal(image.shape, dtype=np.float32)

    changed = np.clip(changed_contrast(image, rng, slope, noise), 0, 1)
    return np.where(image > 0, changed, np.float32(0)).astype(np.float32, copy=False)


def changed_contrast(
    image: Image,
    rng: np.random.Generator,
    slope: Callable[[float, float], Image],
    noise: Callable[[], Image],
) -> Image:
    """Change contrast, gain along S and noise of an image, each of them sometimes.

    Args:
        image: (s, p, l) float32, an array or a tensor.
        rng: Says what is changed, and how much.
        slope: Makes a (s, 1, 1) gain with these ends.
        noise: Makes (s, p, l) noise of variance 1.
    """
    if rng.random() < 0.4:
        image = image ** rng.uniform(0.7, 1.4)
    if rng.random() < 0.5:
        low, high = rng.uniform(0.7, 1.25, 2)
        image = image * slope(float(low), float(high))
    if rng.random() < 0.25:
        image = image + noise() * rng.uniform(0.005, 0.06)
    return image

"""One side of a neck as the network sees it, with its centerlines: what training draws from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.acquisition import resampled
from carotid.simulation.recipe import DEFAULT_RECIPE, NeckRecipe, chance, draw
from carotid.simulation.scene import Scene, draw_scene, render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.canvas import Canvas, Triple

NETWORK_MM = 0.5
"""Voxel size that the network sees."""

INVISIBLE = 0.3
"""Wall signal over noise below which there is no artery to be found."""

VISIBLE = 1.0
"""Wall signal over noise from which on an artery has to be found."""

SIDE_SHAPE = (304, 160, 320)
"""Largest side (s, p, l) that training draws from; slabs fit in but for the widest ones."""

P_ANYWHERE = 0.55
"""Share of windows of whole sections that lie anywhere from front to back, carotid or not."""

SHALLOWEST = 80
"""Windows of whole sections are from this many voxels to the largest shape deep."""

_STREAM = 0x51DE


@dataclass(frozen=True, eq=False)
class SideSample:
    """A left side, or a right one mirrored, in network order.

    Attributes:
        image: (s, p, l) float32, 0.5 mm, intensities from 0 to 1.
        centers: (s, 2, 2) per slice and channel (0 internal, 1 external, both with the common
            carotid) p and l in voxels of `image`; NaN where the slice has no such artery. Where
            `image` is cut from a larger field of view they may lie outside of it.
        annotated: (s,) whether the slice counts.
        bifurcation: Slice of the bifurcation, fractional; may lie outside of `image`.
    """

    image: NDArray[np.float32]
    centers: NDArray[np.float32]
    annotated: NDArray[np.bool_]
    bifurcation: float


def simulate_side(
    seed: int,
    recipe: NeckRecipe = DEFAULT_RECIPE,
    max_shape: tuple[int, int, int] | None = None,
) -> SideSample:
    """Make one side of a neck.

    Args:
        seed: The same seed, recipe and shape give the same sample.
        recipe: What it is drawn from.
        max_shape: Largest size (s, p, l) in voxels of 0.5 mm; a larger field of view is cut to a
            box at a random place before it is painted, which saves time. The box holds the
            carotid, but for many from whole sections, which lie anywhere.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_STREAM, seed])))
    scene = draw_scene(rng, recipe, both=False)
    start, size = _side_box(scene)
    if max_shape is not None:
        max_shape = _window_shape(rng, scene, max_shape)
        start, size = _cut(rng, scene, start, size, max_shape)
    canvas = render(scene, rng, start, size)
    target = (NETWORK_MM, NETWORK_MM, NETWORK_MM)
    smooth = scene.slices is None and chance(rng, 0.3)
    image = resampled(canvas.image, canvas.spacing_mm, target, smooth=smooth)
    if max_shape is not None:
        image = image[tuple(slice(0, n) for n in max_shape)]
    image = np.ascontiguousarray(image)
    whole = scene.body is not None and scene.body.whole
    image = _rescaled_whole(rng, image) if whole and chance(rng, 0.8) else _rescaled(rng, image)
    centers, annotated = _annotate(scene, canvas, len(image))
    fork = (scene.left.bifurcation_mm - canvas.origin_mm[0]) / NETWORK_MM
    return SideSample(image, centers, annotated, fork)


def _side_box(scene: Scene) -> tuple[Triple, Triple]:
    """First voxel's center and extent of the left two thirds of the field of view."""
    field = scene.field
    third = field.width_mm / 3
    start = (0.0, -field.depth_mm / 2, -field.width_mm / 2 + third)
    return start, (field.height_mm, field.depth_mm, 2 * third)


def _window_shape(
    rng: np.random.Generator, scene: Scene, max_shape: tuple[int, int, int]
) -> tuple[int, int, int]:
    """The largest shape; for whole sections, which are cut from front to back, of any depth."""
    if scene.body is None or not scene.body.whole or max_shape[1] <= SHALLOWEST:
        return max_shape
    return max_shape[0], int(rng.integers(SHALLOWEST, max_shape[1] + 1)), max_shape[2]


def _cut(
    rng: np.random.Generator,
    scene: Scene,
    start: Triple,
    size: Triple,
    max_shape: tuple[int, int, int],
) -> tuple[Triple, Triple]:
    """A random box of at most `max_shape`; see `simulate_side`."""
    points = scene.left.internal.points + np.array([0.0, 0.0, scene.middle_mm])
    whole = scene.body is not None and scene.body.whole
    anywhere = whole and chance(rng, P_ANYWHERE)
    first, extent = list(start), list(size)
    for axis in range(3):
        wanted = (max_shape[axis] - 1) * NETWORK_MM
        slack = size[axis] - wanted
        if slack <= 0:
            continue
        low, high = 0.0, slack
        if axis == 2 or (axis == 1 and not anywhere):
            s = points[:, 0]
            seen = points[(s >= first[0]) & (s <= first[0] + extent[0]), axis] - start[axis]
            if len(seen):
                low = max(low, float(seen.max()) + 10 - wanted)
                high = min(high, float(seen.min()) - 10)
                if low > high:
                    low = high = float(np.clip((low + high) / 2, 0, slack))
        first[axis] += float(rng.uniform(low, high))
        # One acquired voxel more, so that resampling reaches the full size.
        extent[axis] = wanted + 1.5 * scene.acquired_mm[axis]
    return (first[0], first[1], first[2]), (extent[0], extent[1], extent[2])


def _rescaled(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Percentiles to 0 and 1, clipped; they vary because a cut box has not all of the neck."""
    lower, upper = draw(rng, (1.0, 8.0)), draw(rng, (91.0, 98.5))
    low, high = np.percentile(image[::2, ::2, ::2], [lower, upper])
    if chance(rng, 0.35):
        low = min(low, float(image.min()) + draw(rng, (0.0, 0.3)) * (low - float(image.min())))
    image -= np.float32(low)
    image *= np.float32(1 / max(high - low, 1e-6))
    return np.clip(image, 0, 1, out=image)


def _rescaled_whole(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """As if the percentiles were those of a whole section with air about it."""
    high = float(np.percentile(image[::2, ::2, ::2], draw(rng, (86.0, 99.5))))
    high *= draw(rng, (0.85, 1.35))
    low = draw(rng, (0.0, 0.06)) * high
    image -= np.float32(low)
    image *= np.float32(1 / max(high - low, 1e-6))
    return np.clip(image, 0, 1, out=image)


def _annotate(
    scene: Scene, canvas: Canvas, slices: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Centers per slice and channel, in voxels, and the slices that count."""
    s = canvas.origin_mm[0] + NETWORK_MM * np.arange(slices, dtype=np.float64)
    centers = _centers_at(scene, s)
    if scene.slices is not None:
        centers = _between_slices(scene, canvas, s, centers)
    field = scene.field
    lowest = np.array([-field.depth_mm / 2, -field.width_mm / 6 - scene.middle_mm])
    highest = np.array([field.depth_mm / 2, field.width_mm / 2 - scene.middle_mm])
    outside = (centers < lowest) | (centers > highest)
    centers[outside.any(axis=2)] = np.nan
    centers -= np.array(canvas.origin_mm[1:])
    centers /= NETWORK_MM
    seen = scene.visibility(s)
    centers[seen < INVISIBLE] = np.nan
    # Between signal and pure noise nobody can say whether an artery is seen.
    doubtful = (seen >= INVISIBLE) & (seen < VISIBLE)
    return centers.astype(np.float32), ~doubtful


def _centers_at(scene: Scene, s_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(s, 2, 2) p and l in the neck's millimetres, NaN where a channel has no artery."""
    tree = scene.left
    internal = tree.internal.at_height(s_mm)
    external = np.full_like(internal, np.nan)
    if tree.external is not None:
        external = tree.external.at_height(s_mm)
    common = s_mm < tree.bifurcation_mm
    external[common] = internal[common]
    return np.stack([internal, external], axis=1)


def _between_slices(
    scene: Scene, canvas: Canvas, s_mm: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Between the middles of thick slices centers run straight, as the picture fades over."""
    middles = canvas.axis_mm(0).astype(np.float64)
    known = _centers_at(scene, middles)
    out = centers.copy()
    for channel in range(2):
        for axis in range(2):
            between = np.interp(s_mm, middles, known[:, channel, axis])
            good = np.isfinite(between) & np.isfinite(centers[:, channel, axis])
            out[good, channel, axis] = between[good]
    return out

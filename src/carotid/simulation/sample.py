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

    from carotid.simulation.canvas import Triple

NETWORK_MM = 0.5
"""Voxel size that the network sees."""

INVISIBLE = 0.3
"""Wall signal over noise below which there is no artery to be found."""

VISIBLE = 1.0
"""Wall signal over noise from which on an artery has to be found."""

_STREAM = 0x51DE


@dataclass(frozen=True, eq=False)
class SideSample:
    """A left side, or a right one mirrored, in network order.

    Attributes:
        image: (s, p, l) float32, 0.5 mm, intensities from 0 to 1.
        centers: (s, 2, 2) per slice and channel (0 internal, 1 external, both with the common
            carotid) p and l in voxels of `image`; NaN where the slice has no such artery.
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
            box around the carotid at a random place, before it is painted, which saves time.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([_STREAM, seed])))
    scene = draw_scene(rng, recipe, both=False)
    start, size = _side_box(scene)
    if max_shape is not None:
        start, size = _cut(rng, scene, start, size, max_shape)
    canvas = render(scene, rng, recipe, start, size)
    target = (NETWORK_MM, NETWORK_MM, NETWORK_MM)
    image = resampled(canvas.image, canvas.spacing_mm, target, smooth=chance(rng, 0.3))
    if max_shape is not None:
        image = image[tuple(slice(0, n) for n in max_shape)]
    image = _rescaled(rng, np.ascontiguousarray(image))
    centers, annotated = _annotate(scene, start, image.shape)
    return SideSample(
        image, centers, annotated, (scene.left.bifurcation_mm - start[0]) / NETWORK_MM
    )


def _side_box(scene: Scene) -> tuple[Triple, Triple]:
    """First voxel's centre and extent of the left two thirds of the field of view."""
    field = scene.field
    third = field.width_mm / 3
    start = (0.0, -field.depth_mm / 2, -field.width_mm / 2 + third)
    return start, (field.height_mm, field.depth_mm, 2 * third)


def _cut(
    rng: np.random.Generator,
    scene: Scene,
    start: Triple,
    size: Triple,
    max_shape: tuple[int, int, int],
) -> tuple[Triple, Triple]:
    """A random box of at most `max_shape` that holds the carotid."""
    points = scene.left.internal.points + np.array([0.0, 0.0, scene.middle_mm])
    first, extent = list(start), list(size)
    for axis in range(3):
        wanted = (max_shape[axis] - 1) * NETWORK_MM
        slack = size[axis] - wanted
        if slack <= 0:
            continue
        low, high = 0.0, slack
        if axis > 0:
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


def _annotate(
    scene: Scene, start: Triple, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Centers per slice and channel, in voxels, and the slices that count."""
    s = start[0] + NETWORK_MM * np.arange(shape[0], dtype=np.float64)
    tree = scene.left
    common = s < tree.bifurcation_mm
    internal = tree.internal.at_height(s)
    external = np.full_like(internal, np.nan)
    if tree.external is not None:
        external = tree.external.at_height(s)
    external[common] = internal[common]
    centers = np.stack([internal, external], axis=1)
    centers -= np.array([start[1], start[2] - scene.middle_mm])
    centers /= NETWORK_MM
    outside = (centers < 0) | (centers > np.array(shape[1:]) - 1)
    centers[outside.any(axis=2)] = np.nan
    seen = scene.visibility(s)
    centers[seen < INVISIBLE] = np.nan
    # Between signal and pure noise nobody can say whether an artery is seen.
    doubtful = (seen >= INVISIBLE) & (seen < VISIBLE)
    return centers.astype(np.float32), ~doubtful

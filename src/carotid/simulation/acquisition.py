"""What the scanner does to a neck: coil, bias, motion, blur, noise, empty bands, resampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.canvas import separable, smooth_noise
from carotid.simulation.recipe import NeckRecipe, chance, draw, draw_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.simulation.canvas import Canvas, Triple


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """How much signal the coil receives along the height.

    Attributes:
        heights_mm: (n,) heights s.
        gain: (n,) factor on the signal; 0 where there is noise alone.
    """

    heights_mm: NDArray[np.float64]
    gain: NDArray[np.float64]

    def at(self, s_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """The factor at some heights."""
        gain: NDArray[np.float64] = np.interp(s_mm, self.heights_mm, self.gain)
        return gain


def draw_sensitivity(rng: np.random.Generator, recipe: NeckRecipe, height_mm: float) -> Sensitivity:
    """Draw the coil's gain along the height, 1 at its best."""
    s = np.arange(-1.0, height_mm + 2.0, 0.5)
    gain = np.ones_like(s)
    for from_end in (s, height_mm - s):
        if chance(rng, recipe.p_coil):
            start = draw(rng, (-5.0, 0.3 * height_mm))
            gain *= 0.5 ** (np.clip(start - from_end, 0, None) / draw(rng, (5.0, 30.0)))
        if chance(rng, recipe.p_noise_band):
            gain *= from_end > draw(rng, (2.0, min(30.0, 0.25 * height_mm)))
    return Sensitivity(s, gain)


def acquire(
    canvas: Canvas,
    rng: np.random.Generator,
    recipe: NeckRecipe,
    sensitivity: Sensitivity,
    noise_sd: float,
) -> None:
    """Turn the painted neck into what a scanner would have measured, in place."""
    _blur_and_ring(canvas, rng, recipe)
    if chance(rng, recipe.p_ghost):
        _move(canvas, rng)
    image = canvas.image
    axes = (canvas.axis_mm(0), canvas.axis_mm(1), canvas.axis_mm(2))
    scales = (
        draw_log(rng, (25.0, 120.0)),
        draw_log(rng, (20.0, 100.0)),
        draw_log(rng, (25.0, 120.0)),
    )
    strength = np.float32(draw(rng, recipe.bias_log_sd) * (0.3 if chance(rng, 0.4) else 1.0))
    bias = smooth_noise(rng, axes, scales)
    bias *= strength
    np.clip(bias, -1.6, 1.6, out=bias)
    np.exp(bias, out=bias)
    image *= bias
    image *= sensitivity.at(axes[0]).astype(np.float32)[:, None, None]
    sigma = np.float32(noise_sd)
    if chance(rng, 0.7):  # magnitude images
        other = rng.standard_normal(image.shape, dtype=np.float32)
        other *= sigma
        other *= other
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= sigma
        image += noise
        image *= image
        image += other
        np.sqrt(image, out=image)
    else:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= sigma
        image += noise
    if chance(rng, 0.25):  # a correction that raises the noise with the signal
        image /= bias ** np.float32(draw(rng, (0.3, 1.0)))
    if chance(rng, recipe.p_zero_border):
        _empty_borders(canvas, rng)


def _blur_and_ring(canvas: Canvas, rng: np.random.Generator, recipe: NeckRecipe) -> None:
    blur = draw(rng, recipe.blur_mm) if chance(rng, 0.5) else 0.0
    ring = chance(rng, recipe.p_ringing)
    if blur < 0.15 and not ring:
        return
    matrices = []
    for axis in range(3):
        n, spacing = canvas.image.shape[axis], canvas.spacing_mm[axis]
        gap = (np.arange(n)[:, None] - np.arange(n)) * spacing
        own = max(blur * rng.uniform(0.6, 1.4), 0.05)
        kernel = np.exp(-0.5 * (gap / own) ** 2)
        if ring and axis > 0:
            # A Fourier series cut off at a little less than the grid can carry.
            kernel = np.sinc(gap / (spacing * draw(rng, (1.05, 1.5)))) * (
                np.abs(gap) < 20 * spacing
            )
        kernel /= kernel.sum(axis=1, keepdims=True)
        matrices.append(kernel.astype(np.float32))
    canvas.image[...] = separable(canvas.image, (matrices[0], matrices[1], matrices[2]))


def _move(canvas: Canvas, rng: np.random.Generator) -> None:
    """Add fainter copies of the neck, shifted along p or l, or smear it along p."""
    image = canvas.image
    axis = int(rng.integers(1, 3))
    copies = image.copy()
    if chance(rng, 0.5):
        shift = max(1, round(draw(rng, (0.6, 2.4)) / canvas.spacing_mm[axis]))
        share = draw(rng, (0.1, 0.45))
    else:
        shift = round(draw(rng, (4.0, 40.0)) / canvas.spacing_mm[axis])
        share = draw(rng, (0.03, 0.2))
    image *= np.float32(1 - share)
    image += np.float32(share) * np.roll(copies, shift * (1 if chance(rng, 0.5) else -1), axis)


def _empty_borders(canvas: Canvas, rng: np.random.Generator) -> None:
    for axis in range(3):
        for end in (0, 1):
            if chance(rng, 0.35):
                n = canvas.image.shape[axis]
                width = int(rng.integers(1, max(2, n // 14)))
                part = slice(0, width) if end == 0 else slice(n - width, n)
                canvas.image[(slice(None),) * axis + (part,)] = 0


def resampled(
    image: NDArray[np.float32], spacing_mm: Triple, target_mm: Triple, *, smooth: bool = False
) -> NDArray[np.float32]:
    """Resample each axis from the first voxel's center on, with the edge value beyond the last.

    Args:
        image: (s, p, l).
        spacing_mm: Its voxel size.
        target_mm: The wanted voxel size; the number of voxels is the network's rule,
            `round((n − 1)·spacing/target + 1)`.
        smooth: Cubic convolution, as scanners do when they fill k-space with zeros, not linear.
    """
    matrices = [
        _weights(n, s / t, smooth=smooth)
        for n, s, t in zip(image.shape, spacing_mm, target_mm, strict=True)
    ]
    return separable(image, (matrices[0], matrices[1], matrices[2]))


def _weights(n: int, ratio: float, *, smooth: bool) -> NDArray[np.float32]:
    count = int(np.round((n - 1) * ratio + 1))
    at = np.minimum(np.arange(count) / ratio, n - 1)
    t = np.abs(at[:, None] - np.arange(n))
    if smooth:  # Keys' cubic convolution with a = -1/2
        near = 1.5 * t**3 - 2.5 * t**2 + 1
        far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        kernel = np.where(t < 1, near, np.where(t < 2, far, 0.0))
        kernel /= kernel.sum(axis=1, keepdims=True)
    else:
        kernel = np.clip(1 - t, 0, None)
    return kernel.astype(np.float32)

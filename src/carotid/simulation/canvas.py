"""A picture to paint on: soft-edged tubes, ellipsoids and smooth noise on a grid in millimetres.

Everything is float32 and is computed inside bounding boxes, because necks are made while a
network trains and have to be cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[slice, slice, slice]
Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Canvas:
    """A grid along s, p and l, and the picture on it.

    Attributes:
        image: (s, p, l) float32.
        origin_mm: Position of the first voxel's center.
        spacing_mm: Distance between voxel centers.
        softness_mm: Width of the ramp that stands for the partial volume at an edge.
    """

    image: NDArray[np.float32]
    origin_mm: Triple
    spacing_mm: Triple
    softness_mm: float

    def axis_mm(self, axis: int, part: slice = slice(None)) -> NDArray[np.float32]:
        """Positions of the voxel centers along an axis."""
        index = np.arange(*part.indices(self.image.shape[axis]), dtype=np.float32)
        return np.float32(self.origin_mm[axis]) + index * np.float32(self.spacing_mm[axis])

    def grid_mm(self, box: Box) -> tuple[NDArray[np.float32], ...]:
        """Positions along the three axes of a box, shaped to be broadcast."""
        s, p, lateral = (self.axis_mm(k, box[k]) for k in range(3))
        return s[:, None, None], p[None, :, None], lateral[None, None, :]

    def box(self, lowest_mm: NDArray[np.float64], highest_mm: NDArray[np.float64]) -> Box | None:
        """The voxels between two corners, or None when there is none."""
        origin, spacing = np.array(self.origin_mm), np.array(self.spacing_mm)
        start = np.ceil((lowest_mm - origin) / spacing).astype(int).clip(0)
        stop = (np.floor((highest_mm - origin) / spacing).astype(int) + 1).clip(
            None, self.image.shape
        )
        if (start >= stop).any():
            return None
        s, p, lateral = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        return s, p, lateral

    def edge(self, distance_mm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Share of a voxel that lies inside a surface at a signed distance (negative inside)."""
        share: NDArray[np.float32] = 0.5 - distance_mm * (1 / self.softness_mm)
        return np.clip(share, 0, 1, out=share)

    def paint(
        self, box: Box, share: NDArray[np.float32], value: float | NDArray[np.float32]
    ) -> None:
        """Replace a share of each voxel of a box by a value."""
        part = self.image[box]
        part += share * (value - part)


def tube_distance(
    canvas: Canvas,
    points: NDArray[np.float64],
    radius: NDArray[np.float64],
    reach_mm: float,
) -> tuple[Box, NDArray[np.float32]] | None:
    """Distance from a chain of spheres (and what lies between them), where it is below `reach_mm`.

    Args:
        canvas: Whose voxels are asked.
        points: (n, 3) centers s, p, l, mm.
        radius: (n,) mm.
        reach_mm: Beyond this distance from the surface the result is just that number.

    Returns:
        A box around all that is near, and the signed distance in it (negative inside), or None
        outside of the canvas.
    """
    pad = radius[:, None] + reach_mm
    bounds = canvas.box((points - pad).min(axis=0), (points + pad).max(axis=0))
    if bounds is None:
        return None
    shape = tuple(b.stop - b.start for b in bounds)
    out = np.full(shape, reach_mm, dtype=np.float32)
    axes = [canvas.axis_mm(k) for k in range(3)]
    first = np.minimum(points[:-1] - pad[:-1], points[1:] - pad[1:])
    last = np.maximum(points[:-1] + pad[:-1], points[1:] + pad[1:])
    origin, spacing = np.array(canvas.origin_mm), np.array(canvas.spacing_mm)
    low = np.array([b.start for b in bounds])
    high = np.array([b.stop for b in bounds])
    starts = np.maximum(np.ceil((first - origin) / spacing).astype(int), low)
    stops = np.minimum(np.floor((last - origin) / spacing).astype(int) + 1, high)
    for k in np.flatnonzero((starts < stops).all(axis=1)):
        a, step = points[k].astype(np.float32), (points[k + 1] - points[k]).astype(np.float32)
        length2 = max(float(step @ step), 1e-6)
        gap = [axes[i][starts[k, i] : stops[k, i]] - a[i] for i in range(3)]
        along = ((gap[0] * (step[0] / length2))[:, None] + gap[1] * (step[1] / length2))[
            :, :, None
        ] + gap[2] * (step[2] / length2)
        np.clip(along, 0, 1, out=along)
        square = ((gap[0] ** 2)[:, None] + gap[1] ** 2)[:, :, None] + gap[2] ** 2
        dot = (gap[0] * step[0])[:, None, None] + (gap[1] * step[1])[:, None] + gap[2] * step[2]
        dot *= -2
        dot += along * np.float32(length2)
        dot *= along
        square += dot
        np.maximum(square, 0, out=square)
        np.sqrt(square, out=square)
        along *= np.float32(radius[k + 1] - radius[k])
        square -= along
        square -= np.float32(radius[k])
        part = out[tuple(slice(starts[k, i] - low[i], stops[k, i] - low[i]) for i in range(3))]
        np.minimum(part, square, out=part)
    return bounds, out


def ellipsoid_distance(
    canvas: Canvas, center_mm: Triple, half_mm: Triple, turn: float = 0.0, lean: Triple = (0, 0, 0)
) -> tuple[Box, NDArray[np.float32]] | None:
    """Approximate signed distance from an ellipsoid turned about s and sheared along s.

    Args:
        canvas: Whose voxels are asked.
        center_mm: Center s, p, l.
        half_mm: Half axes along s, and along p and l before turning.
        turn: Angle about s, radians.
        lean: Shift in p and l (its last two) per mm of height.

    Returns:
        The box and the distance in it, exact only near the surface, or None.
    """
    across = max(half_mm[1], half_mm[2]) + 2 * canvas.softness_mm
    up = half_mm[0] + 2 * canvas.softness_mm
    reach = np.array([up, across + abs(lean[1]) * up, across + abs(lean[2]) * up])
    box = canvas.box(np.array(center_mm) - reach, np.array(center_mm) + reach)
    if box is None:
        return None
    s, p, lateral = canvas.grid_mm(box)
    up_mm, one, two = (float(h) for h in half_mm)
    center, slope = [float(c) for c in center_mm], [float(x) for x in lean]
    ds = s - center[0]
    dp = p - center[1] - slope[1] * ds
    dl = lateral - center[2] - slope[2] * ds
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    u = cos / one * dp + sin / one * dl
    v = cos / two * dl - sin / two * dp
    square = u * u + v * v
    square += (ds / up_mm) ** 2
    return box, np.asarray((np.sqrt(square) - 1) * min(one, two), dtype=np.float32)


def smooth_noise(
    rng: np.random.Generator,
    positions_mm: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    scale_mm: Triple,
) -> NDArray[np.float32]:
    """Smooth noise of standard deviation about 1: cubic B-splines with random coefficients.

    Args:
        rng: Source of chance.
        positions_mm: Where it is asked along s, p and l.
        scale_mm: Distance of the knots along s, p and l.
    """
    weights = [
        _spline_weights(x, h, rng.uniform()) for x, h in zip(positions_mm, scale_mm, strict=True)
    ]
    shape = tuple(w.shape[1] for w in weights)
    knots = rng.standard_normal(shape, dtype=np.float32) * np.float32(3.0)
    return separable(knots, (weights[0], weights[1], weights[2]))


def separable(
    array: NDArray[np.float32],
    matrices: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Apply one matrix (outputs, inputs) along each axis of `array`."""
    a, b, c = array.shape
    out = (array.reshape(a * b, c) @ matrices[2].T).reshape(a, b, -1)
    out = np.matmul(matrices[1], out)
    out = np.asarray(matrices[0] @ out.reshape(a, -1), dtype=np.float32)
    return out.reshape(matrices[0].shape[0], len(matrices[1]), len(matrices[2]))


def _spline_weights(x: NDArray[np.float32], knot_mm: float, shift: float) -> NDArray[np.float32]:
    """(len(x), knots) weights of cubic B-splines."""
    at = (x - x[0]) / knot_mm + shift + 2
    knots = np.arange(int(at[-1]) + 3)
    t = np.abs(at[:, None] - knots)
    near = 2 / 3 - t**2 + t**3 / 2
    far = np.clip(2 - t, 0, None) ** 3 / 6
    weights: NDArray[np.float32] = np.where(t < 1, near, far).astype(np.float32)
    return weights

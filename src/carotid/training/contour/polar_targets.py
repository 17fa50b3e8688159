"""What a polar network should answer: where each ray leaves the lumen, and how wide the wall is.

Both are in samples of the polar image. `exact` takes where the half-ray crosses the outlines;
`compatible` takes the point of the ray that is nearest to a vertex, as the known tool does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.geometry.polar import Rays


def exact_targets(
    lumen: NDArray[np.float64],
    wall: NDArray[np.float64],
    center: NDArray[np.float64],
    rays: Rays,
) -> NDArray[np.float64]:
    """Targets by crossings.

    Args:
        lumen: (m, 2) vertices in voxels.
        wall: (k, 2) vertices of the wall's outer boundary.
        center: (2,) where the rays meet.
        rays: How they are drawn.

    Returns:
        (2, n_angles) radius of the lumen, and width of the wall, which is not negative; NaN where a
        half-ray does not cross an outline.
    """
    directions = half_rays(rays)
    inner = crossings(lumen - center, directions)
    outer = crossings(wall - center, directions)
    first, last = np.fmin.reduce(inner, axis=1), np.fmax.reduce(outer, axis=1)
    per_voxel = rays.polar_ray / rays.cartesian_ray
    return np.stack([first, np.maximum(last - first, 0)]) * per_voxel


def half_rays(rays: Rays) -> NDArray[np.float64]:
    """(n_angles, 2) unit vectors of the halves that the outputs stand for, opposite to the rays."""
    turn = 2 * np.pi * np.arange(rays.n_angles) / rays.n_angles
    return -np.column_stack([np.cos(turn), np.sin(turn)])


def crossings(outline: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) where half-rays from the origin cross each edge of a closed outline; NaN where not."""
    start, end = outline, np.roll(outline, -1, axis=0)
    across = np.column_stack([-directions[:, 1], directions[:, 0]])
    side_start, side_end = across @ start.T, across @ end.T
    # An edge counts where it begins, not where it ends, so that a vertex is crossed once.
    crosses = (side_start >= 0) != (side_end >= 0)
    span = np.where(crosses, side_start - side_end, 1.0)
    t = side_start / span
    along = directions @ start.T
    at = along + t * (directions @ end.T - along)
    return np.asarray(np.where(crosses & (at > 0), at, np.nan))


def compatible_targets(
    lumen: NDArray[np.float64],
    wall: NDArray[np.float64],
    center: NDArray[np.float64],
    rays: Rays,
    resolution: int,
) -> NDArray[np.float64]:
    """Targets as the known tool makes them; arguments and result as `exact_targets`.

    The half-ray has `resolution · polar_ray // 2` points. Of all pairs of a point and a vertex the
    closest one counts, the first point on a tie.
    """
    count = resolution * rays.polar_ray
    step = rays.cartesian_ray / (count - 1)
    turn = 2 * np.pi * np.arange(rays.n_angles) / rays.n_angles
    directions = np.column_stack([np.cos(turn), np.sin(turn)])
    found = []
    for outline in (lumen - center, wall - center):
        along = outline @ directions.T  # (m, n)
        apart2 = (outline**2).sum(axis=1)[:, None] - along**2
        # The nearest point to a vertex is one of the two beside its foot on the ray.
        foot = (along + rays.cartesian_ray / 2) / step
        beside = np.stack([np.floor(foot), np.floor(foot) + 1])
        index = np.clip(beside, 0, count // 2 - 1)
        away2 = apart2 + ((index * step - rays.cartesian_ray / 2) - along) ** 2
        order = np.lexsort(
            (index.reshape(-1, rays.n_angles), away2.reshape(-1, rays.n_angles)), axis=0
        )
        best = index.reshape(-1, rays.n_angles)[order[0], np.arange(rays.n_angles)]
        found.append(best)
    inner, outer = found
    return np.stack([rays.polar_ray // 2 - inner / resolution, (inner - outer) / resolution])

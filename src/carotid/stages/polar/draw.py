"""Polar images of a scan around its centerlines, drawn as they are asked for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS, PolarBlock
from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.polar import PolarSampler, Rays, Sampling, slices_per_block
from carotid.geometry.sides import SIDE_NAMES, SideName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carotid.artifacts import Centerlines, Label, Scan
    from carotid.stages.polar.parameters import PolarParameters

logger = logging.getLogger(__name__)

NINE_CENTERS = ((0, 0), (0, -1), (0, 1), (-1, 0), (-1, -1), (-1, 1), (1, 0), (1, -1), (1, 1))
"""x and y of the centers of a slice from its own, in voxels, with `multiple_centers`."""

SAME_SPACING = 0.01
"""Spacings in x and y that differ by a larger share make ellipses of circles."""


@dataclass(frozen=True, eq=False)
class DrawnPolarImages:
    """Polar images that are drawn as they are asked for; see `carotid.artifacts.PolarImages`.

    Attributes:
        scan: Of what.
        centerlines: Where the images are drawn.
        parameters: How.
    """

    scan: Scan
    centerlines: Centerlines
    parameters: PolarParameters

    @cached_property
    def canonical(self) -> Grid:
        """The scan's grid in canonical order."""
        return self.scan.volume.grid.reoriented(CANONICAL)

    @property
    def stored(self) -> Grid | None:
        """The scan's stored grid."""
        return self.scan.volume.grid

    @property
    def rays(self) -> Rays:
        """How the rays are drawn."""
        return self.parameters.rays

    @property
    def sampling(self) -> Sampling | None:
        """How values are taken between voxels."""
        return self.parameters.sampling

    @property
    def stored_bytes(self) -> int:
        """What the images would take on disk, with the rows that repeat."""
        rays = self.rays
        image = 4 * rays.length * (2 * rays.n_angles - 1) * rays.polar_ray
        slices = sum(len(self._centers(side)[0]) for side in SIDE_NAMES)
        return slices * image * (len(NINE_CENTERS) if self.parameters.multiple_centers else 1)

    def blocks(self, side: SideName) -> Iterator[PolarBlock]:
        """The images of one side, a block at a time; what is doubtful about them is said first."""
        self._warn(side)
        sampler = PolarSampler(
            self.scan.volume, self.scan.intensities, self.rays, self.parameters.sampling
        )
        labels, points = self._centers(side)
        shifts = NINE_CENTERS if self.parameters.multiple_centers else NINE_CENTERS[:1]
        centers = np.repeat(points[:, None], len(shifts), axis=1)
        centers[..., :2] += np.array(shifts)
        count = slices_per_block(len(shifts))
        for start in range(0, len(centers), count):
            part = centers[start : start + count]
            images = sampler.images(part.reshape(-1, 3))
            yield PolarBlock(
                labels[start : start + count],
                part,
                images.reshape(*part.shape[:2], *images.shape[1:]),
            )

    def _warn(self, side: SideName) -> None:
        if side == SIDE_NAMES[0]:
            _warn_of_spacing(self.canonical)
        if self.sampling == "compatible":
            for label in LABELS:
                points = self.centerlines.side(side).artery(label).points
                _warn_of_border(points, self.canonical, self.rays, side, label)

    def _centers(self, side: SideName) -> tuple[tuple[Label, ...], NDArray[np.float64]]:
        """Label and (n, 3) position of each slice: external first, then by z."""
        sides = self.centerlines.side(side)
        labels: list[Label] = []
        for label in sorted(LABELS):
            labels += [label] * len(sides.artery(label))
        points = [sides.artery(label).points for label in sorted(LABELS)]
        return tuple(labels), np.concatenate(points)


def draw_polar_images(
    scan: Scan, centerlines: Centerlines, parameters: PolarParameters
) -> DrawnPolarImages:
    """Polar images around every center of both sides.

    Nothing is drawn before it is asked for, so that never all images are in memory.

    Args:
        scan: In any orientation.
        centerlines: Canonical voxel indices.
        parameters: How images are drawn.

    Raises:
        InputError: A center lies outside of the scan, two lie in one slice, or the centerlines
            were made on another grid.
    """
    images = DrawnPolarImages(scan, centerlines, parameters)
    grid, own = centerlines.grid, scan.volume.grid
    if grid is not None and not grid.agrees_with(own):
        raise InputError(
            "the centerlines were made on another grid than the scan's",
            found=f"{grid.shape} voxels, {grid.orientation}",
            expected=f"{own.shape} voxels, {own.orientation}",
            remedy="make the centerlines again from this scan",
        )
    for side in SIDE_NAMES:
        for label in LABELS:
            points = centerlines.side(side).artery(label).points
            _check(points, images.canonical, side, label)
    return images


def _check(points: NDArray[np.float64], grid: Grid, side: SideName, label: Label) -> None:
    last = np.array(grid.shape) - 1
    outside = np.flatnonzero(((points < 0) | (points > last)).any(axis=1))
    if len(outside):
        raise InputError(
            f"a center of the {side} {label} artery lies outside of the scan",
            found=" ".join(f"{value:g}" for value in points[outside[0]]),
            expected=f"voxel indices from 0 to {' '.join(map(str, last.tolist()))}",
            remedy="correct the centerline",
        )
    slices = points[:, 2].astype(np.int64)
    twice = np.flatnonzero(np.diff(slices) == 0)
    if len(twice):
        raise InputError(
            f"two centers of the {side} {label} artery lie in one slice",
            found=f"z = {points[twice[0], 2]:g} and {points[twice[0] + 1, 2]:g}",
            remedy="correct the centerline",
        )


def _warn_of_border(
    points: NDArray[np.float64], grid: Grid, rays: Rays, side: SideName, label: Label
) -> None:
    """Say where `compatible` sampling makes values up, beyond the border in x and in z."""
    x, z = points[:, 0], points[:, 2]
    beside = np.minimum(x, grid.shape[0] - 1 - x) < rays.cartesian_ray / 2
    at_end = np.minimum(z, grid.shape[2] - 1 - z) < rays.length // 2
    count = int((beside | at_end).sum())
    if count:
        logger.warning(
            "%s %s: %d of %d polar images reach beyond the scan, where compatible sampling "
            "extrapolates; their contours are doubtful",
            side,
            label,
            count,
            len(points),
        )


def _warn_of_spacing(grid: Grid) -> None:
    across, front = grid.spacing_mm[:2]
    if abs(across - front) > SAME_SPACING * min(across, front):
        logger.warning(
            "voxels are %.3f x %.3f mm within a slice: rays are drawn in voxels, so that a circle "
            "becomes an ellipse to the networks",
            across,
            front,
        )

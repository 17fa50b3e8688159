"""Annotated contours as surfaces that can be asked anywhere between the annotated slices.

The signed distance from an outline in its slice is exact; between two slices it is interpolated.
Nothing is known beyond the first and last slice of an artery, nor across gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from carotid.geometry.grid import CANONICAL
from carotid.geometry.outlines import centroids, inside, nearest, signed_areas, stacked
from carotid.stages.planes.sharpen import sharpened
from carotid.storage.raw import load_scan
from carotid.training.contour.annotations import label_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import Boundary, CrossSection
    from carotid.geometry.grid import Grid
    from carotid.geometry.volume import Volume
    from carotid.simulation.surfaces import Distance
    from carotid.training.contour.annotations import ContourSource

MAX_GAP_MM = 5.0
"""Annotated slices up to this far apart are joined."""

_ROUNDING = 1e-6

MARGIN_MM = 22.0
"""So much of the scan is kept around annotated arteries."""


@dataclass(frozen=True, eq=False)
class OutlineStack:
    """The surface through the outlines of one boundary of one artery.

    Attributes:
        grid: The scan's canonical grid.
        z: (s,) rising canonical slices.
        outlines: (s, n, 2) mm in the slices (index times spacing).
    """

    grid: Grid
    z: NDArray[np.float64]
    outlines: NDArray[np.float64]

    @classmethod
    def of(cls, grid: Grid, sections: Sequence[CrossSection], boundary: Boundary) -> Self:
        """The stack of sections of one artery, sorted by z; all must have the boundary."""
        spacing = np.array(grid.spacing_mm[:2])
        lines = [one.outline(boundary) for one in sections]
        points = [line.points * spacing for line in lines if line is not None]
        return cls(grid, np.array([float(one.z) for one in sections]), stacked(points))

    def __call__(self, at_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of (n, 3) R-A-S mm; NaN where the outlines say nothing."""
        index = self.grid.index_from_world(at_mm)
        xy = index[:, :2] * np.array(self.grid.spacing_mm[:2])
        z = np.clip(index[:, 2], self.z[0], self.z[-1])
        out = np.full(len(z), np.nan)
        above = np.clip(np.searchsorted(self.z, z, side="right"), 1, len(self.z) - 1)
        gap = (self.z[above] - self.z[above - 1]) * self.grid.spacing_mm[2]
        known = (np.abs(index[:, 2] - z) < _ROUNDING) & (gap <= MAX_GAP_MM)
        k = above[known]
        low, high = (_signed(xy[known], self.outlines[j]) for j in (k - 1, k))
        t = (z[known] - self.z[k - 1]) / (self.z[k] - self.z[k - 1])
        out[known] = low + t * (high - low)
        return out


def _signed(points: NDArray[np.float64], outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) signed distance of (m, 2) points, each from its own of (m, n, 2) closed outlines."""
    distance = nearest(points[:, None], outlines)[0][:, 0]
    within = inside(points[:, None], outlines)[:, 0]
    return np.asarray(np.where(within, -distance, distance))


@dataclass(frozen=True, eq=False)
class AnnotatedArtery:
    """One artery as its annotation shows it; see `plane_samples.Artery`."""

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    lumen: Distance
    wall: Distance


@dataclass(frozen=True, eq=False)
class AnnotatedSide:
    """One side of a scan with its contours; see `plane_samples.Side`.

    Attributes:
        volume: The scan.
        internal: The common and internal carotid; below the flow divider both arteries in one.
        external: The external carotid above it; None where it is not annotated.
        joined_below: True: below the external's first contour the internal's hold both.
    """

    volume: Volume
    internal: AnnotatedArtery
    external: AnnotatedArtery | None
    joined_below: bool = True


def load_annotated(source: ContourSource) -> AnnotatedSide | None:
    """The part of a scan around the annotated arteries of one side; None where there are too few.

    Raises:
        InputError: The scan cannot be read.
    """
    internal = annotated_artery(source.canonical, label_sections(source, "internal"))
    external = annotated_artery(source.canonical, label_sections(source, "external"))
    if internal is None:
        internal, external = external, None
    if internal is None:
        return None
    points = [one.points_mm for one in (internal, external) if one is not None]
    index = source.canonical.index_from_world(np.concatenate(points))
    margin = MARGIN_MM / np.array(source.canonical.spacing_mm)
    last = np.array(source.canonical.shape)
    start = np.clip(np.floor(index.min(axis=0) - margin), 0, last - 2).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0) + margin) + 1, start + 2, last).astype(int)
    canonical = load_scan(source.scan).reoriented(CANONICAL)
    part = canonical.cropped(
        (int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2]))
    )
    # A copy, so that the scan can be let go.
    part = part.with_array(np.ascontiguousarray(part.array))
    part, _ = sharpened(part, np.concatenate(points))
    return AnnotatedSide(part, internal, external)


def annotated_artery(grid: Grid, sections: Sequence[CrossSection]) -> AnnotatedArtery | None:
    """One artery; None where fewer than two slices show it whole.

    Args:
        grid: The scan's canonical grid.
        sections: Its cross-sections.
    """
    own = [one for one in sections if one.lumen is not None and one.wall is not None]
    own.sort(key=lambda one: one.z)
    if len(own) < 2:
        return None
    lumen = OutlineStack.of(grid, own, "lumen")
    middle = centroids(lumen.outlines) / np.array(grid.spacing_mm[:2])
    points = grid.world_from_index(np.column_stack([middle, lumen.z]))
    radius = np.sqrt(np.abs(signed_areas(lumen.outlines)) / np.pi)
    return AnnotatedArtery(points, radius, lumen, OutlineStack.of(grid, own, "wall"))

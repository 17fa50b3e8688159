"""What keeps annotated contours from being trained on, as far as it shows without the voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.errors import InputError
from carotid.geometry.outlines import inside, signed_areas
from carotid.storage.annotations import joined_slices, read_centers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection
    from carotid.geometry.grid import Grid

LARGEST_MM = {"lumen": 30.0, "wall": 40.0}
"""No carotid is as wide as this, nor a bulb with both branches in one outline."""

SMALLEST_MM = 0.1
"""Nobody can draw a lumen as narrow as this."""

FARTHEST_MM = 10.0
"""Lumens that are farther from their centerline than this belong to another place."""

_OVER = 1.05
"""A lumen may be larger than its wall by this, where both were drawn along the same line."""


def section_mistake(section: CrossSection, canonical: Grid) -> str | None:
    """What is wrong with one cross-section; None where nothing is.

    Args:
        section: The cross-section.
        canonical: The scan's grid in canonical order.
    """
    areas = {}
    spacing = np.array(canonical.spacing_mm[:2])
    for name, outline in (("lumen", section.lumen), ("wall", section.wall)):
        if outline is None:
            return f"no {name}"
        if len(outline.points) < 3:
            return f"a {name} of fewer than three points"
        areas[name] = abs(float(signed_areas((outline.points * spacing)[None])[0]))
        wide = 2 * (areas[name] / np.pi) ** 0.5
        if not SMALLEST_MM <= wide <= LARGEST_MM[name]:
            return f"a {name} {wide:.3g} mm wide"
    if areas["lumen"] > _OVER * areas["wall"]:
        return "the wall lies inside the lumen (are they exchanged?)"
    middle = lumen_center(section)
    if (middle < -0.5).any() or (middle > np.array(canonical.shape[:2]) - 0.5).any():
        return "the lumen lies outside of the scan"
    lumen = section.lumen
    if lumen is not None and not inside(middle[None, None], lumen.points[None])[0, 0]:
        return "the mean of the lumen's points lies outside of it"
    return None


def lumen_center(section: CrossSection) -> NDArray[np.float64]:
    """(2,) mean of a lumen's points, voxel indices; NaN where there is none."""
    if section.lumen is None or not len(section.lumen.points):
        return np.full(2, np.nan)
    return np.asarray(section.lumen.points.mean(axis=0), np.float64)


def lumen_centers(sections: Sequence[CrossSection]) -> NDArray[np.float64]:
    """(n, 2) centers of the lumens that there are."""
    found = np.array([lumen_center(one) for one in sections]).reshape(-1, 2)
    return np.asarray(found[np.isfinite(found[:, 0])], np.float64)


def place_mistake(
    sections: Sequence[CrossSection], centerline: Path, canonical: Grid
) -> str | None:
    """Say that a side's lumens lie far from its annotated centerline; None where they do not.

    Args:
        sections: The side's cross-sections.
        centerline: The annotated centerline, as for training of heatmaps; need not be there.
        canonical: The scan's grid in canonical order.
    """
    if not sections or not centerline.is_file():
        return None
    try:
        known = read_centers(centerline)
    except InputError:  # contours are trained on without it
        return None
    z = np.array([one.z for one in sections])
    at = known.at_slices(z, joined_slices(canonical.spacing_mm[2]))
    centers = np.array([lumen_center(one) for one in sections])
    apart = (at - centers[:, None]) * np.array(canonical.spacing_mm[:2])
    nearest = np.fmin(*np.linalg.norm(apart, axis=-1).T)
    nearest = nearest[np.isfinite(nearest)]
    if not nearest.size or np.median(nearest) <= FARTHEST_MM:
        return None
    return (
        f"half of the lumens lie more than {np.median(nearest):.3g} mm from {centerline.name} "
        "(x and y are voxel indices)"
    )

"""Outlines that cannot be meant, told before something is made of them.

Tables of contours come from other programs and from hands too. What has no area, lies outside of
the scan, or has lumen and wall exchanged would otherwise leave nothing but empty cells.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import BOUNDARIES
from carotid.geometry.outlines import signed_areas
from carotid.geometry.polygons import has_area

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.artifacts import CrossSection
    from carotid.geometry.grid import Grid
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

_FEWEST = 3
_EXCHANGED = "of lumens are larger than those of their walls; look whether names are exchanged"
_LARGER = 1.001
"""Lumens are compared with their walls up to rounding."""


def tell_doubtful_outlines(
    sections: Sequence[CrossSection], side: SideName, canonical: Grid, unused: str
) -> None:
    """Warn of outlines that cannot be meant, with how many there are of each kind.

    Args:
        sections: One side's.
        side: Which one.
        canonical: The scan's grid in canonical order.
        unused: What becomes of outlines without an area, as "stay empty".
    """
    found: Counter[str] = Counter()
    for section in sections:
        areas = []
        for boundary in BOUNDARIES:
            outline = section.outline(boundary)
            if outline is None:
                continue
            if len(outline.points) < _FEWEST:
                found[f"have fewer than {_FEWEST} points and {unused}"] += 1
            elif not has_area(outline.points):
                found[f"have no area and {unused}"] += 1
            elif _lies_outside(outline.points, canonical):
                found["lie outside of the scan"] += 1
            else:
                areas.append(abs(float(signed_areas(outline.points[None])[0])))
        if len(areas) == len(BOUNDARIES) and areas[0] > _LARGER * areas[1]:
            found[_EXCHANGED] += 1
    for what, count in found.items():
        logger.warning("%s: %d outlines %s", side, count, what)


def _lies_outside(points: NDArray[np.float64], canonical: Grid) -> bool:
    """Whether the box around an outline has no voxel of the scan in it."""
    last = np.array(canonical.shape[:2]) - 0.5
    return bool((points.max(axis=0) < -0.5).any() or (points.min(axis=0) > last).any())

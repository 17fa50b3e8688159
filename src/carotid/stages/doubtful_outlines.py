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
from carotid.counted import counted
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
_EXCHANGED = "larger than the wall's; look whether names are exchanged"
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
        unused: What becomes of outlines without an area, as "kept empty".
    """
    found: Counter[tuple[str, str]] = Counter()
    for section in sections:
        areas = []
        for boundary in BOUNDARIES:
            outline = section.outline(boundary)
            if outline is None:
                continue
            if len(outline.points) < _FEWEST:
                found["outline", f"with fewer than {_FEWEST} points, {unused}"] += 1
            elif not has_area(outline.points):
                found["outline", f"without an area, {unused}"] += 1
            elif _lies_outside(outline.points, canonical):
                found["outline", "outside of the scan"] += 1
            else:
                areas.append(abs(float(signed_areas(outline.points[None])[0])))
        if len(areas) == len(BOUNDARIES) and areas[0] > _LARGER * areas[1]:
            found["lumen outline", _EXCHANGED] += 1
    for (thing, what), count in found.items():
        logger.warning("%s: %s %s", side, counted(count, thing), what)


def _lies_outside(points: NDArray[np.float64], canonical: Grid) -> bool:
    """Whether the box around an outline has no voxel of the scan in it."""
    last = np.array(canonical.shape[:2]) - 0.5
    return bool((points.max(axis=0) < -0.5).any() or (points.min(axis=0) > last).any())

"""Centerlines as annotation files: tab-separated `label x y z`, one row per slice and label.

x, y and z are canonical voxel indices of the scan (index 0 grows to R, 1 to A, 2 to S), fractional
in x and y. The common carotid is written as `internal` alone: it is what lies below the lowest
`external` row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.simulation.truth import LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = "label\tx\ty\tz"


def annotation_text(centers: NDArray[np.float64]) -> str:
    """The file's text.

    Args:
        centers: (axial slices, 2, 2) slice, label, canonical x and y; NaN where absent.
    """
    rows = [HEADER]
    for k, label in enumerate(LABELS):
        for z in np.flatnonzero(np.isfinite(centers[:, k]).all(axis=1)):
            x, y = centers[z, k]
            rows.append(f"{label}\t{x:.4f}\t{y:.4f}\t{z}")
    return "\n".join(rows) + "\n"

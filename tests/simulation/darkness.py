"""Whether the truth about a neck lies where its blood is dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.truth import slice_centers

if TYPE_CHECKING:
    from carotid.simulation.truth import SimulatedNeck


def darkness(neck: SimulatedNeck, least: int = 10) -> list[float]:
    """Per side and label with more than `least` slices, the share of dark centers."""
    volume = neck.volume.reoriented("RAS")
    spacing = volume.grid.spacing_mm
    shares = []
    for side in SIDE_NAMES:
        for label in (0, 1):
            centers = slice_centers(neck, side)[:, label]
            good = []
            for z in np.flatnonzero(np.isfinite(centers).all(axis=1)):
                x, y = np.rint(centers[z]).astype(int)
                dx, dy = (int(np.ceil(6 / s)) for s in spacing[:2])
                part = volume.array[max(x - dx, 0) : x + dx, max(y - dy, 0) : y + dy, z]
                good.append(volume.array[x, y, z] < np.median(part.astype(float)))
            if len(good) > least:
                shares.append(float(np.mean(good)))
    return shares

"""Sides that are quick to make: dark tubes on noise, one below the fork and two above it."""

from __future__ import annotations

import numpy as np

from carotid.training.heatmap.stream import StoredSide

SHAPE = (48, 32, 48)


def tubes(seed: int) -> StoredSide:
    """A side of 48x32x48 voxels; the internal tube is the wider one and lies lateral."""
    rng = np.random.default_rng(seed)
    s, p, columns = SHAPE
    height = np.arange(s)
    fork = float(rng.uniform(12, 30))
    centers = np.empty((s, 2, 2), np.float32)
    apart = np.clip((height - fork) * 0.5, 0, 9)
    centers[:, 0] = np.stack([p / 2 + 0 * apart, columns / 2 - 4 + apart], axis=1)
    centers[:, 1] = np.stack([p / 2 + 0 * apart, columns / 2 - 4 - 0.5 * apart], axis=1)
    image = rng.normal(0.7, 0.05, SHAPE)
    row_index, column_index = np.mgrid[:p, :columns]
    for channel, radius in ((1, 2.0), (0, 3.5)):
        for z in range(s):
            row, column = centers[z, channel]
            image[z][np.hypot(row_index - row, column_index - column) < radius] = 0.1
    return StoredSide(image.astype(np.float16), centers, np.ones(s, np.bool_), fork)

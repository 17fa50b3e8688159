"""What is quick to make: sides with dark tubes on noise, scans of noise with annotated centers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.annotations import annotation_text
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.layout import centerline_file
from carotid.training.heatmap.stream import StoredSide

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.geometry.sides import SideName

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


def write_participant(root: Path, name: str, seed: int) -> None:
    """A scan of noise in `raw`, and centers of both sides in `annotations`."""
    rng = np.random.default_rng(seed)
    shape = (60, 24, 30)
    grid = Grid(shape, np.diag([0.6, 0.6, 0.6, 1.0]))
    (root / "raw").mkdir(exist_ok=True)
    volume = Volume(rng.integers(0, 900, shape).astype(np.int16), grid)
    write_metaimage(root / "raw" / f"{name}.mha", volume)
    places: tuple[tuple[SideName, float], ...] = (("left", 12.0), ("right", 48.0))
    for side, x in places:
        centers = np.full((30, 2, 2), np.nan)
        centers[3:27, 0] = x, 12.0
        centers[14:27, 1] = x + 3, 15.0
        path = centerline_file(root / "annotations", name, side)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(annotation_text(centers))

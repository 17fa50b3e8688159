"""What is foreseen from the header is what the command takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.faults.harness import Place, run
from tests.storage.metaimage.files import file_bytes

from carotid.geometry.grid import Grid
from carotid.stages.heatmap.forecast import foresee
from carotid.stages.heatmap.parameters import HeatmapParameters

if TYPE_CHECKING:
    from pathlib import Path

CLOSE = 0.3
"""Largest difference, relative to what was taken."""

SIZES = {
    "small": ((90, 64, 96), (96, 64, 64), 2),
    "medium": ((320, 96, 256), (256, 96, 224), 2),
    "large": ((480, 100, 400), (368, 64, 320), 3),
}
"""Scan (x, y, z) at 0.5 mm, window (z, y, x), members."""


@pytest.mark.faults
@pytest.mark.parametrize("size", SIZES)
def test_the_forecast_is_near_what_is_taken(size: str, tmp_path: Path) -> None:
    shape, window, members = SIZES[size]
    place = Place.made(tmp_path, [], models=members)
    voxels = np.random.default_rng(0).integers(0, 900, shape[::-1], np.int16)
    sizes = " ".join(map(str, shape))
    for name in ("one", "two"):
        content = file_bytes(voxels.tobytes(), DimSize=sizes, ElementSpacing="0.5 0.5 0.5")
        (place.raw / f"{name}.mha").write_bytes(content)
    place.config.write_text(
        f"[heatmap_transform]\nroi_size = {list(window)}\noverlap = 0\nspacing = false\n"
    )
    parameters = HeatmapParameters(roi_size=window, overlap=0, spacing=False)
    grid = Grid(shape, np.diag([-0.5, -0.5, 0.5, 1.0]))
    foreseen = foresee(grid, np.dtype(np.int16), members, parameters).total_bytes
    ran = run(place.arguments, tmp_path)
    assert ran.code == 0, ran.err
    ratio = foreseen / ran.peak_bytes
    print(f"{size}: {foreseen >> 20} MiB foreseen, {ran.peak_bytes >> 20} taken")  # noqa: T201
    assert abs(ratio - 1) < CLOSE, (foreseen, ran.peak_bytes)

"""Draw axial slices of any scan with the maxima that a model directory finds in them.

    python -m benchmarks.scan_picture SCAN PICTURE [--models MODEL_DIR] [--slices 10]

SCAN is one file, or a folder of DICOM slices. Internal red triangles, external green circles:
maxima of the mean heatmap, filled where the peak is above 100; both yellow where they are closer
than 3 mm, as in the common carotid. The patient's right is on the left.
Windows are those that the models ask for, as in `carotid run`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.figure
import numpy as np

from carotid.evaluation.distances import HIGH_PEAK, slice_maxima
from carotid.figures.palette import ON_SCAN
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.members import load_members
from carotid.network.shipped import shipped_models
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.wishes import heatmap_settings
from carotid.storage.participants import find_scans_at
from carotid.storage.raw import load_scan

if TYPE_CHECKING:
    from carotid.geometry.volume import Volume
    from carotid.network.members import Member

MARKS = ((ON_SCAN.lumen, "^", 40), (ON_SCAN.external, "o", 18))
"""Of internal and external: color, shape, size."""

TOGETHER = ON_SCAN.outer
TOGETHER_MM = 3.0
COLUMNS = 5
DPI = 110


def draw(
    volume: Volume,
    members: list[Member],
    parameters: HeatmapParameters,
    picture: Path,
    slices: int,
) -> None:
    heatmaps = compute_heatmaps(
        volume.array, volume.grid.affine, members, parameters, percentiles=(5.0, 95.0)
    )
    way = Reordering.between(volume.grid, CANONICAL)
    grey = np.asarray(way.view(volume.array), np.float32)
    low, high = np.percentile(grey, (5, 95))
    grey = np.clip((grey - low) / max(high - low, 1e-6), 0, 1)
    across_mm, up_mm, _ = volume.grid.reoriented(CANONICAL).spacing_mm
    rows = -(-slices // COLUMNS)
    size = (3.2 * COLUMNS, 3.2 * rows * grey.shape[1] * up_mm / (grey.shape[0] * across_mm))
    figure = matplotlib.figure.Figure(figsize=size, facecolor="black")
    chosen = np.unique(np.linspace(0, grey.shape[2] - 1, slices).round().astype(int))
    found = {}
    for side in SIDE_NAMES:
        mean = np.asarray(way.view(heatmaps.side(side).mean, first_axis=1), np.float32)
        found[side] = slice_maxima(np.ascontiguousarray(np.moveaxis(mean, 3, 1)))
    for place, z in enumerate(chosen[::-1]):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        axes.imshow(grey[::-1, :, z].T, cmap="gray", origin="lower", aspect=up_mm / across_mm)
        for maxima, peaks in found.values():
            apart_mm = np.hypot(*((maxima[z, 0] - maxima[z, 1]) * (across_mm, up_mm)))
            for channel, (own, mark, size_pt) in enumerate(MARKS):
                x, y = maxima[z, channel]
                color = TOGETHER if apart_mm < TOGETHER_MM else own
                filled = peaks[z, channel] > HIGH_PEAK
                axes.scatter(
                    grey.shape[0] - 1 - x,
                    y,
                    s=size_pt,
                    marker=mark,
                    edgecolors=color,
                    facecolors=color if filled else "none",
                    linewidths=1.0,
                    alpha=0.8,
                )
        for letter, at in (("R", 0.03), ("L", 0.97)):
            axes.text(at, 0.5, letter, color="white", fontsize=9, ha="center", va="center",
                      transform=axes.transAxes)  # fmt: skip
        axes.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1, 0.01, 0.01)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=DPI, facecolor="black", metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("scan", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--models", type=Path, default=shipped_models("heatmap"))
    parser.add_argument("--slices", type=int, default=10)
    chosen = parser.parse_args()
    (scan,) = find_scans_at(chosen.scan).scans.values()
    settings = heatmap_settings(chosen.models).get("heatmap", {})
    parameters = HeatmapParameters.model_validate(settings)
    members = load_members(chosen.models)
    draw(load_scan(scan), members, parameters, chosen.picture, chosen.slices)


if __name__ == "__main__":
    main()

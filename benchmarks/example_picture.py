"""Draw the picture of the README from a folder that `carotid demo` has filled, and its heatmaps.

    carotid transform heatmap DEMO_DIR/raw "$(carotid models path heatmap)" DEMO_DIR/heatmaps
    python -m benchmarks.example_picture DEMO_DIR PARTICIPANT [PICTURE]

Coronal view: the darkest voxel from front to back around the vessels, the mean heatmaps' largest
value laid over it; internal red, external green, both yellow. Right: two axial slices with every
model's maximum. The patient's right is on the left.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.figure
import numpy as np

from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.storage.results.heatmaps import load_heatmaps
from carotid.storage.results.layout import HEATMAP_TRANSFORM, OutputLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_PEAK = 402.0


def draw(demo: Path, participant: str, picture: Path) -> None:
    scan = load_scan(find_scans(demo / "raw")[participant])
    layout = OutputLayout(demo / "heatmaps")
    heatmaps = load_heatmaps(layout.transform(participant, HEATMAP_TRANSFORM))
    way = Reordering.between(heatmaps.grid, CANONICAL)
    grey = np.asarray(way.view(scan.array), np.float32)
    mean = np.maximum(*(way.view(heatmaps.side(side).mean, 1) for side in SIDE_NAMES))
    spacing = heatmaps.grid.reoriented(CANONICAL).spacing_mm
    low, high = np.percentile(grey, (2, 98))
    grey = np.clip((grey - low) / (high - low), 0, 1)

    figure = matplotlib.figure.Figure(figsize=(10, 4.6), facecolor="black")
    grid = figure.add_gridspec(
        2, 2, width_ratios=(1, 1.15), wspace=0.03, hspace=0.22, left=0.01, right=0.99, top=0.93,
        bottom=0.08,
    )  # fmt: skip
    axes = figure.add_subplot(grid[:, 0])
    row = np.unravel_index(mean.sum(0).argmax(), mean.shape[1:])[1]
    near = slice(max(row - 12, 0), row + 12)
    over(axes, grey[:, near].mean(1), mean.max(2), spacing[0], spacing[2])
    axes.set_title("coronal, with mean heatmaps", color="white", fontsize=10)
    for line, share in enumerate((0.78, 0.25)):
        z = int(share * grey.shape[2])
        tile = figure.add_subplot(grid[line, 1])
        over(tile, grey[:, :, z], mean[..., z] * 0.0, spacing[0], spacing[1])
        for side in SIDE_NAMES:
            for channel, (color, mark) in enumerate((("#ff5a4d", "^"), ("#4be07c", "o"))):
                x, y = heatmaps.side(side).max_indices[:, channel, z].T
                tile.scatter(
                    -x * spacing[0],
                    y * spacing[1],
                    s=40,
                    linewidths=1.2,
                    edgecolors=color,
                    facecolors="none",
                    marker=mark,
                )
        title = f"axial, {'upper' if line == 0 else 'lower'} neck: each model's maxima"
        tile.set_title(title, color="white", fontsize=10)
    figure.text(0.5, 0.02, "internal red, external green, common (both) yellow", color="white",
                ha="center", fontsize=10)  # fmt: skip
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110, facecolor="black", metadata={"Software": None})


def over(
    axes: matplotlib.axes.Axes,
    grey: NDArray[np.float32],
    heat: NDArray[np.float32],
    across_mm: float,
    up_mm: float,
) -> None:
    """A picture whose first index grows to the patient's right, drawn with right on the left."""
    internal, external = np.clip(heat / FULL_PEAK, 0, 1)
    strength = np.maximum(internal, external)[..., None]
    color = np.stack([internal, external, np.zeros_like(internal)], -1)
    color /= np.maximum(color.max(-1, keepdims=True), 1e-6)
    rgb = grey[..., None] * (1 - 0.75 * strength) + 0.75 * strength * color
    width, height = grey.shape
    extent = (-(width - 0.5) * across_mm, 0.5 * across_mm, -0.5 * up_mm, (height - 0.5) * up_mm)
    axes.imshow(np.clip(rgb, 0, 1)[::-1].transpose(1, 0, 2), origin="lower", extent=extent)
    for letter, x in (("R", 0.03), ("L", 0.97)):
        axes.text(x, 0.5, letter, color="white", transform=axes.transAxes, ha="center")
    axes.set_axis_off()


if __name__ == "__main__":
    target = sys.argv[3] if len(sys.argv) > 3 else "docs/images/heatmap_example.png"
    draw(Path(sys.argv[1]), sys.argv[2], Path(target))

"""Draw twelve simulated necks into docs/images/simulated_necks.png.

Run from the repository's root: `python -m benchmarks.simulated_necks_picture [SEED]`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from carotid.geometry.sides import SIDE_NAMES
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import slice_centers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from carotid.simulation.truth import SimulatedNeck

TARGET = Path(__file__).parents[1] / "docs" / "images" / "simulated_necks.png"
COLORS = ("#ff5a4d", "#40e08a")
ROWS, COLUMNS = 3, 4


def main() -> None:
    """Write the picture."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    ratios = [1.0, 2.3] * ROWS
    figure, axes = plt.subplots(
        2 * ROWS, COLUMNS, figsize=(14, 13), gridspec_kw={"height_ratios": ratios}
    )
    for k in range(ROWS * COLUMNS):
        row, column = divmod(k, COLUMNS)
        neck = simulate_neck(first + k)
        draw_neck(neck, axes[2 * row, column], axes[2 * row + 1, column])
        axes[2 * row, column].set_title(f"seed {first + k}", fontsize=9)
    figure.tight_layout(pad=0.4)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, dpi=80)
    print(TARGET)


def draw_neck(neck: SimulatedNeck, axial: Axes, coronal: Axes) -> None:
    """One axial slice above the left bifurcation, and a coronal cut along the left carotid."""
    volume = neck.volume.reoriented("LAS")  # index 0 grows to the patient's left, drawn rightwards
    image = volume.array.astype(np.float32)
    low, high = np.percentile(image, [5, 95])
    image = np.clip((image - low) / max(high - low, 1), 0, 1)
    x_mm, y_mm, z_mm = volume.grid.spacing_mm
    centers = {side: slice_centers(neck, side) for side in SIDE_NAMES}
    for value in centers.values():
        value[..., 0] = image.shape[0] - 1 - value[..., 0]
    z = _shown_slice(neck, image.shape[2])
    axial.imshow(image[:, :, z].T, cmap="gray", origin="lower", aspect=y_mm / x_mm)
    for value in centers.values():
        for k, color in enumerate(COLORS):
            axial.plot(*value[z, k], "+", color=color, markersize=7)
    y = _filled(centers["left"][:, 0, 1], image.shape[1] / 2)
    heights = np.arange(image.shape[2])
    cut = image[:, np.rint(y).astype(int).clip(0, image.shape[1] - 1), heights]
    coronal.imshow(cut.T, cmap="gray", origin="lower", aspect=z_mm / x_mm)
    for value in centers.values():
        for k, color in enumerate(COLORS):
            coronal.plot(value[:, k, 0], heights, color=color, linewidth=0.8)
    coronal.text(0.02, 0.97, "R", color="white", transform=coronal.transAxes, va="top")
    coronal.text(0.95, 0.97, "L", color="white", transform=coronal.transAxes, va="top")
    for panel in (axial, coronal):
        panel.set_axis_off()


def _shown_slice(neck: SimulatedNeck, slices: int) -> int:
    """A slice 15 mm above the left bifurcation, or the nearest one that there is."""
    grid = neck.volume.grid.reoriented("RAS")
    fork = grid.index_from_world(neck.sides["left"].bifurcation_mm)[2]
    return int(np.clip(fork + 15 / grid.spacing_mm[2], 0, slices - 1))


def _filled(values: NDArray[np.float64], default: float) -> NDArray[np.float64]:
    """Gaps filled from their neighbours."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        return np.full_like(values, default)
    filled: NDArray[np.float64] = np.interp(np.arange(len(values)), known, values[known])
    return filled


if __name__ == "__main__":
    main()

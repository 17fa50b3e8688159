"""Draw the picture of the centerline page: a simulated neck's side with what both methods find.

    python -m benchmarks.centerline_picture PICTURE [--kind second-hard] [--neck 3] [--side left]
                                            [--cache_dir DIR]

Left and middle: the scan along the internal carotid as `joint` finds it, seen from the front and
from the side; each row is a slice, cut where the artery runs. Internal red, external green, with
bands as wide as the uncertainty, the bifurcation as a star with its uncertainty; `sections` is
dotted. Right: errors against the truth by height. The patient's right is on the left.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.figure
import numpy as np

from benchmarks.neck_heatmaps import KINDS, PERCENTILES, cases
from carotid.artifacts import LABELS
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.shipped import shipped_models
from carotid.stages.centerline.find import find_side
from carotid.stages.centerline.parameters import CenterlineParameters, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.artifacts import Centerline, SideCenterlines

COLORS = {"internal": "#ff5a4d", "external": "#35c46a"}
STYLES: dict[Method, str] = {"joint": "-", "sections": ":"}
HALF_WIDTH_MM = 22.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--kind", choices=list(KINDS), default="second-hard")
    parser.add_argument("--neck", type=int, default=3)
    parser.add_argument("--side", choices=SIDE_NAMES, default="left")
    parser.add_argument("--cache_dir", type=Path)
    given = parser.parse_args()
    models = shipped_models("heatmap")
    (case,) = cases(given.kind, [given.neck], models, given.cache_dir)
    grey = KINDS[given.kind](given.neck).volume.reoriented(CANONICAL).array.astype(np.float64)
    low, high = np.percentile(grey, PERCENTILES)
    grid, truth = case.heatmaps.grid, case.truth[given.side]
    slices = case.heatmaps.slices(given.side)
    found: dict[Method, SideCenterlines] = {
        method: find_side(slices, grid, given.side, CenterlineParameters(method=method))
        for method in STYLES
    }
    figure = matplotlib.figure.Figure(figsize=(9.6, 5.6))
    axes = figure.subplots(1, 3, sharey=True, width_ratios=(1, 1, 1.1))
    scaled = np.clip((grey - low) / (high - low), 0, 1)
    for axis, name in ((0, "from the front"), (1, "from the left")):
        along(axes[axis], scaled, found, axis, np.array(grid.spacing_mm))
        axes[axis].set_title(name, fontsize=10)
    axes[0].set_ylabel("height, mm")
    errors(axes[2], found, truth.centers, np.array(grid.spacing_mm))
    figure.tight_layout()
    given.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.picture, dpi=80, metadata={"Software": None})


def along(
    axes: Any,
    grey: NDArray[np.float64],
    found: dict[Method, SideCenterlines],
    axis: int,
    spacing: NDArray[np.float64],
) -> None:
    """The scan cut along the internal carotid, and the arteries in it.

    Args:
        axes: Where to draw.
        grey: (x, y, z) from 0 to 1.
        found: Centerlines by method.
        axis: The axis that is shown across: 0 is x, 1 is y.
        spacing: (3,) mm.
    """
    internal = found["joint"].internal.points
    z = np.arange(grey.shape[2])
    cut = np.rint(np.interp(z, internal[:, 2], internal[:, 1 - axis])).astype(int)
    rows = grey[:, cut, z] if axis == 0 else grey[cut, :, z].T
    extent = (0, rows.shape[0] * spacing[axis], 0, rows.shape[1] * spacing[2])
    axes.imshow(rows.T, cmap="gray", origin="lower", extent=extent, aspect="equal")
    for method, side in found.items():
        for label in LABELS:
            one = side.artery(label)
            across, height = (
                (one.points[:, axis] + 0.5) * spacing[axis],
                one.points[:, 2] * spacing[2],
            )
            style = {"color": COLORS[label], "linestyle": STYLES[method]}
            axes.plot(across, height, linewidth=1.0, **style)
            if method == "joint":
                doubt = one.uncertainty_mm
                band = across - doubt, across + doubt
                axes.fill_betweenx(height, *band, color=COLORS[label], alpha=0.25, linewidth=0)
    fork = found["joint"].bifurcation
    if fork is not None:
        at = (fork.point[axis] + 0.5) * spacing[axis], fork.point[2] * spacing[2]
        axes.errorbar(
            *at, yerr=fork.uncertainty_mm, fmt="*", color="#ffd23f", markersize=10, zorder=9
        )
    middle = float(np.median(internal[:, axis])) * spacing[axis]
    axes.set_xlim(middle + HALF_WIDTH_MM, middle - HALF_WIDTH_MM)  # right, or front, on the left
    axes.set_xticks([])


def errors(
    axes: Any,
    found: dict[Method, SideCenterlines],
    truth: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> None:
    """Errors of both methods' centers by height, and what `joint` says about its own."""

    def error_mm(one: Centerline, channel: int) -> NDArray[np.float64]:
        true = truth[one.points[:, 2].astype(int), channel]
        return np.asarray(np.linalg.norm((one.points[:, :2] - true) * spacing[:2], axis=1))

    for method, side in found.items():
        for channel, label in enumerate(LABELS):
            one = side.artery(label)
            style = {"color": COLORS[label], "linestyle": STYLES[method]}
            height = one.points[:, 2] * spacing[2]
            axes.plot(error_mm(one, channel), height, label=f"{label}, {method}", **style)
    for label in LABELS:
        one = found["joint"].artery(label)
        height = one.points[:, 2] * spacing[2]
        axes.fill_betweenx(height, one.uncertainty_mm, color=COLORS[label], alpha=0.2, linewidth=0)
    axes.set_xlabel("error, mm (shaded: said by joint)")
    axes.set_xlim(0, 4)
    axes.legend(fontsize=8, loc="lower right")


if __name__ == "__main__":
    main()

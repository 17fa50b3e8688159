"""How good a model directory is on simulated necks: the figures of the model card.

    python -m benchmarks.accuracy [MODEL_DIR] [--necks 10]

Without MODEL_DIR the package's own models are measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.second_simulator import simulate_second
from carotid.evaluation.distances import SliceErrors, slice_errors, slice_maxima, summarize
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.members import load_members
from carotid.network.shipped import shipped_models
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import slice_centers
from carotid.stages.heatmap.compute import compute_heatmaps

if TYPE_CHECKING:
    from collections.abc import Callable

    from carotid.artifacts import Heatmaps
    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import SimulatedNeck

HELD_OUT_SEED = 3_000_000_000
"""Seeds from here on have never been trained on."""

PERCENTILES = (5.0, 95.0)
"""Intensities that become 0 and 1, as in simulated participants' `parameters.json`."""


def side_errors(neck: SimulatedNeck, heatmaps: Heatmaps, side: SideName) -> SliceErrors:
    """Maxima of the mean heatmap against the truth, per canonical axial slice."""
    grid = neck.volume.grid
    canonical = grid.reoriented(CANONICAL)
    mean = Reordering.between(grid, CANONICAL).view(heatmaps.side(side).mean, first_axis=1)
    by_slice = np.ascontiguousarray(np.moveaxis(np.asarray(mean, np.float32), 3, 1))
    maxima, peak = slice_maxima(by_slice)
    centers = slice_centers(neck, side)
    heights = np.arange(canonical.shape[2], dtype=np.float64)
    fork = canonical.index_from_world(neck.sides[side].bifurcation_mm)[2]
    common = heights < fork
    centers[common, 1] = centers[common, 0]
    spacing = canonical.spacing_mm
    above_mm = (heights - fork) * spacing[2]
    counted = np.ones(len(heights), np.bool_)
    return slice_errors(maxima, peak, centers, counted, above_mm, spacing[:2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("heatmap"))
    parser.add_argument("--necks", type=int, default=10)
    chosen = parser.parse_args()
    members = load_members(chosen.model_dir)
    kinds: dict[str, Callable[[int], SimulatedNeck]] = {
        "second simulator, plain": lambda k: simulate_second(k, hard=False),
        "second simulator, hard": lambda k: simulate_second(k, hard=True),
        "first simulator, held out": lambda k: simulate_neck(HELD_OUT_SEED + k),
    }
    for kind, make in kinds.items():
        errors = []
        for k in range(chosen.necks):
            neck = make(k)
            volume = neck.volume
            heatmaps = compute_heatmaps(
                volume.array, volume.grid.affine, members, percentiles=PERCENTILES
            )
            errors += [side_errors(neck, heatmaps, side) for side in SIDE_NAMES]
        print(f"{kind}: {chosen.necks} necks, {len(members)} members")
        for line in summarize(errors).lines():
            print(f"  {line}")


if __name__ == "__main__":
    main()

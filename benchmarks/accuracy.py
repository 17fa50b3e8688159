"""How good a model directory is on simulated necks: the figures of the model card.

    python -m benchmarks.accuracy [MODEL_DIR] [--necks 10] [--kind NAME ...] [--peaks]

Without MODEL_DIR the package's own models are measured. Windows are those that the models ask for,
as in `carotid run`; `--deepest 64` takes the default ones of `carotid transform heatmap`. Prints
one row of a table per kind of neck, and below it one per member. `--kind` takes any of the names
that `--help` lists. `--peaks` also tells which height of a peak parts slices with a vessel from
those without.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.neck_heatmaps import NOISY, NOISY_SEED, stack_of
from benchmarks.second_simulator import simulate_second
from benchmarks.second_whole import simulate_second_whole
from carotid.evaluation.distances import SliceErrors, slice_errors, slice_maxima, summarize
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.members import load_members
from carotid.network.shipped import shipped_models
from carotid.simulation.neck import simulate_neck
from carotid.simulation.recipe import DEFAULT_RECIPE
from carotid.simulation.truth import slice_centers
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.wishes import heatmap_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carotid.artifacts import Heatmaps
    from carotid.evaluation.distances import Summary
    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import SimulatedNeck

HELD_OUT_SEED = 3_000_000_000
"""Seeds from here on have never been trained on."""

PERCENTILES = (5.0, 95.0)
"""Intensities that become 0 and 1, as in simulated participants' `parameters.json`."""


def _first(k: int, **changes: float) -> SimulatedNeck:
    return simulate_neck(HELD_OUT_SEED + k, DEFAULT_RECIPE.model_copy(update=changes))


KINDS: dict[str, Callable[[int], SimulatedNeck]] = {
    "second, slabs, plain": partial(simulate_second, hard=False),
    "second, slabs, hard": partial(simulate_second, hard=True),
    "second, slabs, hard, twice the noise": lambda k: simulate_second(
        NOISY_SEED + k, hard=True, noise=NOISY
    ),
    "second, whole sections, plain": partial(simulate_second_whole, hard=False),
    "second, whole sections, hard": partial(simulate_second_whole, hard=True),
    "second, 0.35 mm": partial(simulate_second_whole, plane_mm=0.35, slice_mm=0.35),
    "second, 1 mm": partial(simulate_second_whole, plane_mm=1.0, slice_mm=1.0),
    "second, slices of 3 mm": partial(simulate_second_whole, plane_mm=0.6, slice_mm=3.0),
    "second, slices of 8 mm": partial(simulate_second_whole, plane_mm=0.6, slice_mm=8.0),
    "second, 12 slices of 2 mm": lambda k: stack_of(simulate_second(k, hard=True), 12, 2.0),
    "second, 8 slices of 2 mm": lambda k: stack_of(simulate_second(k, hard=True), 8, 2.0),
    "second, 4 slices of 2 mm": lambda k: stack_of(simulate_second(k, hard=True), 4, 2.0),
    "first, as carotid simulate draws it": _first,
    "first, slabs": partial(_first, p_whole=0.0),
    "first, whole sections": partial(_first, p_whole=1.0),
}

HEIGHTS = (50, 75, 100, 125, 150, 175, 200)
"""Heights of peaks, at each of which slices are counted."""

COLUMNS = (
    "necks",
    "number",
    "within 2 mm",
    "median",
    "both labels",
    "same vessel",
    "peaks above 100",
    "peaks below 50 without vessel",
)


def side_errors(
    neck: SimulatedNeck, heatmaps: Heatmaps, side: SideName
) -> tuple[SliceErrors, list[SliceErrors]]:
    """Maxima of the mean heatmap, and of each member, against the truth per axial slice."""
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

    def errors(found: np.typing.NDArray[np.number]) -> SliceErrors:
        return slice_errors(found, peak, centers, counted, above_mm, spacing[:2])

    each = np.asarray(heatmaps.side(side).max_indices).swapaxes(1, 2)
    return errors(maxima), [errors(one) for one in each]


def row(name: str, number: int | str, found: Summary, *, peaks: bool = True) -> str:
    """A row of the table."""
    shares = [found.both_right, found.same_vessel]
    shares += [found.high_peaks, found.low_peaks] if peaks else []
    cells = [name, str(number), f"{100 * found.within_2_mm:.1f} %", f"{found.median_mm:.2f} mm"]
    cells += [f"{100 * share:.1f} %" for share in shares]
    return "| " + " | ".join(cells + [""] * (len(COLUMNS) - len(cells))) + " |"


def parted(errors: Sequence[SliceErrors]) -> str:
    """How many peaks lie below some heights, in slices with a vessel and in those without."""
    peak = np.concatenate([one.peak for one in errors])
    vessel = np.concatenate([np.isfinite(one.distance_mm) for one in errors])
    lines = [f"  slices with a vessel: {vessel.sum()}, without: {(~vessel).sum()}; below"]
    for height in HEIGHTS:
        shares = [100 * float(np.mean(peak[one] < height)) for one in (vessel, ~vessel)]
        lines.append(f"  {height:4d}: {shares[0]:5.1f} % with, {shares[1]:5.1f} % without")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("heatmap"))
    parser.add_argument("--necks", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first neck")
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--deepest", type=int, help="max_roi_depth, where not as models ask")
    parser.add_argument("--lowest", type=int, help="min_height, where not as models ask; 1: none")
    parser.add_argument("--peaks", action="store_true", help="what peaks tell of vessels")
    chosen = parser.parse_args()
    members = load_members(chosen.model_dir)
    settings = heatmap_settings(chosen.model_dir).get("heatmap", {})
    if chosen.deepest is not None:
        settings["max_roi_depth"] = chosen.deepest
    if chosen.lowest is not None:
        settings["min_height"] = chosen.lowest
    parameters = HeatmapParameters.model_validate(settings)
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for kind in chosen.kind or KINDS:
        errors: list[SliceErrors] = []
        alone: list[list[SliceErrors]] = [[] for _ in members]
        for k in range(chosen.first, chosen.first + chosen.necks):
            neck = KINDS[kind](k)
            volume = neck.volume
            heatmaps = compute_heatmaps(
                volume.array, volume.grid.affine, members, parameters, percentiles=PERCENTILES
            )
            for side in SIDE_NAMES:
                joint, each = side_errors(neck, heatmaps, side)
                errors.append(joint)
                for own, one in zip(alone, each, strict=True):
                    own.append(one)
        print(row(kind, chosen.necks, summarize(errors)), flush=True)
        if chosen.peaks:
            print(parted(errors), flush=True)
        if len(members) > 1:
            for k, own in enumerate(alone):
                print(row(f"… member {k}", "", summarize(own), peaks=False), flush=True)


if __name__ == "__main__":
    main()

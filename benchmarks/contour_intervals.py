"""Do the intervals of contours hold what they say, on necks that they were not calibrated on?

    python -m benchmarks.contour_intervals [MODEL_DIR] [--necks 400] [--folds 4]

Networks look at the close-ups that `carotid models calibrate` takes. The tables of the spread are
made from all but a fold of them and tried on that fold, fold after fold. Prints the share of radii
within the intervals of 50, 68 and 95 %, and the errors. Two seconds a neck on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.network.contour_models import read_contour_models
from carotid.network.device import CPU
from carotid.network.shipped import shipped_models
from carotid.stages.planes.predictor import PlanePredictor
from carotid.stages.planes.spread import UNCALIBRATED, half_widths
from carotid.stages.planes.surface import smoothed
from carotid.training.contour.calibration import look_at_necks, spread_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.storage.model_description import SpreadTable
    from carotid.training.contour.calibration import Seen


def held(
    arteries: list[Seen], tables: dict[str, SpreadTable]
) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """For lumen and wall, whether each radius lies in each interval, (n, 3), and its error, mm."""
    within: dict[str, list[NDArray[np.bool_]]] = {"lumen": [], "wall": []}
    errors: dict[str, list[NDArray[np.float64]]] = {"lumen": [], "wall": []}
    for one in arteries:
        lumen, outer = smoothed(one.radii)
        known = np.isfinite(one.lumen_mm) & np.isfinite(one.outer_mm)
        for name, found, true, raw in (
            ("lumen", lumen, one.lumen_mm, one.radii.lumen_raw_mm),
            ("wall", outer, one.outer_mm, one.radii.outer_raw_mm),
        ):
            error = np.abs(found - true)[known]
            widths = half_widths(tables[name], raw[known])
            within[name].append(np.stack([error <= width for width in widths], axis=-1))
            errors[name].append(error)
    return {name: (np.concatenate(within[name]), np.concatenate(errors[name])) for name in within}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("contour"))
    parser.add_argument("--necks", type=int, default=400)
    parser.add_argument("--folds", type=int, default=4)
    given = parser.parse_args()
    if given.folds < 2 or given.necks < 2 * given.folds:
        parser.error("two folds at least, and two necks a fold")
    models = read_contour_models(given.model_dir)
    networks = PlanePredictor(models, {"lumen": UNCALIBRATED}, CPU).ensemble.networks
    necks = look_at_necks(
        networks, range(given.necks), lambda k: print(f"{k + 1} of {given.necks}", file=sys.stderr)
    )
    shares: dict[str, list[NDArray[np.float64]]] = {"lumen": [], "wall": []}
    errors: dict[str, list[NDArray[np.float64]]] = {"lumen": [], "wall": []}
    for fold in range(given.folds):
        tables = spread_tables([neck for k, neck in enumerate(necks) if k % given.folds != fold])
        kept = [one for neck in necks[fold :: given.folds] for one in neck]
        for name, (within, error) in held(kept, tables).items():
            shares[name].append(100 * within.mean(axis=0))
            errors[name].append(error)
            print(f"fold {fold}, {name}: {_told(shares[name][-1])}")
    for name, each in shares.items():
        median, p95 = np.quantile(np.concatenate(errors[name]), [0.5, 0.95])
        print(
            f"{name}: intervals of 50 / 68 / 95 % hold {_told(np.mean(each, axis=0))}; "
            f"errors: median {median:.3f}, 95th percentile {p95:.2f} mm"
        )


def _told(shares: NDArray[np.float64]) -> str:
    return " / ".join(f"{share:.1f}" for share in shares) + " %"


if __name__ == "__main__":
    main()

"""How good contour models are on simulated necks that nothing was trained on.

    python -m benchmarks.contour_accuracy [MODEL_DIR] [--kind second-plain second-hard] [--necks 20]
                                  [--centers found true] [--cache FOLDER] [--as_smoothed]

Without MODEL_DIR the package's own models are measured, on centerlines that the package finds in
the heatmaps of its own models (`found`: the whole pipeline from the scan) and on true centers
(`true`). Networks on planes and networks on polar images are measured alike. Lengths are
millimetres. There is a table per kind of neck; `--cache` keeps heatmaps for the next time, and
`--as_smoothed` leaves what the scanner smoothed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.contour_scores import HEADER, Scores
from benchmarks.neck_heatmaps import KINDS, PERCENTILES, cases
from carotid.artifacts import Centerline, Centerlines, Scan, SideCenterlines
from carotid.geometry.intensity import intensity_range
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.contour_models import read_contour_models, trained_with
from carotid.network.shipped import shipped_models
from carotid.simulation.contours import true_contours
from carotid.simulation.truth import slice_centers
from carotid.stages.centerline.find import find_centerlines
from carotid.stages.contour.parameters import ContourParameters
from carotid.stages.contour.predictor import PolarPredictor
from carotid.stages.planes.predictor import PlanePredictor
from carotid.stages.polar.draw import draw_polar_images
from carotid.stages.polar.parameters import PolarParameters
from carotid.storage.model_description import read_model_description

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from carotid.artifacts import Contours
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume
    from carotid.simulation.truth import SimulatedNeck
    from carotid.stages.contour.predictor import ContourPredictor

    Finder = Callable[[Volume, Centerlines], Contours]


def finder_of(model_dir: Path, *, sharpen: bool = True) -> Finder:
    """What finds contours by the models of a directory, whichever kind they are."""
    models, cpu = read_contour_models(model_dir), torch.device("cpu")
    predictor: ContourPredictor
    if models.on_planes:
        described = read_model_description(model_dir)
        spread = {} if described is None else described.spread
        predictor = PlanePredictor(models, spread, cpu, sharpen=sharpen)
    else:
        predictor = PolarPredictor(models, ContourParameters(), cpu)
    polar = PolarParameters(**trained_with(model_dir).get("polar", {}))

    def found(volume: Volume, lines: Centerlines) -> Contours:
        scan = Scan(volume, intensity_range(volume.array, *PERCENTILES))
        return predictor.contours(draw_polar_images(scan, lines, polar))

    return found


def true_centerlines(neck: SimulatedNeck) -> Centerlines:
    """The true centers of both sides."""
    sides: dict[SideName, SideCenterlines] = {}
    for side in SIDE_NAMES:
        centers = slice_centers(neck, side)
        sides[side] = SideCenterlines(_line(centers[:, 0]), _line(centers[:, 1]))
    return Centerlines(sides["left"], sides["right"], neck.volume.grid)


def _line(centers: NDArray[np.float64]) -> Centerline:
    z = np.flatnonzero(np.isfinite(centers).all(axis=1))
    points = np.column_stack([centers[z], z]).astype(np.float64)
    return Centerline(points, *np.full((4, len(z)), np.nan))


def print_around_truth(finders: Mapping[str, Finder], seen: Mapping[str, SimulatedNeck]) -> None:
    """Print how well several networks do around true centers of the same necks."""
    scores = {name: Scores() for name in finders}
    for neck_name, neck in seen.items():
        truth, lines = true_contours(neck), true_centerlines(neck)
        for name, find in finders.items():
            scores[name].add(neck_name, neck, find(neck.volume, lines), truth)
    for name, found in scores.items():
        print(f"{name}, {len(seen)} necks\n{HEADER}")
        print("\n".join(found.lines()), flush=True)


def necks(
    kind: str, count: int, centers: str, cache: Path | None
) -> Iterator[tuple[str, SimulatedNeck, Centerlines]]:
    """Necks with centerlines."""
    if centers == "true":
        for k in range(count):
            neck = KINDS[kind](k)
            yield f"{kind}-{k}", neck, true_centerlines(neck)
        return
    for k, case in enumerate(cases(kind, range(count), shipped_models("heatmap"), cache)):
        yield case.name, KINDS[kind](k), find_centerlines(case.heatmaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", nargs="?", type=Path, default=shipped_models("contour"))
    kinds = ["second-plain", "second-hard"]
    parser.add_argument("--kind", nargs="+", choices=sorted(KINDS), default=kinds)
    parser.add_argument("--necks", type=int, default=20)
    parser.add_argument("--centers", nargs="+", choices=["found", "true"], default=["found"])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--as_smoothed", action="store_true", help="sharpen = false")
    given = parser.parse_args()
    find = finder_of(given.model_dir, sharpen=not given.as_smoothed)
    for kind in given.kind:
        for centers in given.centers:
            scores = Scores()
            for name, neck, lines in necks(kind, given.necks, centers, given.cache):
                # Heatmaps, and centers with them, are on the canonical grid.
                volume = neck.volume if centers == "true" else neck.volume.reoriented("RAS")
                scores.add(name, neck, find(volume, lines))
            print(f"{kind}, {given.necks} necks, {centers} centers\n{HEADER}", flush=True)
            print("\n".join(scores.lines()), flush=True)


if __name__ == "__main__":
    main()

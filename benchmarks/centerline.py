"""Both methods of the centerline step on simulated necks that nothing was trained or tuned on.

    python -m benchmarks.centerline [MODEL_DIR] [--necks 6] [--kind NAME ...] [--cache_dir DIR]
        [--threshold 100]

From scan to heatmaps by the package's own models (or those of MODEL_DIR) to the centers of `joint`
and `sections`, which are set against the truth: one table a kind, and one of all kinds together,
with what is asked of `joint`. Heatmaps take a minute a neck and more; `--cache_dir` keeps them.
`--threshold` is that of `sections`. What the command takes, beside the other steps,
`benchmarks.pipeline` measures.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.centerline_scores import SideScores, score_side, table
from benchmarks.neck_heatmaps import KINDS, cases
from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.shipped import shipped_models
from carotid.stages.centerline.find import find_side
from carotid.stages.centerline.parameters import CenterlineParameters, Method

if TYPE_CHECKING:
    from benchmarks.neck_heatmaps import NeckCase

METHODS: tuple[Method, Method] = ("joint", "sections")
UNSEEN = [kind for kind in KINDS if kind.startswith("second")]
ASKED = {
    "median error, mm": "≤ 0.2",
    "95th percentile, mm": "≤ 0.5",
    "true slices with a center within 2 mm": "≥ 99 %",
    "wrong artery, > 5 mm above the bifurcation": "≤ 0.2 %",
    "bifurcation, median error in height, mm": "≤ 1.5",
    "AUROC of the uncertainty for errors > 2 mm": "≥ 0.93",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model_dir", nargs="?", type=Path)
    parser.add_argument("--necks", type=int, default=6, help="of each kind")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="several times")
    parser.add_argument("--cache_dir", type=Path, help="keeps heatmaps here")
    parser.add_argument("--threshold", type=float, default=100.0, help="of `sections`")
    given = parser.parse_args()
    models = given.model_dir or shipped_models("heatmap")
    pooled: dict[Method, list[SideScores]] = {method: [] for method in METHODS}
    for kind in given.kind or UNSEEN:
        scores: dict[Method, list[SideScores]] = {method: [] for method in METHODS}
        seconds = dict.fromkeys(METHODS, 0.0)
        for case in cases(kind, range(given.necks), models, given.cache_dir):
            for method in METHODS:
                begin = time.perf_counter()
                scores[method] += scored(case, method, given.threshold)
                seconds[method] += time.perf_counter() - begin
        show(kind, scores)
        sides = len(scores["joint"])
        print(f"{'seconds a side':46}", *(f"{seconds[m] / sides:12.2f}" for m in METHODS))
        for method in METHODS:
            pooled[method] += scores[method]
    show("all together", pooled)


def scored(case: NeckCase, method: Method, threshold: float = 100.0) -> list[SideScores]:
    """Both sides of a neck by a method; the threshold counts for `sections` alone."""
    heatmaps = case.heatmaps
    parameters = CenterlineParameters(method=method, threshold=threshold)
    spacing_mm = heatmaps.grid.reoriented(CANONICAL).spacing_mm
    found = []
    for side in SIDE_NAMES:
        lines = find_side(heatmaps.slices(side), heatmaps.grid, side, parameters)
        found.append(score_side(f"{case.name} {side}", lines, case.truth[side], spacing_mm))
    return found


def show(title: str, scores: dict[Method, list[SideScores]]) -> None:
    """Print a table: a row for each figure, a column for each method."""
    print(f"\n{title}, {len(scores['joint'])} sides\n{'':46}", *(f"{m:>12}" for m in METHODS))
    rows = zip(*(table(scores[method]) for method in METHODS), strict=True)
    for (figure, joint), (_, sections) in rows:
        asked = f"  asked {ASKED[figure]}" if figure in ASKED else ""
        print(f"{figure:46} {joint:>12} {sections:>12}{asked}", flush=True)


if __name__ == "__main__":
    main()

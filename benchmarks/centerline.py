"""Both methods of the centerline step on simulated necks that nothing was trained or tuned on.

    python -m benchmarks.centerline [MODEL_DIR] [--necks 6] [--kind NAME ...] [--cache_dir DIR]
    python -m benchmarks.centerline --large

From scan to heatmaps by the package's own models (or those of MODEL_DIR) to the centers of `joint`
and `sections`, which are set against the truth: one table a kind, and one of all kinds together,
with what is asked of `joint`. Heatmaps take a minute a neck and more; `--cache_dir` keeps them.
With `--large`, the seconds of both commands on a scan of 720×100×640 voxels instead.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.centerline_scores import SideScores, score_side, table
from benchmarks.neck_heatmaps import KINDS, cases
from benchmarks.second_simulator import simulate_second
from benchmarks.transform import LARGE, THIS, timed
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.network.shipped import shipped_models
from carotid.stages.centerline.find import find_side
from carotid.stages.centerline.parameters import CenterlineParameters, Method
from carotid.storage.metaimage.write import write_metaimage

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
    parser.add_argument("--large", action="store_true", help="seconds on a large scan")
    parser.add_argument("--rounds", type=int, default=3, help="of --large")
    given = parser.parse_args()
    models = given.model_dir or shipped_models("heatmap")
    if given.large:
        large(models, given.rounds)
        return
    pooled: dict[Method, list[SideScores]] = {method: [] for method in METHODS}
    for kind in given.kind or UNSEEN:
        scores: dict[Method, list[SideScores]] = {method: [] for method in METHODS}
        seconds = dict.fromkeys(METHODS, 0.0)
        for case in cases(kind, range(given.necks), models, given.cache_dir):
            for method in METHODS:
                begin = time.perf_counter()
                scores[method] += scored(case, method)
                seconds[method] += time.perf_counter() - begin
        show(kind, scores)
        sides = len(scores["joint"])
        print(f"{'seconds a side':46}", *(f"{seconds[m] / sides:12.2f}" for m in METHODS))
        for method in METHODS:
            pooled[method] += scores[method]
    show("all together", pooled)


def scored(case: NeckCase, method: Method) -> list[SideScores]:
    """Both sides of a neck by a method."""
    heatmaps, parameters = case.heatmaps, CenterlineParameters(method=method)
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


def large(models: Path, rounds: int) -> None:
    """Seconds of `transform centerline` as parts of those of `transform heatmap`, in turn."""
    from scipy.ndimage import zoom

    shape, spacing = LARGE
    canonical = simulate_second(0).volume.reoriented(CANONICAL).array
    factors = [n / old for n, old in zip(shape, canonical.shape, strict=True)]
    array = np.asfortranarray(zoom(canonical, factors, order=1)[::-1, ::-1])
    rescaling = {
        "rescale": True,
        "lower_percentile_rescaler": 5,
        "upper_percentile_rescaler": 95,
    }
    print(f"a neck drawn out to {'x'.join(map(str, shape))} voxels of {spacing} mm")
    with tempfile.TemporaryDirectory(prefix="carotid-bench-") as name:
        raw, out = Path(name) / "raw", Path(name) / "out"
        raw.mkdir()
        (raw / "parameters.json").write_text(json.dumps(rescaling))
        grid = Grid(shape, np.diag([-spacing, -spacing, spacing, 1.0]))
        write_metaimage(raw / "scan.mha", Volume(array, grid))
        for _ in range(rounds):
            heatmap, _ = timed(
                [*THIS, "transform", "heatmap", str(raw), str(models), str(out), "-f"]
            )
            for method in METHODS:
                config = Path(name) / "config.toml"
                config.write_text(f'[centerline_transform]\nmethod = "{method}"\n')
                command = ["transform", "centerline", str(out), "-f", "-c", str(config)]
                own, _ = timed([*THIS, *command])
                print(
                    f"{method:8} {own.wall_s:6.2f} s wall, {own.cpu_s:6.2f} s CPU, "
                    f"{own.peak_mib:5.0f} MiB; parts of the heatmap step: "
                    f"{own.wall_s / heatmap.wall_s:.3f} wall, {own.cpu_s / heatmap.cpu_s:.3f} CPU, "
                    f"{own.peak_mib / heatmap.peak_mib:.2f} memory",
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""Whether the score finds the scans that went wrong, on simulated necks with truth.

    python -m benchmarks.doubt [MODEL_DIR] [--necks 4] [--kind NAME ...] [--keep FIGURES.json]
    python -m benchmarks.doubt --figures FIGURES.json

A neck is bad where less than 80 % of its maxima lie within 2 mm of their vessel, and good where at
least 90 % do. Prints how many of the bad and of the good ones the page calls doubtful, Spearman's
rank correlation of the score with the share that is wrong, and the weights of the score's parts
that would fit these necks best (least squares, none below zero). With `--figures` nothing is
computed but this.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy import KINDS, PERCENTILES, side_errors
from carotid.evaluation.distances import RIGHT_MM, SliceErrors, slice_maxima
from carotid.evaluation.figures import (
    DOUBTFUL,
    SCORE_PARTS,
    ChannelFigures,
    left_right_mm,
    make_course,
    participant_score,
    score_points,
    side_figures,
    side_score,
)
from carotid.geometry.grid import CANONICAL, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.network.members import load_members
from carotid.network.shipped import shipped_models
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.impression import PEAK
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.wishes import heatmap_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.network.members import Member
    from carotid.simulation.truth import SimulatedNeck

BAD, GOOD = 0.8, 0.9


def examined(
    neck: SimulatedNeck, members: Sequence[Member], parameters: HeatmapParameters
) -> dict[str, Any]:
    """A neck's figures, as the page has them, and its share of right maxima."""
    volume = neck.volume
    heatmaps = compute_heatmaps(
        volume.array, volume.grid.affine, members, parameters, percentiles=PERCENTILES
    )
    spacing = volume.grid.reoriented(CANONICAL).spacing_mm
    way = Reordering.between(volume.grid, CANONICAL)
    courses, right = [], []
    for side in SIDE_NAMES:
        found = heatmaps.side(side)
        mean = np.moveaxis(np.asarray(way.view(found.mean, first_axis=1), np.float32), 3, 1)
        index, peak = slice_maxima(np.ascontiguousarray(mean))
        courses.append(make_course(peak, index, np.asarray(found.max_indices), spacing))
        errors: SliceErrors = side_errors(neck, heatmaps, side)[0]
        right.append(errors.distance_mm[np.isfinite(errors.distance_mm)] <= RIGHT_MM)
    sides = [side_figures(course, PEAK) for course in courses]
    return {
        "right": float(np.concatenate(right).mean()),
        "sides_right": [float(one.mean()) for one in right],
        "between_mm": left_right_mm(courses[0], courses[1], PEAK),
        "sides": [[vars(one.internal), vars(one.external)] for one in sides],
    }


def scored(row: dict[str, Any]) -> float:
    """The score of a neck that was examined."""
    channels = [[ChannelFigures(**one) for one in side] for side in row["sides"]]
    left, right = (side_score(*pair) for pair in channels)
    return participant_score(left, right, row["between_mm"])


def report(rows: Sequence[dict[str, Any]]) -> None:
    """Print how well the score does."""
    from scipy.optimize import nnls
    from scipy.stats import spearmanr

    scores = np.array([scored(row) for row in rows])
    right = np.array([row["right"] for row in rows])
    for row, score in sorted(zip(rows, scores, strict=True), key=lambda one: -one[1]):
        print(f"{score:5.0f}  {100 * row['right']:5.1f} % right  {row['name']}")
    bad, good, called = right < BAD, right >= GOOD, scores >= DOUBTFUL
    print(f"Spearman's rank correlation with the share wrong: {spearmanr(scores, -right)[0]:.2f}")
    print(f"{bad.sum()} bad necks, {called[bad].sum()} called doubtful")
    print(f"{good.sum()} good necks, {called[good].sum()} called doubtful")
    points, wrong = [], []
    for row in rows:
        for side, share in zip(row["sides"], row["sides_right"], strict=True):
            found = score_points(*(ChannelFigures(**one) for one in side))
            points.append([found[key] / SCORE_PARTS[key].weight for key in SCORE_PARTS])
            wrong.append(100 * (1 - share))
    weights = nnls(np.array(points), np.array(wrong))[0]
    fitted = {key: round(float(w), 1) for key, w in zip(SCORE_PARTS, weights, strict=True)}
    print(f"weights that fit best: {fitted}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("heatmap"))
    parser.add_argument("--necks", type=int, default=4, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first neck")
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--keep", type=Path, help="keep the figures in this file")
    parser.add_argument("--figures", type=Path, help="figures that were kept")
    chosen = parser.parse_args()
    if chosen.figures is not None:
        report(json.loads(chosen.figures.read_text()))
        return
    members = load_members(chosen.model_dir)
    settings = heatmap_settings(chosen.model_dir).get("heatmap", {})
    parameters = HeatmapParameters.model_validate(settings)
    numbers = range(chosen.first, chosen.first + chosen.necks)
    rows = [
        {"name": f"{kind}, {k}", **examined(KINDS[kind](k), members, parameters)}
        for kind in chosen.kind or KINDS
        for k in numbers
    ]
    if chosen.keep is not None:
        chosen.keep.write_text(json.dumps(rows))
    report(rows)


if __name__ == "__main__":
    main()

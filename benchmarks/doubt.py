"""Whether the score finds the scans that went wrong, on simulated necks with truth.

    python -m benchmarks.doubt [MODEL_DIR] [--keep FIGURES.json] [CASE ...]
    python -m benchmarks.doubt --figures FIGURES.json ...

A case is a kind of neck, its number and perhaps how its scan is spoilt, as `first:0` or
`second-hard:3:blur=1.5`; without any, `CASES` and `OTHER_CASES` are taken. A neck is bad where less
than 80 % of its maxima lie within 2 mm of their vessel, and good where at least 95 % do. Prints how
many of the bad and of the good ones the page calls doubtful, Spearman's rank correlation of the
score with the share that is wrong, for both simulators and for each, and from which score on
scans would have to be called doubtful for these models. A case that is in FIGURES.json already is
not computed again; with `--figures` none is. A slab takes some 5 to 10 seconds of one core, a
whole section a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy import KINDS, PERCENTILES, side_errors
from benchmarks.neck_heatmaps import with_slices_of
from carotid.evaluation.distances import HIGH_PEAK, RIGHT_MM, SliceErrors, slice_maxima
from carotid.evaluation.figures import (
    CHECK,
    DOUBTFUL,
    ChannelFigures,
    left_right_mm,
    make_course,
    participant_score,
    rival_heights,
    side_figures,
    side_score,
)
from carotid.geometry.grid import CANONICAL, Grid, Reordering
from carotid.geometry.sides import SIDE_NAMES
from carotid.geometry.volume import Volume
from carotid.network.members import load_members
from carotid.network.shipped import shipped_models
from carotid.simulation.truth import SimulatedNeck
from carotid.stages.heatmap.compute import compute_heatmaps
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.wishes import heatmap_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.network.members import Member

BAD, GOOD = 0.8, 0.95

NAMES = {
    "first": "first, slabs",
    "first-whole": "first, whole sections",
    "second-plain": "second, slabs, plain",
    "second-hard": "second, slabs, hard",
    "second-whole-plain": "second, whole sections, plain",
    "second-whole-hard": "second, whole sections, hard",
}
"""Kinds of necks, and what `benchmarks.accuracy` calls them."""

CASES = """
first:0 first:1 first:2 first:3 first:6 first:7 first:8 first:9 first:10 first:11 first:12 first:13
first:14 first:15 first:16 first:17 first:0:noise=0.2 first:8:noise=0.35 first:12:noise=0.12
first:1:thick=6 first:14:thick=4 first:6:invert first:15:invert first:7:spacing=0.7
first:10:spacing=1.5 first:14:spacing=0.8 first:6:percentiles=1 first:9:percentiles=0
first:7:blur=1.5 first:13:blur=1 first:11:bias=2 first-whole:2
second-plain:0 second-plain:1 second-plain:2 second-plain:3 second-plain:7 second-plain:8
second-plain:9 second-hard:0 second-hard:1 second-hard:2 second-hard:3 second-hard:4 second-hard:5
second-hard:7 second-hard:8 second-hard:9 second-plain:4:noise=0.25 second-plain:5:noise=0.4
second-hard:5:noise=0.15 second-plain:4:thick=8 second-hard:6:thick=5 second-plain:3:invert
second-hard:6:invert second-plain:5:spacing=1.5 second-plain:7:spacing=0.65
second-plain:8:spacing=1.25 second-plain:6:percentiles=1 second-plain:6:percentiles=3
second-hard:7:percentiles=0 second-hard:4:bias=2 second-plain:9:bias=3 second-hard:3:blur=1.5
second-hard:5:blur=1.7 second-hard:7:blur=2 second-hard:8:blur=1 second-plain:4:blur=2
second-plain:5:blur=1.6 second-plain:8:blur=2 second-whole-plain:0 second-whole-plain:1
second-whole-plain:2 second-whole-plain:3
first:20 first:21 first:22:noise=0.2 first:23:blur=1.5 first:24:spacing=1.5 first:25:thick=6
first:26 first:27:blur=1 first:28 first:29:noise=0.15 first:30:blur=2 first:31
second-hard:10:blur=1.8 second-hard:11:blur=2 second-plain:12:blur=2 second-hard:13:noise=0.25
second-plain:14 second-hard:15 second-plain:16:blur=1.7 second-hard:17:blur=1.5
"""
"""The cases that the score was chosen with."""

OTHER_CASES = """
second-plain:20:blur=1.8 second-plain:21:blur=1.5 second-plain:22:blur=1.7
second-plain:23:noise=0.35 second-plain:24:blur=1.3 second-plain:25 second-plain:26:spacing=1.5
second-plain:27:thick=8 second-hard:20:blur=1.6 second-hard:21:blur=1.4 second-hard:22:blur=2
second-hard:23:blur=1.2 second-hard:24:noise=0.25 second-hard:25 second-hard:26
second-hard:27:invert second-hard:28:spacing=1.4 second-hard:29:blur=1.8 first:40 first:41
first:42 first:43:noise=0.2 first:44:noise=0.3 first:45:blur=1.5 first:46:blur=2
first:47:spacing=1.5 first:48:thick=6 first:49:bias=2 first:50 first:51
"""
"""Cases that were looked at after the score was chosen."""

WINDOWS = ((0.0, 100.0), (25.0, 75.0), (1.0, 99.9), (40.0, 100.0))
"""Percentiles that nobody should ask for, for scans spoilt by `percentiles=0` to `3`."""


def spoilt(
    neck: SimulatedNeck, how: str, seed: int
) -> tuple[SimulatedNeck, tuple[float, float], float]:
    """A neck as a worse scan shows it.

    Args:
        neck: As it was simulated.
        how: In which way, and how much: noise (share of the bright tissue), thick (mm), blur (mm),
            bias (log), invert, percentiles (which of `WINDOWS`), spacing (by which factor the
            header's is wrong); nothing where it is empty.
        seed: Of noise and bias.

    Returns:
        The neck, its percentiles, and the factor of the header's spacing.
    """
    from scipy import ndimage

    name, _, value = how.partition("=")
    amount = float(value or 0)
    grid, array = neck.volume.grid, np.asarray(neck.volume.array, np.float32)
    rng = np.random.default_rng([seed, int(100 * amount)])
    bright = float(np.percentile(array, PERCENTILES[1]))

    def shown(values: NDArray[np.floating]) -> SimulatedNeck:
        voxels = np.clip(np.rint(values), 0, 32_000).astype(np.int16)
        return SimulatedNeck(Volume(voxels, grid), neck.sides, neck.visible, neck.made)

    if name == "noise":
        real, imaginary = (rng.normal(0, amount * bright, array.shape) for _ in range(2))
        return shown(np.hypot(array + real, imaginary)), PERCENTILES, 1.0
    if name == "thick":
        return with_slices_of(neck, amount), PERCENTILES, 1.0
    if name == "blur":
        reach = [amount / mm for mm in grid.spacing_mm]
        return shown(ndimage.gaussian_filter(array, reach)), PERCENTILES, 1.0
    if name == "bias":
        at = np.indices(array.shape, sparse=True)
        waves = [np.cos(np.pi * (at[a] / n + rng.uniform())) for a, n in enumerate(array.shape)]
        return (
            shown(array * np.exp(amount * (waves[0] + waves[1] + waves[2]) / 3)),
            PERCENTILES,
            1.0,
        )
    if name == "invert":
        return shown(np.clip(1.3 * bright - array, 0, None)), PERCENTILES, 1.0
    if name == "percentiles":
        return neck, WINDOWS[int(amount)], 1.0
    return neck, PERCENTILES, amount if name == "spacing" else 1.0


def examined(case: str, members: Sequence[Member], parameters: HeatmapParameters) -> dict[str, Any]:
    """A neck's figures, as the page has them, and its share of right maxima."""
    kind, number, *how = case.split(":")
    simulated = KINDS[NAMES[kind]](int(number))
    neck, percentiles, factor = spoilt(simulated, how[0] if how else "", int(number))
    volume = neck.volume
    affine = volume.grid.affine.copy()
    affine[:3, :3] *= factor
    heatmaps = compute_heatmaps(volume.array, affine, members, parameters, percentiles=percentiles)
    spacing_mm = Grid(volume.grid.shape, affine).reoriented(CANONICAL).spacing_mm
    way = Reordering.between(volume.grid, CANONICAL)
    courses, right = [], []
    for side in SIDE_NAMES:
        found = heatmaps.side(side)
        canonical = np.asarray(way.view(found.mean, first_axis=1), np.float32)
        index, peak = slice_maxima(np.ascontiguousarray(np.moveaxis(canonical, 3, 1)))
        ridges = canonical.max(axis=2), canonical.max(axis=1)
        rival = rival_heights(*ridges, index, spacing_mm[:2])
        courses.append(make_course(peak, index, rival, np.asarray(found.max_indices), spacing_mm))
        errors: SliceErrors = side_errors(neck, heatmaps, side)[0]
        right.append(errors.distance_mm[np.isfinite(errors.distance_mm)] <= RIGHT_MM)
    sides = [side_figures(course, HIGH_PEAK) for course in courses]
    return {
        "name": case,
        "right": float(np.concatenate(right).mean()),
        "between_mm": left_right_mm(courses[0], courses[1], HIGH_PEAK),
        "sides": [[vars(one.internal), vars(one.external)] for one in sides],
    }


def scored(row: dict[str, Any]) -> float:
    """The score of a neck that was examined."""
    channels = [[ChannelFigures(**one) for one in side] for side in row["sides"]]
    return participant_score([side_score(*pair) for pair in channels], row["between_mm"])


def report(rows: Sequence[dict[str, Any]]) -> None:
    """Print how well the score does."""
    scores = [scored(row) for row in rows]
    for row, score in sorted(zip(rows, scores, strict=True), key=lambda one: -one[1]):
        print(f"{score:5.0f}  {100 * row['right']:5.1f} % right  {row['name']}")
    _tell_all(rows)
    for words, names in (("chosen with", CASES), ("looked at afterwards", OTHER_CASES)):
        part = [row for row in rows if row["name"] in names.split()]
        if 0 < len(part) < len(rows):
            print(f"{words}, {len(part)} necks")
            _tell_all(part)


def _tell_all(rows: Sequence[dict[str, Any]]) -> None:
    scores = np.array([scored(row) for row in rows])
    right = np.array([row["right"] for row in rows])
    simulator = np.array([row["name"].partition(":")[0].partition("-")[0] for row in rows])
    for name in ("first", "second", "both"):
        chosen = np.ones(len(rows), np.bool_) if name == "both" else simulator == name
        if chosen.any():
            _tell(name, scores[chosen], right[chosen])


def _tell(name: str, scores: NDArray[np.float64], right: NDArray[np.float64]) -> None:
    from scipy.stats import spearmanr

    bad, good = right < BAD, right >= GOOD
    middle = ~bad & ~good
    rank = spearmanr(scores, -right)[0] if len(scores) > 2 else np.nan
    told = [
        f"{words}: {(scores[group] >= DOUBTFUL).sum()} of {group.sum()} doubtful, "
        f"{((scores[group] >= CHECK) & (scores[group] < DOUBTFUL)).sum()} to check"
        for words, group in (("bad", bad), ("between", middle), ("good", good))
    ]
    begin = limit(scores, right)
    print(f"{name}: {'; '.join(told)}; rank correlation {rank:.2f}; best limit {begin:.0f}")


def limit(scores: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """The score that tells bad from good necks with the fewest mistakes, in shares of both.

    Where several do, the middle of the widest gap.
    """
    bad, good = np.sort(scores[right < BAD]), np.sort(scores[right >= GOOD])
    if not len(bad) or not len(good):
        return float("nan")
    edges = np.unique(np.concatenate([bad, good, [0.0, 100.0]]))
    mistakes = [(bad < edge).mean() + (good >= edge).mean() for edge in edges[1:]]
    best = min(mistakes)
    gaps = [
        (high - low, (low + high) / 2)
        for low, high, wrong in zip(edges, edges[1:], mistakes, strict=False)
        if wrong == best
    ]
    return float(max(gaps)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model_dir", type=Path, nargs="?", default=shipped_models("heatmap"))
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--keep", type=Path, help="keep the figures in this file")
    parser.add_argument("--figures", type=Path, nargs="+", help="files of figures that were kept")
    chosen = parser.parse_intermixed_args()
    if chosen.figures is not None:
        report([row for path in chosen.figures for row in json.loads(path.read_text())])
        return
    members = load_members(chosen.model_dir)
    settings = heatmap_settings(chosen.model_dir).get("heatmap", {})
    parameters = HeatmapParameters.model_validate(settings)
    kept = chosen.keep is not None and chosen.keep.is_file()
    rows = json.loads(chosen.keep.read_text()) if kept else []
    there = {row["name"] for row in rows}
    for case in chosen.cases or (CASES + OTHER_CASES).split():
        if case in there:
            continue
        rows.append(examined(case, members, parameters))
        print(f"{case}: {100 * rows[-1]['right']:.1f} % right", file=sys.stderr, flush=True)
        if chosen.keep is not None:
            chosen.keep.write_text(json.dumps(rows))
    report(rows)


if __name__ == "__main__":
    main()

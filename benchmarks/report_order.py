"""Whether the report puts the hopeless cases on top: rank correlation of its order with the error.

    python -m benchmarks.report_order [--participants 24] [--seed 1] [--models DIR | --drawn]

Simulated necks are made, two thirds of them spoilt in one of the ways below, heatmaps are written
to disk, the report is made from them without the truth, and then its order is compared with the
true error: the mean distance from the slices' maxima to the known centers, both sides and both
channels, where a distance counts as 20 mm at most and a vessel outside of the scan as 20 mm.

With `--models` (default: the models that come with the package, if they do) the networks make the
heatmaps, and the scans are spoilt: noise, heavy noise, one side replaced by noise, the field of
view cut so that one carotid is outside. Without models, or with `--drawn`, heatmaps are drawn
around the known centers, and spoilt themselves: members that stray, peaks that fade, stretches on
another vessel.
It prints a line per participant, Spearman's rank correlation, and how many of the k worst by true
error are among the k first of the page.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import CANONICAL
from carotid.geometry.sides import SIDE_NAMES
from carotid.report.projections import project
from carotid.report.write import write_report
from carotid.simulation.neck import simulate_neck
from carotid.simulation.truth import SimulatedNeck, slice_centers
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.results.layout import HEATMAP_TRANSFORM, HeatmapLayout, OutputLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carotid.cohort.outcome import Outcome
    from carotid.geometry.sides import SideName
    from carotid.geometry.volume import Volume

WORST_MM = 20.0
LOWER, UPPER = 5.0, 95.0


@dataclass(frozen=True, eq=False)
class Case:
    """One participant: what was done to it, its centers, and where its scan starts.

    Attributes:
        name: Its id, which says nothing about how it was spoilt.
        how: In a word.
        centers: Per side, (z, 2, 2) canonical x and y of each channel's vessel in the whole neck.
        first_x: First canonical column that is left of the neck's scan.
        columns: How many are left.
    """

    name: str
    how: str
    centers: dict[SideName, NDArray[np.float64]]
    first_x: int
    columns: int


def main() -> None:
    """Make, report, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--participants", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--drawn", action="store_true", help="draw heatmaps, without models")
    parser.add_argument("--keep", type=Path, help="keep everything in this new folder")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        models = None if given.drawn else given.models or shipped_models()
        make = WithModels(models, given.threads) if models else WithoutModels()
        print(f"heatmaps by {models}" if models else "heatmaps drawn around the truth; no models")
        cases = [make.case(root, given.seed * 1000 + k, k) for k in range(given.participants)]
        compare(root, cases)


def compare(root: Path, cases: list[Case]) -> None:
    """Print each participant, and how well the order fits."""
    from scipy.stats import spearmanr

    rows = write_report(root / "out", raw_dir=root / "raw").rows
    place = {row.participant_id: row for row in rows}
    errors = {case.name: true_error_mm(root / "out", case) for case in cases}
    how = {case.name: case.how for case in cases}
    print("order  score  true error/mm  participant  spoilt by")
    for order, row in enumerate(rows, start=1):
        name = row.participant_id
        print(f"{order:5d}  {row.score:5.1f}  {errors[name]:13.2f}  {name:11}  {how[name]}")
    names = [case.name for case in cases]
    rank = spearmanr([place[n].score for n in names], [errors[n] for n in names]).statistic
    print(f"Spearman's rank correlation of score and true error: {rank:.2f} (n = {len(names)})")
    k = max(1, len(names) // 4)
    worst = sorted(names, key=lambda n: -errors[n])[:k]
    first = {row.participant_id for row in rows[:k]}
    print(
        f"of the {k} worst by true error, {sum(n in first for n in worst)} are the page's first {k}"
    )


def true_error_mm(output_dir: Path, case: Case) -> float:
    """The mean distance of a participant's maxima from the truth."""
    folder = HeatmapLayout(OutputLayout(output_dir).transform(case.name, HEATMAP_TRANSFORM))
    distances = []
    for side in SIDE_NAMES:
        found = project(folder.mean(side), [])
        centers = case.centers[side]
        offset = found.peak_index + np.array([case.first_x, 0]) - centers
        distance = np.linalg.norm(offset * np.array(found.grid.spacing_mm[:2]), axis=2)
        column = centers[..., 0] - case.first_x
        outside = (column < 0) | (column > case.columns - 1)
        distance[outside] = WORST_MM
        distances.append(distance[np.isfinite(centers[..., 0])])
    return float(np.minimum(np.concatenate(distances), WORST_MM).mean())


def both_channels(neck: SimulatedNeck) -> dict[SideName, NDArray[np.float64]]:
    """Centers per side, the common carotid's in both channels."""
    found: dict[SideName, NDArray[np.float64]] = {}
    for side in SIDE_NAMES:
        centers = slice_centers(neck, side)
        external = np.flatnonzero(np.isfinite(centers[:, 1, 0]))
        fork = external[0] if external.size else len(centers)
        centers[:fork, 1] = centers[:fork, 0]
        found[side] = centers
    return found


class WithModels:
    """Networks make the heatmaps of scans that were spoilt."""

    ways = ("nothing", "noise", "heavy noise", "one side empty", "cut field of view", "nothing")

    def __init__(self, models: Path, threads: int) -> None:
        self._models = models
        self._threads = threads

    def case(self, root: Path, seed: int, number: int) -> Case:
        """Make one neck, spoil it, compute and write."""
        from contextlib import nullcontext

        from carotid.cohort.run import Request, run_stage
        from carotid.stages.catalog import stage_named

        class Silence:
            def started(self, participant_id: str, steps: int) -> None:
                del participant_id, steps

            def advanced(self) -> None:
                return

            def waiting(self, participant_id: str) -> None:
                del participant_id

            def finished(self, outcome: Outcome) -> None:
                if outcome.status != "done":
                    raise RuntimeError(outcome.reason)

        name, how = f"p{number:03d}", self.ways[number % len(self.ways)]
        neck = simulate_neck(seed)
        volume, first_x = spoilt(neck.volume.reoriented(CANONICAL), how, seed)
        (root / "raw").mkdir(exist_ok=True)
        write_metaimage(root / "raw" / f"{name}.mha", volume)
        rescaling = {
            "rescale": True,
            "lower_percentile_rescaler": LOWER,
            "upper_percentile_rescaler": UPPER,
        }
        (root / "raw" / "parameters.json").write_text(json.dumps(rescaling))
        request = Request(
            stage=stage_named("heatmap"),
            raw_dir=root / "raw",
            model_dir=self._models,
            output_dir=root / "out",
            participants=[name],
            threads=self._threads,
        )
        run_stage(request, lambda _: nullcontext(Silence()))
        return Case(name, how, both_channels(neck), first_x, volume.grid.shape[0])


class WithoutModels:
    """Heatmaps are drawn around the truth, and spoilt themselves."""

    ways = ("nothing", "strays a little", "strays", "fades", "another vessel", "all of it")

    def case(self, root: Path, seed: int, number: int) -> Case:
        """Make one neck and draw what an ensemble of three might have seen."""
        from tests.report.results import views_around, write_heatmaps, write_scan

        rng = np.random.default_rng(seed)
        name, how = f"p{number:03d}", self.ways[number % len(self.ways)]
        neck = simulate_neck(seed)
        spacing = neck.volume.grid.reoriented(CANONICAL).spacing_mm
        stray = {"strays a little": 1.0, "strays": rng.uniform(2, 6), "all of it": 4.0}.get(
            how, 0.3
        )
        fading = {"fades": rng.uniform(0.2, 0.7), "all of it": 0.5}.get(how, 0.0)
        views = {}
        centers = both_channels(neck)
        for side in SIDE_NAMES:
            seen = centers[side].copy()
            if how in {"another vessel", "all of it"}:
                length = int(len(seen) * rng.uniform(0.1, 0.5))
                start = int(rng.integers(len(seen) - length))
                seen[start : start + length] += rng.choice([-14, 14], 2) / np.array(spacing[:2])
            views[side] = views_around(seen, spacing, rng, wander_mm=stray, fading=fading)
        sha256 = write_scan(root / "raw", name, neck.volume)
        write_heatmaps(root / "out", name, neck.volume.grid, views, input_sha256=sha256)
        columns = neck.volume.grid.reoriented(CANONICAL).shape[0]
        return Case(name, how, centers, 0, columns)


def spoilt(volume: Volume, how: str, seed: int) -> tuple[Volume, int]:
    """A canonical scan after something went wrong, and its first column in the old one."""
    rng = np.random.default_rng(seed)
    array = np.asarray(volume.array, np.float32)
    strong = float(np.percentile(array, 95))
    if how in {"noise", "heavy noise"}:
        level = strong * (0.25 if how == "noise" else 1.5)
        array = np.hypot(
            array + rng.normal(0, level, array.shape), rng.normal(0, level, array.shape)
        )
    middle = array.shape[0] // 2
    if how == "one side empty":
        array = array.copy()
        empty = array[:middle]
        empty[:] = np.abs(rng.normal(0, 0.03 * strong, empty.shape))
    whole = volume.with_array(np.clip(array, 0, 32000).astype(np.int16))
    if how != "cut field of view":
        return whole, 0
    return whole.cropped((middle, 0, 0), volume.grid.shape), middle


def shipped_models() -> Path | None:
    """The models that come with the package, if they do."""
    folder = Path(str(resources.files("carotid") / "models" / "heatmap"))
    return folder if any(folder.glob("*.pt")) else None


if __name__ == "__main__":
    main()

"""Which warnings of the product come up on arteries that have a fault, and which on healthy ones.

    python -m benchmarks.alarms [--kind second-plain ...] [--necks 4] [--first 0] [--keep DIR]

Necks of any kinds are written, `carotid run` takes all of them from the scan to the page, and its
warnings, `quality.tsv` and `arteries.tsv` are read. A table per kind says in how many sides each
warning or flag came up: in sides with a fault (one of each occluded or kinked neck) that is
detection, in the others a false alarm, unless noise or plaque has earned it. A stenosis is false
where NASCET is above 20 % though the true outlines have less than 10 %, or none because the artery
is occluded. `--keep` leaves everything in a folder, and what is complete there is not made
again.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.neck_heatmaps import KINDS, PERCENTILES
from benchmarks.processes import THIS
from benchmarks.repeat_scans import true_lines
from carotid.evaluation.ends import SHORT_MM
from carotid.evaluation.faint import FAINT_MM
from carotid.evaluation.figures import CHECK, DOUBTFUL
from carotid.geometry.sides import SIDE_NAMES
from carotid.report.measured import all_figures
from carotid.simulation.contours import true_contours
from carotid.stages.measurement.measure import measure
from carotid.stages.planes.seen import LEAST_LENGTH_MM
from carotid.storage.metaimage.write import write_metaimage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carotid.geometry.sides import SideName
    from carotid.simulation.truth import SimulatedNeck, TrueSide

FALSE_FROM, NONE_BELOW = 20.0, 10.0
"""NASCET, percent: what was found, and what is none in truth."""

WARNINGS = {
    "heatmaps hardly show it": "the heatmaps hardly show it over",
    "no outlines beside guessed centers": "beside its guessed centers",
    "ends below the arteries beside it": "its centers end",
    "may be occluded": "the artery may be occluded",
    "outlines missing": "the artery does not cross them whole",
}
FLAGS = {
    f"centerline_short_mm from {SHORT_MM:g} on": ("centerline_short_mm", SHORT_MM),
    f"centerline_faint_mm from {FAINT_MM:g} on": ("centerline_faint_mm", FAINT_MM),
    f"contour_no_lumen_mm from {LEAST_LENGTH_MM:g} on": ("contour_no_lumen_mm", LEAST_LENGTH_MM),
    f"score of centerlines from {CHECK:g} on": ("centerline_score", CHECK),
    f"score of contours from {CHECK:g} on": ("contour_score", CHECK),
    f"score of contours from {DOUBTFUL:g} on": ("contour_score", DOUBTFUL),
}
FALSE_STENOSIS = f"false stenosis (above {FALSE_FROM:g} %)"
UNTOLD = "… with no warning and no score"
TOLD = "any warning, or a score"


@dataclass
class Seen:
    """What the product said of one side.

    Attributes:
        alarms: Names of the warnings and flags that came up.
        found: NASCET in percent, NaN where it has none.
        true: The same of the true outlines.
        fault: What is wrong with the artery; empty for nothing.
        neck_score: The page's score of the neck, which counts its heatmaps, too.
    """

    alarms: set[str] = field(default_factory=set)
    found: float = float("nan")
    true: float = float("nan")
    fault: str = ""
    neck_score: float = float("nan")

    @property
    def is_false_stenosis(self) -> bool:
        """Whether a stenosis was found that is none."""
        return self.found > FALSE_FROM and not self.true >= NONE_BELOW

    @property
    def names(self) -> set[str]:
        """All that is counted."""
        names = self.alarms | ({TOLD} if self.alarms else set())
        if self.is_false_stenosis:
            names |= {FALSE_STENOSIS} if self.alarms else {FALSE_STENOSIS, UNTOLD}
        return names


def fault_of(side: TrueSide) -> str:
    """What is wrong with a side's internal carotid."""
    known = {"occluded_from_mm": "occluded", "kink_from_mm": "kinked"}
    return next((words for name, words in known.items() if name in side.made), "")


def write_necks(
    folder: Path, kinds: Sequence[str], numbers: range
) -> dict[tuple[str, SideName], Seen]:
    """Write the scans; the truth by participant and side."""
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    names = ("lower_percentile_rescaler", "upper_percentile_rescaler")
    rescaling = {"rescale": True, **dict(zip(names, PERCENTILES, strict=True))}
    (raw / "parameters.json").write_text(json.dumps(rescaling))
    seen: dict[tuple[str, SideName], Seen] = {}
    for kind in kinds:
        for k in numbers:
            neck, name = KINDS[kind](k), f"{kind}-{k}"
            if not (raw / f"{name}.mha").exists():
                write_metaimage(raw / f"{name}.mha", neck.volume)
            for side, true in true_stenoses(neck).items():
                seen[name, side] = Seen(true=true, fault=fault_of(neck.sides[side]))
    return seen


def true_stenoses(neck: SimulatedNeck) -> dict[SideName, float]:
    """NASCET of the true outlines by side, in percent."""
    figures = all_figures(measure(true_contours(neck), true_lines(neck)))
    return {
        side: figures[side].stenosis.value if side in figures else float("nan")
        for side in SIDE_NAMES
    }


def read_warnings(log: str, seen: Mapping[tuple[str, SideName], Seen]) -> None:
    """Note which warnings came up for which sides."""
    for line in log.splitlines():
        for (participant, side), one in seen.items():
            if line.startswith(f"carotid: warning: {participant}: {side} "):
                one.alarms |= {name for name, words in WARNINGS.items() if words in line}


def read_tables(folder: Path, seen: Mapping[tuple[str, SideName], Seen]) -> None:
    """Note the flags of the page's table, its score of the neck, and the stenoses."""
    by_name = {(name, str(side)): one for (name, side), one in seen.items()}
    for row in _rows(folder / "quality.tsv"):
        one = by_name[row["participant_id"], row["side"]]
        one.neck_score = float(row["score"] or "nan")
        for name, (column, least) in FLAGS.items():
            if row[column] and float(row[column]) >= least:
                one.alarms.add(name)
    for row in _rows(folder / "arteries.tsv"):
        if row["segment"] == "internal" and row["stenosis_nascet_percent"]:
            one = by_name[row["participant_id"], row["side"]]
            one.found = float(row["stenosis_nascet_percent"])


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t")


def table(kind: str, sides: Sequence[Seen]) -> list[str]:
    """Lines of Markdown: in how many sides each alarm came up, and the largest stenoses."""
    groups: dict[str, list[Seen]] = defaultdict(list)
    for one in sides:
        groups[one.fault or "other"].append(one)
    heads = [f"{len(some)} {name} sides" for name, some in sorted(groups.items())]
    lines = ["| " + " | ".join([kind, *heads]) + " |", "|---" * (1 + len(heads)) + "|"]
    for name in (*WARNINGS, *FLAGS, TOLD, FALSE_STENOSIS, UNTOLD):
        counts = [sum(name in one.names for one in some) for _, some in sorted(groups.items())]
        lines.append("| " + " | ".join([name, *map(str, counts)]) + " |")
    largest = []
    for _, some in sorted(groups.items()):
        found = [one for one in some if np.isfinite(one.found)]
        worst = max(found, key=lambda one: one.found, default=None)
        largest.append("none" if worst is None else f"{worst.found:.0f} % ({worst.true:.0f} %)")
    lines.append("| " + " | ".join(["largest NASCET (true)", *largest]) + " |")
    told = sum(one.neck_score >= CHECK for one in sides) // len(SIDE_NAMES)
    return [*lines, "", f"{told} of {len(sides) // len(SIDE_NAMES)} necks are check or doubtful"]


def run(folder: Path) -> str:
    """Take all scans to the page; what was logged, of earlier runs into the folder as well."""
    log = folder / "log.txt"
    with log.open("a") as file:
        command = [*THIS, "run", str(folder / "raw"), str(folder / "out")]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=file, check=True)
    return log.read_text()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = ["second-plain", "second-hard", "second-occluded", "second-kinked"]
    parser.add_argument("--kind", nargs="+", choices=sorted(KINDS), default=kinds)
    parser.add_argument("--necks", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="number of the first neck")
    parser.add_argument("--keep", type=Path, help="keep everything in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        numbers = range(given.first, given.first + given.necks)
        seen = write_necks(folder, given.kind, numbers)
        log = run(folder)
        read_warnings(log, seen)
        read_tables(folder / "out", seen)
    for kind in given.kind:
        own = [one for (name, _), one in seen.items() if name.rpartition("-")[0] == kind]
        print("\n".join(table(kind, own)), flush=True)


if __name__ == "__main__":
    main()

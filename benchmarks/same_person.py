"""How well lumen areas along the carotids tell whether two scans are of one person.

    python -m benchmarks.same_person OUT

OUT holds measurements of people with sessions, as `benchmarks.measurement_scores` makes them.
Sessions of one person are laid over each other as `carotid follow-up` does, then first sessions of
two people; the worse side of each pair counts.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.alignment import UNLIKE, align
from carotid.evaluation.common_range import ArteryCourse
from carotid.evaluation.measured_cohorts import Measured, by_session
from carotid.geometry.sides import SIDE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carotid.artifacts import Label
    from carotid.geometry.sides import SideName

    Courses = dict[SideName, dict[Label, ArteryCourse]]

GAP_MM = 2.0
PERCENTILES = (0, 5, 10, 50, 90, 95, 100)


def courses_of(one: Measured) -> Courses:
    """Both sides' arteries of one scan."""
    tables = {side: one.slices(side) for side in SIDE_NAMES}
    return {
        side: {label: ArteryCourse.of(table, label, GAP_MM) for label in LABELS}
        for side, table in tables.items()
    }


def unlikeness(pair: tuple[Courses, Courses]) -> float:
    """That of the worse side; NaN where too little is in both."""
    found = [align(pair[0][side], pair[1][side], side).unlikeness for side in SIDE_NAMES]
    known = [one for one in found if np.isfinite(one)]
    return max(known, default=np.nan)


def tell(what: str, pairs: Iterable[tuple[Courses, Courses]]) -> None:
    """One line about pairs of scans."""
    found = np.array([unlikeness(pair) for pair in pairs])
    found = found[np.isfinite(found)]
    told = ", ".join(f"{value:.3f}" for value in np.percentile(found, PERCENTILES))
    print(f"{what}: {len(found)} pairs, {100 * np.mean(found > UNLIKE):.0f} % told; {told}")


def main() -> None:
    """Read the measurements and print the two lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path)
    subjects, _ = by_session(parser.parse_args().measured, "give a directory with sessions")
    scans = [[courses_of(one) for one in subject.times[:2]] for subject in subjects]
    print(f"median difference of areas, as a logarithm, at percentiles {PERCENTILES}")
    tell("one person", ((first, second) for first, second in scans))
    tell("two people", combinations([first for first, _ in scans], 2))


if __name__ == "__main__":
    main()

r"""Measurements against the truth of simulated necks: agreement, bias, and whether spreads hold.

    python -m benchmarks.repeat_scans NECKS --participants 40
    carotid run --no_page NECKS/raw OUT
    carotid transform measurement TRUE --contour_dir NECKS/annotations \
        --centerline_dir NECKS/annotations
    python -m benchmarks.measurement_scores OUT TRUE --only ses-1 [--segment internal]
    carotid repeatability REPEATED OUT

The last says how well two scans of one neck agree. Arteries are laid over each other and compared
over what both show, cross-sections slice by slice; stenoses are those of the tables. It also says
how far from the true place positions begin, and of the wall of the common and internal carotid
which artery is farthest off, what agreement is without it, and how errors fall with what is true.
`--only '[02468]_ses-1'` takes the even necks alone, which have more noise, slow flow and plaque.
`scale` is the factor for the stated spread at which 68 % of errors would lie within it.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.evaluation.agreement import limits_of_agreement, repeatability
from carotid.evaluation.alignment import align
from carotid.evaluation.common_range import (
    MEASURES,
    ArteryCourse,
    measures_in_common,
    spreads_in_common,
)
from carotid.evaluation.measured_cohorts import in_directories
from carotid.geometry.sides import SIDE_NAMES
from carotid.stages.measurement.parameters import MeasurementParameters
from carotid.stages.measurement.stretches import segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carotid.evaluation.measured_cohorts import Subject
    from carotid.measurements import MeasurementTable

SLICE_MEASURES = {
    "la_mm2": "la_sd_mm2",
    "tva_mm2": "tva_sd_mm2",
    "nwi": "nwi_sd",
    "wt_mean_mm": "wt_mean_sd_mm",
    "wt_max_mm": "wt_max_sd_mm",
}
LEVELS = {0.5: 0.674, 0.68: 0.994, 0.95: 1.960}
"""Shares of a normal distribution, and how many standard deviations hold them."""

NEAR_MM = 10.0
"""Where positions are compared, from the bifurcation."""

NARROWINGS = {
    "stenosis_nascet_percent": "stenosis_nascet_sd_percent",
    "stenosis_ecst_percent": "stenosis_ecst_sd_percent",
    "stenosis_area_percent": "stenosis_area_sd_percent",
    "mla_mm2": "mla_sd_mm2",
    "mld_mm": "mld_sd_mm",
}
"""Of the internal carotid, as the tables have them: each over what its own scan shows."""

MEANS = ("la_mean_mm2", "tva_mean_mm2", "nwi_mean", "wt_mean_mm")

SEGMENTS = segments(MeasurementParameters())


def coverage(error: NDArray[np.float64], spread: NDArray[np.float64]) -> str:
    """Shares of errors within the stated spread, and the factor that would mend it."""
    known = np.isfinite(error + spread) & (spread > 0)
    if known.sum() < 10:
        return "no spread stated"
    ratio = np.abs(error[known]) / spread[known]
    shares = "  ".join(f"{(ratio <= z).mean():4.0%} of {level:.0%}" for level, z in LEVELS.items())
    return f"within: {shares}   scale {np.quantile(ratio, 0.68) / LEVELS[0.68]:.2f}"


def line(name: str, pairs: NDArray[np.float64], spread: NDArray[np.float64]) -> str:
    """One measure: agreement of (n, 2) measured and true values."""
    known = pairs[np.isfinite(pairs).all(axis=1)]
    if len(known) < 3:
        return f"  {name:22} too few"
    icc = repeatability(known).icc
    limits = limits_of_agreement(known[:, 1], known[:, 0])
    return (
        f"  {name:22} n {len(known):5d}  true mean {known[:, 1].mean():8.2f}  "
        f"ICC {icc.value:5.3f} ({icc.low:.2f}, {icc.high:.2f})  bias {limits.bias.value:+8.3f}  "
        f"SD {limits.sd:7.3f}  {coverage(pairs[:, 0] - pairs[:, 1], spread)}"
    )


def farthest(name: str, pairs: NDArray[np.float64], subjects: Sequence[Subject]) -> str:
    """The artery with the largest error of a measure, and what agreement is without it."""
    error = pairs[:, 0] - pairs[:, 1]
    worst = int(np.nanargmax(np.abs(error)))
    subject, side = subjects[worst // len(SIDE_NAMES)], SIDE_NAMES[worst % len(SIDE_NAMES)]
    others = np.delete(pairs, worst, axis=0)
    others = others[np.isfinite(others).all(axis=1)]
    slope = np.polyfit(others[:, 1], others[:, 0] - others[:, 1], 1)[0]
    return (
        f"  {name:22} farthest off: {subject.name} {side} by {error[worst]:+.2f}; without it "
        f"ICC {repeatability(others).icc.value:.3f}, slope of errors on true values {slope:+.2f}"
    )


def slices(subjects: Sequence[Subject]) -> None:
    """Cross-sections that both read, by side, label and slice."""
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in SLICE_MEASURES}
    for subject in subjects:
        for side in SIDE_NAMES:
            tables = [one.slices(side) for one in subject.times]
            rows = [_readable(table) for table in tables]
            shared = sorted(set(rows[0]) & set(rows[1]))
            a, b = ([one[key] for key in shared] for one in rows)
            for name, spread in SLICE_MEASURES.items():
                values = [tables[0].numbers(name)[a], tables[1].numbers(name)[b]]
                found[name].append(np.column_stack([*values, tables[0].numbers(spread)[a]]))
    print("cross-sections:")
    for name, parts in found.items():
        both = np.concatenate(parts)
        print(line(name, both[:, :2], both[:, 2]))


def origins(subjects: Sequence[Subject]) -> None:
    """How far from the true place positions begin, by the same slices of the internal carotid."""
    off = []
    for subject in subjects:
        for side in SIDE_NAMES:
            found, true = (
                {
                    z: s
                    for z, s, label in zip(
                        table.numbers("z").tolist(),
                        table.numbers("s_mm").tolist(),
                        table.words("label"),
                        strict=True,
                    )
                    if label == "internal" and abs(s) < NEAR_MM
                }
                for table in (one.slices(side) for one in subject.times)
            )
            shared = sorted(set(found) & set(true))
            if shared:
                off.append(np.median([true[z] - found[z] for z in shared]))
    error = np.array(off)
    print(
        f"where positions begin, {len(error)} sides: bias {error.mean():+.2f} mm, "
        f"SD {error.std(ddof=1):.2f}, 95 % within {np.quantile(np.abs(error), 0.95):.2f}"
    )


def narrowings(subjects: Sequence[Subject]) -> None:
    """Stenoses and least lumens of the internal carotid."""
    print("internal, as stored:")
    for name, spread in NARROWINGS.items():
        rows = []
        for subject in subjects:
            found, true = (one.arteries() for one in subject.times)
            for side in SIDE_NAMES:
                a, b = (_row(table, side, "internal") for table in (found, true))
                columns = found.numbers(name)[a], true.numbers(name)[b], found.numbers(spread)[a]
                rows.append(columns)
        every = np.array(rows, np.float64)
        print(line(name, every[:, :2], every[:, 2]))


def _row(table: MeasurementTable, side: str, segment: str) -> int:
    rows = list(zip(table.words("side"), table.words("segment"), strict=True))
    return rows.index((side, segment))


def _readable(table: MeasurementTable) -> dict[tuple[str, float], int]:
    keys = zip(table.words("label"), table.numbers("z").tolist(), strict=True)
    return {
        key: row
        for row, (key, word) in enumerate(zip(keys, table.words("readable"), strict=True))
        if word == "yes"
    }


def arteries(subjects: Sequence[Subject], names: Sequence[str]) -> None:
    """Segments over what both show."""
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    for subject in subjects:
        for side in SIDE_NAMES:
            courses = [
                {label: ArteryCourse.of(one.slices(side), label, 2.0) for label in LABELS}
                for one in subject.times
            ]
            shift = align(courses[1], courses[0], side).shift_mm
            table = subject.times[0].arteries()
            stated = dict(
                zip(
                    zip(table.words("side"), table.words("segment"), strict=True),
                    table.numbers("wt_max_sd_mm").tolist(),
                    strict=True,
                )
            )
            courses[0] = {label: one.shifted(shift) for label, one in courses[0].items()}
            for segment in names:
                limits = SEGMENTS.limits_mm[segment]
                both = [one[SEGMENTS.labels[segment]] for one in courses]
                values = measures_in_common(both, limits)
                spreads = spreads_in_common(both, limits, SEGMENTS.spread_along_mm)
                spreads[0]["wt_max_mm"] = stated[side, segment]  # of a largest value, as a whole
                found[segment].append(
                    np.array(
                        [[values[0][m], values[1][m], spreads[0][m]] for m in MEASURES], np.float64
                    )
                )
    for segment, rows in found.items():
        stacked = np.stack(rows)
        print(f"{segment}:")
        for k, name in enumerate(MEASURES):
            if name != "covered_mm":
                print(line(name, stacked[:, k, :2], stacked[:, k, 2]))
        if segment == "common_internal":
            for name in ("wall_volume_mm3", "wt_mean_mm"):
                print(farthest(name, stacked[:, MEASURES.index(name), :2], subjects))
    every = np.concatenate([np.stack(rows) for rows in found.values()])
    for told, some in (("means", MEANS), ("largest thickness", ("wt_max_mm",))):
        chosen = every[:, [MEASURES.index(name) for name in some]].reshape(-1, 3)
        print(f"{told} of all segments: {coverage(chosen[:, 0] - chosen[:, 1], chosen[:, 2])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path)
    parser.add_argument("true", type=Path)
    parser.add_argument(
        "--segment", action="append", choices=list(SEGMENTS.limits_mm), help="default: all"
    )
    parser.add_argument("--only", default="", help="what ids end in, a regular expression")
    given = parser.parse_args()
    subjects, left_out = in_directories([given.measured, given.true])
    subjects = [one for one in subjects if re.search(f"(?:{given.only})$", one.name)]
    print(f"{len(subjects)} scans, {len(left_out)} in one directory alone")
    origins(subjects)
    slices(subjects)
    narrowings(subjects)
    arteries(subjects, given.segment or list(SEGMENTS.limits_mm))


if __name__ == "__main__":
    main()

"""Compare the measurements of output directories, and judge how well they repeat."""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import shortened
from carotid.errors import UsageError
from carotid.evaluation.alignment import align
from carotid.evaluation.common_range import (
    MEASURES,
    ArteryCourse,
    measures_in_common,
    warn_of_unsure_lumens,
)
from carotid.evaluation.least_changes import settings_path, warn_of_few, write_settings
from carotid.evaluation.measured_cohorts import (
    Subject,
    by_session,
    check_place_of_tables,
    in_directories,
    unclear_order,
)
from carotid.evaluation.measured_origins import warn_of_origins
from carotid.evaluation.measured_settings import (
    check_same_settings,
    differing_settings,
    in_words,
)
from carotid.evaluation.repeated import Repeated, summary_table, values_table
from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column
from carotid.storage.results.measurement_tables import save_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from carotid.artifacts import Label
    from carotid.evaluation.common_range import Segments
    from carotid.measurements import MeasurementTable

logger = logging.getLogger(__name__)

_REPEATABILITY = "repeatability.tsv"
_SHOWN = 8
"""So many columns are listed where one is not there."""


@dataclass(frozen=True)
class Comparison:
    """What was written.

    Attributes:
        repeated: All values.
        summary: What they add up to.
        participants: How many participants count.
    """

    repeated: Repeated
    summary: MeasurementTable
    participants: int


def compare_measurements(
    roots: Sequence[Path],
    output_dir: Path,
    columns: Sequence[str] = (),
    defaults: Mapping[str, object] | None = None,
) -> Comparison:
    """Compare the arteries' measurements of two or more directories, as they are.

    `output_dir` receives `compare_measurement.tsv` with all values and
    `compare_measurement_summary.tsv`, with dictionaries.

    Args:
        roots: Output directories of `carotid transform measurement`.
        output_dir: Where the tables go.
        columns: Which measures; all where it is empty.
        defaults: Of all settings of measurements, see `differing_settings`.

    Raises:
        UsageError: No participant is in all directories, a column is in none, or `output_dir` is
            among results.
    """
    check_place_of_tables(output_dir)
    subjects, left_out = in_directories(roots)
    for name, count in left_out.items():
        logger.warning(
            "%s was not compared: it is in %d of %d directories", name, count, len(roots)
        )
    measured = [one for subject in subjects for one in subject.times]
    differing = differing_settings(measured, defaults or {})
    if differing:
        logger.warning(
            "the measurements were made with different settings: %s", in_words(differing)
        )
    warn_of_origins(subjects)
    repeated = repeated_as_stored(subjects, [str(root) for root in roots], columns)
    return _write(repeated, output_dir, "compare_measurement", len(subjects))


def repetitions(roots: Sequence[Path]) -> tuple[list[Subject], list[str]]:
    """Who was measured repeatedly, as often as everybody was, and what the repetitions are called.

    Args:
        roots: Output directories; of one alone, ids with sessions count as repetitions.

    Raises:
        UsageError: There are no repetitions.
    """
    if len(roots) > 1:
        subjects, others = in_directories(roots)
        left_out = sorted(others)
        names = [str(root) for root in roots]
    else:
        subjects, left_out = by_session(
            roots[0], "give the directory of each repetition, two or more"
        )
        for sessions, name in unclear_order(subjects).items():
            logger.warning(
                "sessions are taken in this order, as of %s: %s; bias and difference are the "
                "second less the first",
                name,
                sessions,
            )
        fewest = min(len(one.times) for one in subjects)
        names = [f"session {k + 1}" for k in range(fewest)]
        more = [one.name for one in subjects if len(one.times) > fewest]
        if more:
            logger.warning(
                "only the first %d sessions count, as many as everybody has: more are there of %s",
                fewest,
                ", ".join(more),
            )
        subjects = [Subject(one.name, one.times[:fewest]) for one in subjects]
    if left_out:
        logger.warning("without repetition, and left out: %s", ", ".join(left_out))
    return subjects, names


def judge_repeatability(
    subjects: Sequence[Subject],
    names: Sequence[str],
    output_dir: Path,
    segments: Segments,
    *,
    as_stored: bool = False,
) -> Comparison:
    """Judge how well measurements repeat.

    `output_dir` receives `repeatability.tsv` with a row per segment and measure, and
    `repeatability_values.tsv`, with dictionaries, and `repeatability_settings.json`.

    Args:
        subjects: Who was measured repeatedly, everybody as often.
        names: What the repetitions are called.
        output_dir: Where the tables go.
        segments: Where the segments are.
        as_stored: Take the tables of arteries as they are, instead of measuring again over the
            stretch that all repetitions have in common.

    Raises:
        UsageError: The repetitions were made with different settings, or `output_dir` is among
            results.
    """
    check_place_of_tables(output_dir)
    measured = [one for subject in subjects for one in subject.times]
    check_same_settings(measured, segments.defaults)
    warn_of_origins(subjects)
    if as_stored:
        repeated = repeated_as_stored(subjects, names)
    else:
        repeated = repeated_in_common(subjects, names, segments)
    table = output_dir / _REPEATABILITY
    settings_path(table).unlink(missing_ok=True)  # it would be told of a table that is half new
    found = _write(repeated, output_dir, "repeatability", len(subjects))
    write_settings(table, subjects, None if as_stored else segments)
    warn_of_few(table, found.summary.numbers("freedom").tolist())
    return found


def repeated_as_stored(
    subjects: Sequence[Subject], names: Sequence[str], columns: Sequence[str] = ()
) -> Repeated:
    """What the tables of arteries say, repetition by repetition.

    Directions are left out: 359° and 1° are neighbours, which means and variances do not know.
    """
    keys: list[tuple[str, str, str]] = []
    rows: list[list[dict[str, float]]] = []
    measures: dict[str, Column] = {}
    for subject in subjects:
        tables = [one.arteries() for one in subject.times]
        for table in tables:
            for column in table.columns:
                if column.unit != "deg" and not isinstance(table.cells[column.name], tuple):
                    measures.setdefault(column.name, column)
        found = [_by_segment(table) for table in tables]
        everywhere = dict.fromkeys(key for table in found for key in table)
        for side, segment in everywhere:
            keys.append((subject.name, side, segment))
            rows.append([table.get((side, segment), {}) for table in found])
        for name, there in zip(names, found, strict=True):
            missing = [" ".join(key) for key in everywhere if key not in there]
            if missing:
                logger.warning(
                    "%s: not compared, as %s has no such rows: %s",
                    subject.name,
                    name,
                    shortened(missing),
                )
    chosen = (
        [measures[name] for name in columns if name in measures]
        if columns
        else [*measures.values()]
    )
    unknown = [name for name in columns if name not in measures]
    if unknown:
        raise _no_such_column(unknown, [*measures])
    return _repeated(keys, rows, chosen, names)


def _no_such_column(unknown: Sequence[str], known: Sequence[str]) -> UsageError:
    begun = [name for name in known if name.startswith(unknown[0])]
    near = begun or difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.5)
    more = len(known) - _SHOWN
    return UsageError(
        f"no table has the column {', '.join(unknown)}, or it holds no amounts",
        expected=", ".join(known[:_SHOWN]) + (f" or one of {more} others" if more > 0 else ""),
        remedy=f"perhaps '{near[0]}' was meant" if near else "see arteries.json for all of them",
    )


def repeated_in_common(
    subjects: Sequence[Subject], names: Sequence[str], segments: Segments
) -> Repeated:
    """Measures over the stretch that all repetitions have in common, laid over the first one."""
    keys: list[tuple[str, str, str]] = []
    rows: list[list[dict[str, float]]] = []
    units: dict[str, Column] = {}
    for subject in subjects:
        for side in SIDE_NAMES:
            tables = [one.slices(side) for one in subject.times]
            if not units:
                units = {column.name: column for column in subject.times[0].arteries().columns}
            aligned: list[dict[Label, ArteryCourse]] = [
                {label: ArteryCourse.of(table, label, segments.max_gap_mm) for label in LABELS}
                for table in tables
            ]
            for name, later in zip(names[1:], aligned[1:], strict=True):
                found = align(aligned[0], later, side)
                found.warn(f"{subject.name} in {name}", side)
                shift = found.shift_mm
                later.update({label: course.shifted(shift) for label, course in later.items()})
            every = {label: [one[label] for one in aligned] for label in LABELS}
            warn_of_unsure_lumens(every, segments, f"{subject.name}, {side}")
            for segment, limits in segments.limits_mm.items():
                same = every[segments.labels[segment]]
                keys.append((subject.name, side, segment))
                found_in_common = measures_in_common(same, limits)
                for one in found_in_common:  # an artery of which nothing is shown is no repetition
                    one["covered_mm"] = one["covered_mm"] or np.nan
                rows.append(found_in_common)
    chosen = [units.get(name, Column(name, "", "")) for name in MEASURES]
    return _repeated(keys, rows, chosen, names)


def _by_segment(table: MeasurementTable) -> dict[tuple[str, str], dict[str, float]]:
    numbers = {
        name: values for name, values in table.cells.items() if not isinstance(values, tuple)
    }
    return {
        key: {name: float(values[row]) for name, values in numbers.items()}
        for row, key in enumerate(zip(table.words("side"), table.words("segment"), strict=True))
    }


def _repeated(
    keys: Sequence[tuple[str, str, str]],
    rows: Sequence[Sequence[Mapping[str, float]]],
    measures: Sequence[Column],
    names: Sequence[str],
) -> Repeated:
    values = np.full((len(keys), len(measures), len(names)), np.nan)
    for row, repetitions in enumerate(rows):
        for n, found in enumerate(repetitions):
            values[row, :, n] = [found.get(one.name, np.nan) for one in measures]
    return Repeated(tuple(keys), tuple(measures), values, tuple(names))


def _write(repeated: Repeated, output_dir: Path, name: str, participants: int) -> Comparison:
    summary = summary_table(repeated)
    output_dir.mkdir(parents=True, exist_ok=True)
    places = {
        "compare_measurement": ("compare_measurement.tsv", "compare_measurement_summary.tsv"),
        "repeatability": ("repeatability_values.tsv", _REPEATABILITY),
    }[name]
    (output_dir / f"{name}.svg").unlink(missing_ok=True)  # a picture of earlier tables
    save_table(output_dir / places[0], values_table(repeated))
    save_table(output_dir / places[1], summary)
    if not len(summary):
        logger.warning(
            "%s has no figures: these need two arteries at least that have a value in every "
            "repetition; the values that there are stand in %s",
            output_dir / places[1],
            places[0],
        )
    return Comparison(repeated, summary, participants)

"""What changed in an artery between two scans, over the stretch that both show."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.artifacts import LABELS
from carotid.counted import shortened
from carotid.errors import CarotidError, UsageError
from carotid.evaluation.common_range import warn_of_unsure_lumens
from carotid.evaluation.least_changes import read_least_changes, warn_of_stated_spreads
from carotid.evaluation.measured_cohorts import check_place_of_tables
from carotid.evaluation.measured_origins import warn_of_origins
from carotid.evaluation.measured_settings import check_same_settings
from carotid.evaluation.scan_pair import ScanPair
from carotid.geometry.sides import SIDE_NAMES
from carotid.measurements import Column, MeasurementTable
from carotid.storage.results.measurement_tables import save_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from carotid.evaluation.common_range import Segments
    from carotid.evaluation.measured_cohorts import Measured, Subject
    from carotid.evaluation.scan_pair import Change, LeastChange
    from carotid.geometry.sides import SideName

logger = logging.getLogger(__name__)

_MAP = "_change.tsv"
"""How names of tables end that hold changes by position and direction."""


@dataclass(frozen=True)
class FollowUp:
    """What was compared.

    Attributes:
        changes: A row per subject, scan, side, segment and measure.
        failed: Subjects that could not be compared, with the reason.
    """

    changes: MeasurementTable
    failed: Mapping[str, str]


_WORDS = (
    Column("participant_id", "", "Who was scanned twice"),
    Column("baseline", "", "Id of the first scan"),
    Column("follow_up", "", "Id of the later scan"),
    Column("side", "", "The patient's side"),
    Column("segment", "", "Part of an artery"),
    Column("measure", "", "Which column of the measurements"),
)
_BEYOND = Column(
    "beyond",
    "",
    "Whether the change is larger than least_change",
    levels={"yes": "it is", "no": "it is not", "": "least_change is unknown"},
)
_SOURCE = Column(
    "least_change_source",
    "",
    "Where least_change comes from",
    levels={
        "repeatability": "the least detectable change of the table of repeatability that was given",
        "stated_spread": "1.96 x change_sd, which does not know the errors that another position "
        "in the scanner makes: smaller than what can be detected",
        "": "it is unknown",
    },
)
_NUMBERS = (
    Column("before", "", "The measure in the first scan, over the common stretch"),
    Column("after", "", "The same in the later scan"),
    Column("change", "", "After less before"),
    Column("change_percent", "percent", "100 x change / before"),
    Column("change_sd", "", "Standard deviation of the change by the stated spreads of both scans"),
    Column(
        "least_change",
        "",
        "What the change is set against; least_change_source says what that is",
    ),
    Column("common_mm", "mm", "Length of the stretch that both scans show"),
    Column("shift_mm", "mm", "What positions of the later scan were raised by"),
    Column("turn_deg", "deg", "What directions of the later scan were raised by"),
)


def follow_up(
    subjects: Sequence[Subject],
    output_dir: Path,
    segments: Segments,
    repeatability: Path | None = None,
) -> FollowUp:
    """Compare each later scan with the first one of the same subject.

    `output_dir` receives `follow_up.tsv`, and per subject, later scan and side a table
    `<follow-up id>_<side>_change.tsv` of the change of thickness by position and direction.

    Args:
        subjects: Who was scanned several times.
        output_dir: Where the tables go.
        segments: Where the segments are.
        repeatability: `repeatability.tsv`, which tells least detectable changes. Without it changes
            are set against the stated spreads, and a warning says what that leaves out.

    Raises:
        InputError: The table of repeatability cannot be read.
        UsageError: Nobody could be compared, scans were measured with different settings, those of
            the table of repeatability too, or `output_dir` is among results.
    """
    check_place_of_tables(output_dir)
    measured = [one for subject in subjects for one in subject.times]
    check_same_settings(measured, segments.defaults)
    warn_of_origins(subjects)
    known = {} if repeatability is None else read_least_changes(repeatability, subjects, segments)
    if repeatability is None:
        logger.warning(
            "without --repeatability changes are set against the spread that the contours state; "
            "it does not know what another position in the scanner changes, so more of them seem "
            "real than are"
        )
    output_dir.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[tuple[str, ...], Change]] = []
    failed: dict[str, str] = {}
    maps: set[Path] = set()
    for subject in subjects:
        for later in subject.times[1:]:
            try:
                own, changed = _compared(subject, later, segments, known)
            except CarotidError as error:
                failed[later.participant_id] = str(error)
                logger.warning("%s was not compared: %s", later.participant_id, error)
                continue
            rows += own
            for side, change_map in changed.items():
                if len(change_map):
                    path = output_dir / f"{later.participant_id}_{side}{_MAP}"
                    save_table(path, change_map)
                    maps.add(path)
    if not rows:
        raise UsageError(
            "nothing could be compared",
            found="; ".join(f"{name}: {reason}" for name, reason in list(failed.items())[:3])
            or "no subject with two scans",
        )
    if repeatability is not None:
        stated = [words[-2] for words, one in rows if one.source == "stated_spread"]
        warn_of_stated_spreads(repeatability, stated)
    table = _table(rows)
    save_table(output_dir / "follow_up.tsv", table)
    others = sorted(path.name for path in output_dir.glob(f"*{_MAP}") if path not in maps)
    if others:
        logger.warning("%s: of an earlier comparison: %s", output_dir, shortened(others))
    return FollowUp(table, failed)


def _compared(
    subject: Subject, later: Measured, segments: Segments, known: LeastChange
) -> tuple[list[tuple[tuple[str, ...], Change]], dict[SideName, MeasurementTable]]:
    """All changes between a subject's first scan and a later one, and each side's map of them.

    Raises:
        CarotidError: A table cannot be read.
    """
    first = subject.times[0]
    scans = first.participant_id, later.participant_id
    rows: list[tuple[tuple[str, ...], Change]] = []
    maps = {}
    for side in SIDE_NAMES:
        pair = ScanPair.of(first, later, side, segments)
        both = {label: (pair.first[label], pair.second[label]) for label in LABELS}
        warn_of_unsure_lumens(both, segments, f"{later.participant_id}, {side}")
        rows += [
            ((subject.name, *scans, side, *which), change)
            for which, change in pair.changes(segments, known).items()
        ]
        maps[side] = pair.change_map()
    return rows, maps


def _table(rows: Sequence[tuple[tuple[str, ...], Change]]) -> MeasurementTable:
    cells: dict[str, NDArray[np.float64] | tuple[str, ...]] = {
        column.name: tuple(words[k] for words, _ in rows) for k, column in enumerate(_WORDS)
    }
    for k, column in enumerate(_NUMBERS):
        cells[column.name] = np.array([one.figures[k] for _, one in rows], np.float64)
    change, least = (np.asarray(cells[name], np.float64) for name in ("change", "least_change"))
    cells[_BEYOND.name] = tuple(
        "" if np.isnan(limit) else "yes" if abs(value) > limit else "no"
        for value, limit in zip(change, least, strict=True)
    )
    cells[_SOURCE.name] = tuple(one.source for _, one in rows)
    return MeasurementTable((*_WORDS, *_NUMBERS, _BEYOND, _SOURCE), cells)

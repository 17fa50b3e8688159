"""What parts of a cohort leave to do when all have ended: tables of everybody, who is missing."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carotid.cohort.outcome import Outcome
from carotid.cohort.places import find_inputs, find_places
from carotid.cohort.run_pipeline import SUMMARY_KEY
from carotid.counted import listed
from carotid.errors import CarotidError, OutputError, UsageError
from carotid.provenance import made_differently
from carotid.stages import catalog
from carotid.stages.catalog import made_on_the_way, read_settings
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import read_parameters
from carotid.storage.results.record import read_record
from carotid.storage.results.summary import read_summary, rows_of
from carotid.storage.scan_source import recorded_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from carotid.provenance import Record
    from carotid.stages.stage import Stage

logger = logging.getLogger(__name__)

_MAX_SHOWN = 10


@dataclass(frozen=True)
class Merged:
    """What all parts together have done.

    Attributes:
        name: A step, or "pipeline".
        outcomes: What became of everybody who was asked for, by id.
        missing: Who is there to be done and was never asked for, or whose part did not end; None
            where that cannot be told.
    """

    name: str
    outcomes: list[Outcome]
    missing: list[str] | None


def merge(output_dir: Path) -> list[Merged]:
    """Write the tables of the whole cohort, and say what all parts together have done.

    Args:
        output_dir: Where parts of a cohort have written.

    Returns:
        One for each command that ran there.

    Raises:
        UsageError: Nothing ran there.
        OutputError: A table cannot be written, or the summary cannot be read.
    """
    layout = OutputLayout(output_dir)
    try:
        summary = read_summary(layout.summary)
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(
            f"the summary of the parts cannot be read: {error}",
            where=layout.summary,
            remedy="run the parts again; what is complete is kept",
        ) from error
    if not summary:
        raise UsageError(
            "no part of a cohort has ended here",
            where=output_dir,
            expected=f"a directory with {layout.summary.name}",
        )
    stages = {one.transform: one for one in catalog.STAGES}
    settings = read_parameters(layout.parameters)
    for transform, stage in stages.items():
        if transform in settings:
            stage.close(layout)
    _warn_of_differences(layout)
    found = []
    for name in summary:
        begins = catalog.STAGES[0] if name == SUMMARY_KEY else stages.get(name)
        if begins is None:
            continue  # of another program, or another version
        outcomes = list(_outcomes(rows_of(summary, name)))
        there = {one.participant_id for one in outcomes}
        entry = settings.get(begins.transform)
        label = name if name == SUMMARY_KEY else begins.name
        try:
            expected = _expected(layout, begins, entry if isinstance(entry, dict) else {})
            missing = [one for one in expected if one not in there]
        except CarotidError as error:
            logger.warning("%s: who is missing cannot be told: %s", label, error)
            missing = None
        found.append(Merged(label, outcomes, missing))
    return found


def _warn_of_differences(layout: OutputLayout) -> None:
    """Name participants whose results were made otherwise than those of most; one line a step."""
    found: dict[str, dict[str, Record]] = {}
    for stage in catalog.STAGES:
        for one in layout.participants(stage.transform):
            made = read_record(layout.transform(one, stage.transform))
            for record in () if made is None else made.way_back():
                found.setdefault(record.transform, {})[one] = record
    for transform, records in found.items():
        kinds = {one: _decisive(record) for one, record in records.items()}
        (usual, _), *_ = Counter(kinds.values()).most_common(1)
        likes = next(records[one] for one, kind in kinds.items() if kind == usual)
        others = sorted(one for one, kind in kinds.items() if kind != usual)
        if others:
            logger.warning(
                "the %s step was done otherwise for %s than for most: %s; where that is "
                "not meant, do it again with --force",
                transform,
                listed(others, _MAX_SHOWN),
                "; ".join(made_differently(likes, records[others[0]])),
            )


def _decisive(record: Record) -> str:
    """What tells whether two results may stand in one table."""
    return json.dumps([record.parameters, list(record.models.items())], sort_keys=True, default=str)


def _outcomes(rows: Iterable[Mapping[str, Any]]) -> Iterator[Outcome]:
    for row in rows:
        status = row.get("result")
        if status in ("done", "skipped", "failed"):
            yield Outcome(row["participant_id"], status, str(row.get("reason", "")))


def _expected(layout: OutputLayout, stage: Stage, entry: Mapping[str, Any]) -> list[str]:
    """Whoever brings what a stage needs, from the directories on record; sorted.

    Raises:
        UsageError: These are not on record, or not where they were.
    """
    dirs = {need: Path(str(entry.get(f"{need}_dir", layout.root))) for need in stage.earlier}
    settings = read_settings([stage, *made_on_the_way(stage)], None)
    source = recorded_source(entry)
    if source is None and not stage.earlier:
        raise UsageError("the folder of the scans is not on record", where=layout.parameters)
    places = [*dirs.values()] if source is None else [source.path]
    gone = next((place for place in places if not place.exists()), None)
    if gone is not None:
        raise UsageError(
            "this folder is not where it was",
            where=gone,
            found=f"on record in {layout.parameters}",
            remedy="give the command where the parts were run: a relative path counts from there",
        )
    return find_inputs(stage, find_places(stage, source, dirs, None), settings).participants()

"""Whom a report is about: everyone with a result, a scan, or a line in the last run's summary."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carotid.errors import CarotidError, UsageError, one_line
from carotid.storage.participants import find_scans_at
from carotid.storage.results.layout import HEATMAP_TRANSFORM, HeatmapLayout, OutputLayout
from carotid.storage.results.parameters import read_parameters
from carotid.storage.results.record import read_record
from carotid.storage.results.summary import read_summary
from carotid.storage.scan_source import recorded_source

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.provenance import Record
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

Result = Literal["done", "incomplete", "failed", "no result"]


@dataclass(frozen=True)
class Subject:
    """One participant, as far as folders and small files tell.

    Attributes:
        participant_id: Whose.
        result: done: heatmaps are there, as they were written; incomplete: some of them are;
            failed: the last run says so; no result: a scan without heatmaps.
        reason: Why there are no heatmaps, or what the last run said, in one line.
        folder: The heatmaps, where result is done.
        record: What made them; None where there are none.
        scan: The scan; None where it is missing.
    """

    participant_id: str
    result: Result
    reason: str
    folder: HeatmapLayout | None
    record: Record | None
    scan: RawScan | None

    @property
    def unlike(self) -> tuple[str, ...]:
        """In what the scan differs from those that the models were trained on, as recorded."""
        told = None if self.record is None else self.record.context.get("unlike_training")
        if not isinstance(told, list):
            return ()
        return tuple(one_line(one) for one in told if isinstance(one, str))


def find_subjects(output_dir: Path, raw_dir: Path | None) -> tuple[list[Subject], str]:
    """Everyone whom a report on an output directory is about, sorted by id.

    Args:
        output_dir: Where results are.
        raw_dir: Where scans are; None takes the folder recorded in `parameters.json`, if it is
            still there.

    Returns:
        The participants, and why scans cannot be shown; empty where they can.

    Raises:
        UsageError: There is nothing to report, or `raw_dir` was given and cannot be used.
    """
    layout = OutputLayout(output_dir)
    if not output_dir.is_dir():
        raise UsageError(
            "there is no such folder",
            where=output_dir,
            expected="the OUTPUT_DIR of `carotid transform heatmap`",
        )
    results = layout.participants(HEATMAP_TRANSFORM)
    outcomes = _last_outcomes(layout.summary)
    if not results and not outcomes:
        raise UsageError(
            "there is nothing to report on: the folder holds no heatmaps",
            where=output_dir,
            remedy="run `carotid transform heatmap` first, and give its OUTPUT_DIR",
        )
    scans, trouble = _scans(layout, raw_dir)
    everyone = sorted({*results, *outcomes, *scans})
    return [_subject(layout, key, outcomes, scans.get(key)) for key in everyone], trouble


def _subject(
    layout: OutputLayout,
    participant_id: str,
    outcomes: dict[str, tuple[str, str]],
    scan: RawScan | None,
) -> Subject:
    status, reason = outcomes.get(participant_id, ("", ""))
    folder = HeatmapLayout(layout.transform(participant_id, HEATMAP_TRANSFORM))
    record = read_record(folder.root) if _is_one_name(participant_id) else None
    if record is not None:
        told = f"heatmaps of an earlier run; the last one failed: {reason}"
        return Subject(
            participant_id, "done", told if status == "failed" else "", folder, record, scan
        )
    if status == "failed":
        return Subject(participant_id, "failed", reason or "no reason was given", None, None, scan)
    if _is_one_name(participant_id) and folder.root.is_dir():
        why = "files of the result are missing or not as they were written"
        return Subject(participant_id, "incomplete", why, None, None, scan)
    why = "the result is gone" if status else "the scan has not been run"
    return Subject(participant_id, "no result", why, None, None, scan)


def _is_one_name(participant_id: str) -> bool:
    """Whether an id, perhaps from a summary that somebody edited, stays inside its folder."""
    return participant_id not in {"", ".", ".."} and not set(participant_id) & {"/", "\0"}


def _last_outcomes(path: Path) -> dict[str, tuple[str, str]]:
    """Result and reason by participant, from the last run's summary; empty where it is unusable."""
    try:
        ran = read_summary(path).get(HEATMAP_TRANSFORM, {})
        rows = ran.get("participants", [])
        return {
            str(row["participant_id"]): (str(row["result"]), one_line(row.get("reason") or ""))
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("%s: not used, it cannot be read: %s", path, one_line(error))
        return {}


def _scans(layout: OutputLayout, raw_dir: Path | None) -> tuple[dict[str, RawScan], str]:
    if raw_dir is not None:
        return find_scans_at(raw_dir).scans, ""
    recorded = read_parameters(layout.parameters).get(HEATMAP_TRANSFORM)
    source = recorded_source(recorded) if isinstance(recorded, dict) else None
    if source is None:
        return {}, "the folder of the scans is not on record; give it with --raw_dir"
    try:
        return source.find().scans, ""
    except (CarotidError, OSError, ValueError) as error:
        logger.warning("scans are not shown: %s", one_line(error))
        return {}, "the folder of the scans is not where it was; give it with --raw_dir"

"""Whom a report is about: everyone with a result, a scan, or a line in the last run's summary."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from carotid.errors import CarotidError, UsageError, one_line
from carotid.geometry.crop import Crop
from carotid.geometry.sides import shown_sides
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.made_of import SHOWN
from carotid.storage.results.parameters import read_parameters
from carotid.storage.results.record import has_record, read_record
from carotid.storage.results.summary import read_summary
from carotid.storage.scan_source import ScanSource, recorded_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from carotid.geometry.sides import SideName
    from carotid.provenance import Input, Record
    from carotid.storage.raw import RawScan

logger = logging.getLogger(__name__)

Result = Literal["done", "incomplete", "failed", "no result"]

_OPEN = ("centerline", "contour")
"""Those of which other programs' results are shown too."""


@dataclass(frozen=True)
class Subject:
    """One participant, as far as folders and small files tell.

    Attributes:
        participant_id: Whose.
        result: done: results of some stage are there, as they were written; incomplete: some of
            their files are missing; failed: the last run says so; no result: a scan alone.
        reason: Why there are no results, or what the last run said, in one line.
        folders: Complete results by stage.
        records: What made them, where that is on record.
        scan: The scan; None where it is missing.
    """

    participant_id: str
    result: Result
    reason: str
    folders: Mapping[str, Path]
    records: Mapping[str, Record]
    scan: RawScan | None

    @property
    def unlike(self) -> tuple[str, ...]:
        """In what the scan differs from those that the models were trained on, as recorded."""
        for record in self.records.values():
            for one in record.way_back():
                told = one.context.get("unlike_training")
                if isinstance(told, list) and told:
                    return tuple(one_line(words) for words in told if isinstance(words, str))
        return ()

    @property
    def crop(self) -> Crop | None:
        """The part of the scan that networks looked at, as recorded; None: all of it."""
        told = self._heatmap_parameter("crop")
        return _as_crop(told) if isinstance(told, str) else None

    @property
    def sides(self) -> tuple[SideName, ...]:
        """The sides that the scan shows, as recorded; both where nothing is."""
        return shown_sides(self._heatmap_parameter("sides"))

    def _heatmap_parameter(self, key: str) -> object:
        """What heatmaps were made with, as recorded; None where it is not."""
        found = (record.setting("heatmap", key) for record in self.records.values())
        return next((one for one in found if one is not None), None)

    @property
    def recorded_score(self) -> float:
        """The heatmaps' score as it was when they were made; NaN where it is not on record.

        So the heatmaps count too where a pipeline did not keep them.
        """
        score = self._heatmap_context.get("score")
        return float(score) if isinstance(score, int | float) else math.nan

    @property
    def recorded_parts(self) -> tuple[str, ...]:
        """What made that score, the largest part first, in words; empty where not on record."""
        told = self._heatmap_context.get("score_parts")
        if not isinstance(told, list):
            return ()
        words = [part.get("words") for part in told if isinstance(part, dict)]
        return tuple(one_line(one) for one in words if isinstance(one, str))

    @property
    def _heatmap_context(self) -> Mapping[str, Any]:
        """What was noted when heatmaps with a score were made."""
        for record in self.records.values():
            for one in record.way_back():
                if one.transform == "heatmap" and "score" in one.context:
                    return one.context
        return {}

    @property
    def made_from(self) -> Input | None:
        """The scan that the results were made from; None where it is not on record."""
        scans = (record.scan() for record in self.records.values())
        return next((scan for scan in scans if scan is not None), None)


def _as_crop(text: str) -> Crop | None:
    """A recorded box; None where somebody has spoilt the record."""
    try:
        return Crop.parse(text)
    except ValueError:
        return None


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
            expected="the OUTPUT_DIR of `carotid transform`",
        )
    results = {one for stage in SHOWN for one in layout.participants(f"{stage}_transform")}
    outcomes = _last_outcomes(layout.summary)
    if not results and not outcomes:
        raise UsageError(
            "there is nothing to report on: the folder holds no results",
            where=output_dir,
            remedy="run `carotid transform` first, and give its OUTPUT_DIR",
        )
    scans, trouble = _scans(layout, raw_dir)
    everyone = sorted({*results, *outcomes, *scans})
    return [_subject(layout, key, outcomes, scans.get(key)) for key in everyone], trouble


def scans_shown(subjects: Iterable[Subject]) -> int:
    """How many participants with results have a scan that can be shown behind them."""
    return sum(one.scan is not None for one in subjects if one.folders)


def _subject(
    layout: OutputLayout,
    participant_id: str,
    outcomes: Mapping[str, tuple[str, str]],
    scan: RawScan | None,
) -> Subject:
    status, told = outcomes.get(participant_id, ("", ""))
    folders: dict[str, Path] = {}
    records: dict[str, Record] = {}
    broken = []
    for stage in SHOWN if _is_one_name(participant_id) else ():
        folder = layout.transform(participant_id, f"{stage}_transform")
        record = read_record(folder)
        if record is not None:
            records[stage] = record
        if record is not None or (stage in _OPEN and folder.is_dir() and not has_record(folder)):
            folders[stage] = folder
        elif folder.is_dir():
            broken.append(stage)
    missing = "files of the result are missing or not as they were written"
    result: Result
    if folders:
        notes = [f"results of an earlier run; the last one failed: {told}"] * (status == "failed")
        notes += [f"{stage}: {missing}" for stage in broken]
        result, reason = "done", "; ".join(notes)
    elif status == "failed":
        result, reason = "failed", told or "no reason was given"
    elif broken:
        result, reason = "incomplete", missing
    else:
        result = "no result"
        reason = "the result is gone" if status else "the scan has not been run"
    return Subject(participant_id, result, reason, folders, records, scan)


def _is_one_name(participant_id: str) -> bool:
    """Whether an id, perhaps from a summary that somebody edited, stays inside its folder."""
    return participant_id not in {"", ".", ".."} and not set(participant_id) & {"/", "\0"}


def _last_outcomes(path: Path) -> dict[str, tuple[str, str]]:
    """Result and reason by participant, from the last runs; empty where that is unusable.

    A failure at one stage is told before what another one did.
    """
    try:
        found: dict[str, tuple[str, str]] = {}
        for ran in read_summary(path).values():
            for row in ran.get("participants", []):
                told = str(row["result"]), one_line(row.get("reason") or "")
                name = str(row["participant_id"])
                if found.get(name, ("", ""))[0] != "failed":
                    found[name] = told
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        logger.warning("%s: not used, it cannot be read: %s", path, one_line(error))
        return {}
    return found


def _scans(layout: OutputLayout, raw_dir: Path | None) -> tuple[dict[str, RawScan], str]:
    entries = read_parameters(layout.parameters).values()
    recorded = (recorded_source(entry) for entry in entries if isinstance(entry, dict))
    source = next((one for one in recorded if one is not None), None)
    if raw_dir is not None:
        return (replace(source, path=raw_dir) if source else ScanSource(raw_dir)).find().scans, ""
    if source is None:
        return {}, "the folder of the scans is not on record; give it with --raw_dir"
    try:
        return source.find().scans, ""
    except (CarotidError, OSError, ValueError) as error:
        logger.warning("scans are not shown: %s", one_line(error))
        return {}, "the folder of the scans is not where it was; give it with --raw_dir"

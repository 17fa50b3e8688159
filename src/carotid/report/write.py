"""Writing a report: one participant after another, then everything in order, worst first."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from carotid.errors import UsageError
from carotid.evaluation.distances import HIGH_PEAK
from carotid.evaluation.models_told import models_told
from carotid.report.case import Wishes, make_case
from carotid.report.page import Case, PageFacts, page
from carotid.report.quality_columns import COLUMNS
from carotid.report.quality_table import quality_table
from carotid.report.rows import Row, worst_first
from carotid.report.sources import find_subjects, scans_shown
from carotid.storage.results.atomic import atomic_file, cannot_write, write_atomically
from carotid.storage.results.layout import QUALITY_FILE, REPORT_FILE
from carotid.storage.results.made_of import (
    MadeOf,
    from_page,
    state_of_results,
    view_beside,
    views_beside,
)
from carotid.storage.results.measurement_tables import write_dictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEFAULT_PICTURES = 200
"""For how many participants a page shows pictures, unless told otherwise."""


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: The HTML page.
        table: The same figures as tab-separated text.
        rows: Everyone on it, worst first.
    """

    page: Path
    table: Path
    rows: list[Row]


def write_report(
    output_dir: Path,
    *,
    raw_dir: Path | None = None,
    output_path: Path | None = None,
    annotation_dir: Path | None = None,
    threshold: float = HIGH_PEAK,
    pictures: int = DEFAULT_PICTURES,
    on_participant: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Make the page of an output directory, and its table with a dictionary beside it.

    The table is `quality.tsv` beside `report.html`, and `NAME_quality.tsv` beside `NAME.html`, so
    that pages in one folder leave each other's tables alone.

    The same files on disk give the same bytes. Memory does not grow with the number of
    participants.

    Args:
        output_dir: Where heatmaps are.
        raw_dir: Where the scans are; None takes the folder on record.
        output_path: The page; None makes it `report.html` in the output directory.
        annotation_dir: Known centers, as `<id>/centerline_transform/<side>_centerline.tsv`.
        threshold: What a peak has to exceed.
        pictures: For how many participants, the worst ones, pictures are shown.
        on_participant: Called with an id, how many were done before it, and how many there are.

    Raises:
        UsageError: There is nothing to report on, or a path cannot be used; nothing was touched.
        OutputError: The page cannot be written.
    """
    target = output_dir / REPORT_FILE if output_path is None else output_path
    if not (np.isfinite(threshold) and threshold > 0):
        raise UsageError(
            "the threshold is not usable", found=threshold, expected="a number above 0"
        )
    if annotation_dir is not None and not annotation_dir.is_dir():
        raise UsageError("there is no such folder", where=annotation_dir)
    subjects, trouble = find_subjects(output_dir, raw_dir)
    _check_target(target)
    place = target.parent
    models = models_told(record for one in subjects for record in one.records.values())
    results = state_of_results(output_dir)
    made_of = MadeOf(
        results,
        views_beside(place, results),
        scans_shown(subjects),
        threshold,
        pictures,
        from_page(raw_dir, place),
        from_page(annotation_dir, place),
    )
    wishes = Wishes(threshold, annotation_dir, scans=not trouble)
    try:
        with tempfile.TemporaryFile(dir=place) as spool:
            rows: list[Row] = []
            found: dict[int, tuple[int, int]] = {}
            for number, subject in enumerate(subjects, start=1):
                if on_participant is not None:
                    on_participant(subject.participant_id, number - 1, len(subjects))
                row, text = make_case(subject, number, wishes)
                view = bool(subject.folders) and view_beside(place, row.participant_id).is_file()
                rows.append(replace(row, view=view))
                found[number] = (spool.tell(), spool.write(text.encode()))
            rows = worst_first(rows)
            facts = PageFacts(threshold, pictures, trouble, made_of.as_text(), models)
            _assemble(target, rows, facts, spool, found)
    except OSError as error:
        raise cannot_write(target, error) from error
    table = _table_of(target)
    write_atomically(table, quality_table(rows).encode())
    write_dictionary(table, COLUMNS)
    return Report(target, table, rows)


def _assemble(
    target: Path,
    rows: list[Row],
    facts: PageFacts,
    spool: IO[bytes],
    found: dict[int, tuple[int, int]],
) -> None:
    """Write the page aside, in order, and move it into place."""

    def cases() -> Iterator[Case]:
        left = facts.pictures
        for row in rows:
            start, size = found[row.number]
            shown = size > 0 and left > 0
            left -= shown
            spool.seek(start)
            yield Case(row, Markup(spool.read(size if shown else 0).decode()))  # noqa: S704 - ours

    with atomic_file(target) as file:
        file.writelines(piece.encode() for piece in page(rows, cases(), facts))


def _table_of(page: Path) -> Path:
    """The table of a page, beside it: named after the page, unless that has the usual name."""
    if page.name == REPORT_FILE:
        return page.with_name(QUALITY_FILE)
    return page.with_name(f"{page.stem}_{QUALITY_FILE}")


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise UsageError("the page's path is a folder", where=target, expected="a file to write")
    if not target.parent.is_dir():
        raise UsageError("the page's folder does not exist", where=target.parent)
    if target.suffix.lower() in (".tsv", ".json"):
        raise UsageError(
            "the page cannot be called like a table", where=target, expected="a name with .html"
        )
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise UsageError("the page's folder cannot be written", where=target.parent)

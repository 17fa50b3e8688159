"""A page made again as it was asked for before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import UsageError
from carotid.evaluation.distances import HIGH_PEAK
from carotid.report.sources import find_subjects, scans_shown
from carotid.report.write import DEFAULT_PICTURES, Report, write_report
from carotid.storage.results.layout import REPORT_FILE
from carotid.storage.results.made_of import MadeOf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write_again(
    output_dir: Path,
    *,
    whole: bool,
    on_participant: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Make the page of an output directory, as the one that is there was asked for.

    Args:
        output_dir: Where results and page are.
        whole: Refuse to make a page that shows less than the one that is there: scans or known
            centers that cannot be found now. Otherwise it is made without them.
        on_participant: See `write_report`.

    Raises:
        UsageError: It would show less, or there is nothing to report on; nothing was touched.
        OutputError: The page cannot be written.
    """
    made = MadeOf.read(output_dir / REPORT_FILE)
    raw_dir = _place(output_dir, "" if made is None else made.raw_dir)
    annotation_dir = _place(output_dir, "" if made is None else made.annotation_dir)
    if whole:
        _check_whole(output_dir, made, raw_dir)
    return write_report(
        output_dir,
        raw_dir=raw_dir,
        annotation_dir=annotation_dir,
        threshold=HIGH_PEAK if made is None else made.threshold,
        pictures=DEFAULT_PICTURES if made is None else made.pictures,
        on_participant=on_participant,
    )


def _place(page_dir: Path, seen: str | None) -> Path | None:
    """A folder that the page names, if it is there."""
    place = page_dir / seen if seen else None
    return place if place is not None and place.is_dir() else None


def _check_whole(output_dir: Path, made: MadeOf | None, raw_dir: Path | None) -> None:
    command = f"carotid report {output_dir}"
    if made is not None and made.annotation_dir != "":
        command += " --annotation_dir ANNOTATION_DIR"
        if _place(output_dir, made.annotation_dir) is None:
            raise UsageError(
                "the known centers that it shows are elsewhere", remedy=f"run `{command}`"
            )
    subjects, trouble = find_subjects(output_dir, raw_dir)
    lost = bool(trouble) if made is None else scans_shown(subjects) < made.scans
    if lost:
        raise UsageError(
            "scans that it shows are elsewhere or gone", remedy=f"run `{command} --raw_dir RAW_DIR`"
        )

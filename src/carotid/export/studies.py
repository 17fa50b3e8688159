"""What an output directory has of each participant, and the loop over them that every export is.

A result that is not there is said and left out; a participant whose results cannot be read is told
at the end and stops nobody.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from carotid.cohort.beside_scans import check_beside_scans
from carotid.cohort.participants import select_participants
from carotid.counted import shortened
from carotid.errors import CarotidError, UsageError
from carotid.storage.results.atomic import atomic_file, cannot_write
from carotid.storage.results.layout import (
    CENTERLINE_TRANSFORM,
    CONTOUR_TRANSFORM,
    HEATMAP_TRANSFORM,
    MEASUREMENT_TRANSFORM,
    SEGMENTATION_TRANSFORM,
)
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

logger = logging.getLogger(__name__)

_ANOTHER = "give a folder of its own"

WORDS: Mapping[str, str] = {
    HEATMAP_TRANSFORM: "heatmaps",
    CENTERLINE_TRANSFORM: "centerlines",
    CONTOUR_TRANSFORM: "contours",
    SEGMENTATION_TRANSFORM: "masks",
    MEASUREMENT_TRANSFORM: "measurements",
}
"""What the results of a transform are called."""


@dataclass(frozen=True)
class Study:
    """One participant in an output directory.

    Attributes:
        layout: The directory.
        participant_id: Whose results.
        there: The transforms that are wanted and there.
        missing: Those that are wanted and not there.
    """

    layout: OutputLayout
    participant_id: str
    there: tuple[str, ...]
    missing: tuple[str, ...]

    def folder(self, transform: str) -> Path | None:
        """Where a result is; None where it is not there or not wanted."""
        if transform not in self.there:
            return None
        return self.layout.transform(self.participant_id, transform)


@dataclass(frozen=True)
class Exported:
    """What became of a participant.

    Attributes:
        study: What was there.
        files: What was written.
        error: Why nothing or not everything was written.
    """

    study: Study
    files: tuple[Path, ...]
    error: CarotidError | None = None


def studies(
    layout: OutputLayout,
    export_dir: Path,
    participants: Sequence[str],
    wanted: tuple[str, ...],
) -> list[Study]:
    """The participants that are meant, each with at least one of the results that are wanted.

    Args:
        layout: The output directory.
        export_dir: Where exported files go.
        participants: Whose; all that have something where it is empty.
        wanted: The transforms that the format can show.

    Raises:
        UsageError: There is nothing to export, or nothing of one who was asked for; or `export_dir`
            lies among results or scans, or cannot be written.
    """
    _check_export_dir(export_dir, layout)
    there = {name: layout.participants(name) for name in wanted}
    known = sorted({one for some in there.values() for one in some})
    what = " or ".join(WORDS[name] for name in wanted)
    if not layout.root.is_dir() or not known:
        raise UsageError(
            "there is no result to export" if layout.root.is_dir() else "there is no such folder",
            where=layout.root,
            expected=f"an output directory with {what}",
        )
    return [
        Study(
            layout,
            one,
            tuple(name for name in wanted if one in there[name]),
            tuple(name for name in wanted if one not in there[name]),
        )
        for one in select_participants(known, participants, having=what)
    ]


def _check_export_dir(export_dir: Path, layout: OutputLayout) -> None:
    """Refuse to export among results, which later steps read, and among scans."""
    place, root = export_dir.resolve(), layout.root.resolve()
    if root in (place, *place.parents):
        raise UsageError(
            "exported files would lie among the results", where=export_dir, remedy=_ANOTHER
        )
    check_beside_scans(export_dir, layout)


def export_each(
    found: Sequence[Study], write: Callable[[Study], Sequence[Path]]
) -> Iterator[Exported]:
    """Export participants one after the other.

    Args:
        found: They.
        write: Writes the files of one and names them.
    """
    for study in found:
        _warn_of_outdated(study)
        try:
            yield Exported(study, tuple(write(study)))
        except CarotidError as error:
            yield Exported(study, (), error.at(study.participant_id))


def _warn_of_outdated(study: Study) -> None:
    folders = {name: study.layout.transform(study.participant_id, name) for name in study.there}
    without = [WORDS[name] for name, folder in folders.items() if read_record(folder) is None]
    if without:
        logger.warning(
            "%s: the %s were not written by carotid, or are outdated; they are exported as they "
            "are",
            study.participant_id,
            " and ".join(without),
        )


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is complete or absent; its folder is made.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            yield file
    except OSError as error:
        raise cannot_write(path, error) from error
    except CarotidError as error:
        raise error.at(path) from error


def tell_of_others(folder: Path, written: Sequence[Path]) -> None:
    """Name files of the same kinds that an export has not written: they are of an earlier one.

    Args:
        folder: Where the export went.
        written: Its files.
    """
    kinds = {path.suffix for path in written}
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    others = [path.name for path in there if path.suffix in kinds and path not in written]
    if others:
        logger.warning(
            "%s: not of this export, and perhaps of results that are no more: %s",
            folder,
            shortened(others),
        )

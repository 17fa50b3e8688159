"""What an export has left in a folder, so that the next one sees what was changed there by hand.

3D Slicer saves markups over the files that were exported. An export given again must not take that
work away, and what it does not write again must not lie about as if somebody had drawn it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carotid.counted import shortened
from carotid.errors import CarotidError, OutputError
from carotid.stages.outline_changes import MOVED_MM, smooth
from carotid.storage.checksums import sha256_of_file
from carotid.storage.markups import SUFFIX, Markup, read_markups
from carotid.storage.results.atomic import cannot_write, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECORD_FILE = "exported.json"

_WRITTEN_MM = 1e-4
"""Positions are written with so many decimals; Slicer saves back what it does not move."""


@dataclass(frozen=True)
class Earlier:
    """What an earlier export has left in a folder.

    Attributes:
        folder: Which.
        contents: What each file held when it was written: a digest by its path in the folder.
    """

    folder: Path
    contents: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> Earlier:
        """What is on record; nothing where there is no record, or somebody has spoilt it."""
        found = read_json(folder / RECORD_FILE).get("files")
        files = found if isinstance(found, dict) else {}
        return cls(folder, {name: files[name] for name in files if _is_inside(name)})

    def changed(self, planned: Mapping[str, Markup]) -> list[str]:
        """Files that somebody has changed since, and that are not what is to be written now.

        Args:
            planned: The markups that are to be written.
        """
        return [
            name
            for name in sorted({*self.contents, *planned})
            if (path := self.folder / name).is_file()
            and content_of(path) != self.contents.get(name)
            and not (name in planned and _holds(path, planned[name]))
        ]

    def check_untouched(self, planned: Mapping[str, Markup]) -> None:
        """Refuse to overwrite what somebody has changed.

        Raises:
            OutputError: There is such a file; nothing was touched.
        """
        changed = self.changed(planned)
        if changed:
            raise OutputError(
                "not what was exported, but changed by hand",
                where=self.folder,
                found=shortened(changed),
                remedy="take corrections in with `carotid correct`, export to another folder, or "
                "give --force to overwrite them",
            )

    def remove_leftovers(self, written: Iterable[str]) -> None:
        """Remove what an earlier export has written and this one has not.

        Raises:
            OutputError: A file cannot be removed.
        """
        for name in sorted(set(self.contents) - set(written)):
            path = self.folder / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error


def write_exported(folder: Path, participant_id: str, names: Iterable[str]) -> Path:
    """Put on record what files of a folder hold now, and whose they are.

    Raises:
        OutputError: It cannot be written.
    """
    path = folder / RECORD_FILE
    files = {name: content_of(folder / name) for name in sorted(names)}
    write_json(path, {"participant_id": participant_id, "files": files})
    return path


def exported_from(path: Path) -> str | None:
    """Whose results a file or folder of an export holds; None where that is not on record."""
    place = path.resolve()
    for folder in (place, place.parent, place.parent.parent):
        told = read_json(folder / RECORD_FILE).get("participant_id")
        if isinstance(told, str):
            return told
    return None


def content_of(path: Path) -> str:
    """A digest of what a file holds: of markups, what and where they are, not how it is written."""
    try:
        if not path.name.endswith(SUFFIX):
            return sha256_of_file(path)
        state = hashlib.sha256()
        for one in read_markups(path):
            state.update(json.dumps([one.kind, _labels(one), len(one.points_mm)]).encode())
            state.update(np.rint(one.points_mm / _WRITTEN_MM).astype("<i8").tobytes())
    except CarotidError:
        return "unreadable"
    return state.hexdigest()


def _labels(markup: Markup) -> tuple[str, ...]:
    """Names of points that tell something."""
    return markup.labels if markup.kind == "Fiducial" else ()


def _holds(path: Path, planned: Markup) -> bool:
    """Whether a file holds what is to be written: a correction that was taken in already."""
    try:
        there = read_markups(path)
    except CarotidError:
        return False
    if len(there) != 1 or (there[0].kind, _labels(there[0])) != (planned.kind, _labels(planned)):
        return False
    points = there[0].points_mm
    if planned.kind == "ClosedCurve" and len(points) > 2:
        points = smooth(points)
    if points.shape != planned.points_mm.shape:
        return False
    return bool((np.abs(points - planned.points_mm) <= MOVED_MM).all())


def _is_inside(name: str) -> bool:
    """Whether a name, perhaps of a record that somebody edited, stays inside its folder."""
    parts = name.split("/")
    return all(part not in {"", ".", ".."} and "\0" not in part for part in parts)

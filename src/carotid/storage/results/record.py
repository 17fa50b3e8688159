"""`provenance.json` of one participant's result: what made it, and the size of each of its files.

It is the last file to be written. A result counts as complete if its record can be read and all
files that it names are there with the sizes that it states.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from carotid.errors import CarotidError, InputError
from carotid.geometry.grid import Grid
from carotid.provenance import Input, Record
from carotid.storage.checksums import sha256_of_files
from carotid.storage.results.atomic import cannot_write, write_json
from carotid.storage.results.layout import PROVENANCE_FILE

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 16 << 20
_SIZES = "file_bytes"


def write_record(folder: Path, record: Record) -> None:
    """Write what made a result, with the sizes of its files.

    Raises:
        OutputError: Where the files cannot be looked at, or the record cannot be written.
    """
    try:
        sizes = {
            path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)
        }
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_json(folder / PROVENANCE_FILE, {**record.as_json(), _SIZES: sizes})


def read_record(folder: Path) -> Record | None:
    """What made a result; None where it is absent, incomplete, or not as it was written."""
    try:
        with (folder / PROVENANCE_FILE).open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
        sizes = content[_SIZES]
        if not sizes or not all(_is_inside(name) for name in sizes):
            return None
        if any((folder / name).stat().st_size != size for name, size in sizes.items()):
            return None
        return Record.from_json(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def has_record(folder: Path) -> bool:
    """Whether this package has written into a folder, be it complete or not."""
    return (folder / PROVENANCE_FILE).is_file()


def record_time_ns(folder: Path) -> int:
    """When the record of a complete result was written, or copied here."""
    return (folder / PROVENANCE_FILE).stat().st_ctime_ns


def input_of(folder: Path) -> Input:
    """A result as what another one is made from.

    Without a record of ours, or where files are not as it says, all files are hashed.

    Raises:
        InputError: A file cannot be read.
    """
    record = read_record(folder)
    if record is not None:
        return Input.of_result(record)
    return Input(sha256_of_files(folder, _files(folder)))


def grid_facts(grid: Grid) -> dict[str, Any]:
    """What a record's context says about a grid."""
    return {"shape": list(grid.shape), "affine_ras_mm": grid.affine.tolist()}


def stored_grid(folder: Path) -> Grid | None:
    """The scan's stored grid that a result's record tells of; None where there is no record.

    It is told too where files were changed after the record was written.

    Raises:
        InputError: The record cannot be read, or does not tell the grid.
    """
    path = folder / PROVENANCE_FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as file:
            context = json.loads(file.read(_MAX_BYTES))["context"]
        i, j, k = (int(n) for n in context["shape"])
        return Grid((i, j, k), np.asarray(context["affine_ras_mm"], np.float64))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, CarotidError) as error:
        raise InputError(
            "the record does not tell the scan's grid",
            where=path,
            remedy="make the result again, or remove the record if the files are right without it",
        ) from error


def _files(folder: Path) -> list[Path]:
    """All files of a result but its record, sorted by name."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path != folder / PROVENANCE_FILE
    )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts

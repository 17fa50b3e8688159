"""The file that holds a `.mhd` header's voxels: which one it is, and that it lies where it may."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from carotid.errors import InputError
from carotid.storage.metaimage.fields import LAST_KEY, MAX_HEADER_BYTES, parse_fields
from carotid.storage.regular_file import Stamp, open_regular

_PATTERN = re.compile(r"%[0-9]*d\S*(\s+[0-9]+)+$")
"""A pattern for the names of several files is followed by the first and the last number."""


def voxel_file_of(path: Path) -> Path | None:
    """The data file that a `.mhd` names, wherever that can be told; it need not be there."""
    try:
        with open_regular(path) as file:
            fields, _ = parse_fields(file.read(MAX_HEADER_BYTES))
        name = fields[LAST_KEY]
        return None if name.upper() == "LOCAL" else data_file(path, name)
    except InputError:
        return None


def data_file(path: Path, name: str) -> Path:
    """The file with the voxels: one file, beside the header or below its folder.

    Args:
        path: The header.
        name: What it says.

    Raises:
        InputError: Another file than that, or several.
    """
    if not name or "\0" in name:
        raise InputError(f"{LAST_KEY} in the header names no file")
    folder = path.parent.resolve()
    try:
        if "\\" in name and not (folder / name).is_file():
            name = name.replace("\\", "/")  # as Windows separates folders
        listed = name.split()[:1] == ["LIST"]
        if not listed and not (folder / name).is_file():
            name = _called_alike(folder, name) or name
        target = (folder / name).resolve()
        there = target.is_file()
    except (OSError, RuntimeError) as error:
        raise InputError(f"{LAST_KEY} leads nowhere", found=f"'{name[:80]}'") from error
    if listed or (_PATTERN.search(name) and not there):
        raise InputError(
            "the voxels are spread over several files",
            found=f"{LAST_KEY} = {name[:80]}",
            expected="one data file",
            remedy="save the volume as one .mha file",
        )
    if Path(name).is_absolute() or ".." in Path(name).parts or folder not in target.parents:
        raise InputError(
            "the header points to a data file outside of its own folder",
            found=f"{LAST_KEY} = {name[:80]}",
            expected="the name of a file beside the header",
            remedy="put the data file beside the header and correct this line",
        )
    return path.parent / name


def _called_alike(folder: Path, name: str) -> str | None:
    """The one file whose name differs only in case or in how accents are stored, if there is one.

    Headers come from systems for which these are the same.
    """
    parent = Path(name).parent
    if parent.is_absolute() or ".." in parent.parts or not (folder / parent).is_dir():
        return None
    wanted = _folded(Path(name).name)
    found = [path.name for path in (folder / parent).iterdir() if _folded(path.name) == wanted]
    return str(parent / found[0]) if len(found) == 1 else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def stamp_of_data(path: Path) -> Stamp:
    """What a data file looks like now; an `InputError` that names it where it cannot be read."""
    try:
        with open_regular(path) as file:
            return Stamp.of(file)
    except InputError as error:
        raise InputError(
            f"the file with the voxels, '{path.name}', is not usable",
            found=error.what if error.found is None else f"{error.what}: {error.found}",
            expected="a readable file beside the header",
            remedy="copy it again, together with its header",
        ) from error

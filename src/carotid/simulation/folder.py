"""The folder of simulated participants: nothing of anybody else's lies in it.

Necks among somebody's own scans would be trained on and measured as if they were scans.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from carotid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLACES = ("raw", "annotations", "truth")
SETTINGS = "raw/parameters.json"

_NECK = re.compile(
    r"raw/(?P<scan>neck-\d{3,6})\.mha"
    r"|truth/(?P<truth>neck-\d{3,6})\.json"
    r"|annotations/(?P<known>neck-\d{3,6})/"
    r"(centerline_transform/(left|right)_centerline\.tsv"
    r"|contour_transform/((left|right)_contour\.tsv|spatial_metadata\.json))"
)

_UNFINISHED = re.compile(
    r"\.(neck-\d{3,6}(\.json)?|parameters\.json|spatial_metadata\.json"
    r"|(left|right)_(centerline|contour)\.tsv)\.part"
)


def clear(output_dir: Path, settings: Mapping[str, Any], *, force: bool) -> None:
    """Remove what an earlier simulation wrote, and nothing else.

    Args:
        output_dir: Where `raw`, `annotations` and `truth` are.
        settings: What simulations write to `raw/parameters.json`.
        force: Whether complete necks may go; what is left of an interrupted simulation goes anyway.

    Raises:
        UsageError: There is something that no simulation wrote, or necks are there and `force` is
            not given. Nothing was removed.
        OSError: A file cannot be read or removed.
    """
    files = [path for place in PLACES for path in _files(output_dir / place)]
    found = {path: path.relative_to(output_dir).as_posix() for path in files}
    simulated = {name for name in (_neck(name, "truth") for name in found.values()) if name}
    for path, name in found.items():
        if not _is_ours(path, name, simulated, settings):
            raise UsageError(
                "the directory holds something that no simulation wrote",
                where=path,
                remedy="choose a directory of its own for simulated necks",
            )
    if not force and any(_neck(name, "scan") for name in found.values()):
        raise UsageError(
            "simulated participants are here already",
            where=output_dir / "raw",
            remedy="choose another directory, or --force to replace them",
        )
    # Scans first and truths last: what is left when this is cut short is known as simulated.
    for path in files:
        path.unlink()
    for place in PLACES:
        folders = [path for path in (output_dir / place).rglob("*") if path.is_dir()]
        for folder in sorted(folders, reverse=True):
            with suppress(OSError):  # something hidden, as file managers leave it
                folder.rmdir()


def _files(place: Path) -> list[Path]:
    """All files of a folder, but for hidden ones that are not a simulation's own."""
    if place.exists() and not place.is_dir():
        raise UsageError("a file is where a folder shall be", where=place)
    return sorted(
        path
        for path in place.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and (not path.name.startswith(".") or _UNFINISHED.fullmatch(path.name))
    )


def _neck(name: str, kind: str) -> str | None:
    match = _NECK.fullmatch(name)
    return None if match is None else match[kind]


def _is_ours(path: Path, name: str, simulated: set[str], settings: Mapping[str, Any]) -> bool:
    if path.is_symlink():
        return False
    if _UNFINISHED.fullmatch(path.name):
        return True
    if name == SETTINGS:
        try:
            return bool(json.loads(path.read_bytes()) == settings)
        except ValueError:
            return False
    match = _NECK.fullmatch(name)
    return match is not None and (match["scan"] or match["known"] or match["truth"]) in simulated

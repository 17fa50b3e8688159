"""Paths of markups as somebody gives them to `carotid correct`: whether they can be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carotid.errors import UsageError
from carotid.export.exported import Earlier, exported_from
from carotid.export.slicer import BIFURCATION, CONTOURS_FOLDER
from carotid.storage.markups import SUFFIX

if TYPE_CHECKING:
    from pathlib import Path


def check_path(path: Path, *, folder: bool) -> None:
    """Refuse a path that is not there, or is not called as Slicer calls markups.

    Args:
        path: As given.
        folder: Whether it may be a folder.

    Raises:
        UsageError: It cannot be used; the message says what was meant, if that can be seen.
    """
    if not path.exists():
        raise UsageError("there is no such file" + " or folder" * folder, where=path)
    if path.is_dir():
        if not folder:
            inner = path / f"{BIFURCATION}{SUFFIX}"
            raise UsageError(
                "this is a folder",
                where=path,
                expected="a file",
                remedy=f"perhaps {inner} was meant" if inner.is_file() else None,
            )
        inner = path / CONTOURS_FOLDER
        if inner.is_dir() and not any(path.glob(f"*_z*{SUFFIX}")):
            raise UsageError(
                "the outlines are not in this folder itself",
                where=path,
                remedy=f"perhaps {inner} was meant",
            )
    elif not path.name.endswith(SUFFIX):
        raise UsageError(
            f"markups are files called *{SUFFIX}",
            where=path,
            remedy=f"save the markup in 3D Slicer as {SUFFIX}",
        )


def check_whose(path: Path, participant_id: str) -> None:
    """Refuse an export of another participant.

    Raises:
        UsageError: It is one.
    """
    whose = exported_from(path)
    if whose is not None and whose != participant_id:
        raise UsageError(
            "this was exported from another participant's results",
            where=path,
            found=whose,
            expected=participant_id,
            remedy="move it out of that export if it is meant all the same",
        )


def gone_from(path: Path) -> list[str]:
    """Curves that were exported into a folder and are not there any more."""
    if not path.is_dir():
        return []
    place = path.resolve()
    inside = f"{place.name}/"
    names = [name for name in Earlier.of(place.parent).contents if name.startswith(inside)]
    return sorted(
        name.removeprefix(inside).removesuffix(SUFFIX)
        for name in names
        if not (place.parent / name).exists()
    )

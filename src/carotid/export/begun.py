"""What a command for corrections has begun and perhaps not ended, kept in the output directory.

A command may be killed anywhere: between outlines and bifurcation, or after the measurements and
before the tables of everybody. Whoever gives one for the same participant again then has all of
that made anew, whether or not anything differs by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid.storage.results.atomic import cannot_write, read_json, write_json
from carotid.storage.results.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

_KEY = "corrected"
_SETTINGS = "settings"


def read_begun(layout: OutputLayout, participant_id: str) -> tuple[str, ...]:
    """The results that were being corrected, or given back, when a command was cut short."""
    found = read_json(_path(layout, participant_id)).get(_KEY)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def settings_begun(layout: OutputLayout, participant_id: str) -> dict[str, Mapping[str, Any]]:
    """What results were made with before a command that was cut short took their records away."""
    found = read_json(_path(layout, participant_id)).get(_SETTINGS)
    some = found.items() if isinstance(found, dict) else ()
    return {transform: kept for transform, kept in some if isinstance(kept, dict)}


def write_begun(layout: OutputLayout, participant_id: str, transforms: Iterable[str]) -> None:
    """Put on record what is about to be changed, with what an earlier command has not ended.

    Raises:
        OutputError: It cannot be written.
    """
    known = dict.fromkeys([*read_begun(layout, participant_id), *transforms])
    settings = settings_begun(layout, participant_id)
    for folder in sorted(layout.transform(participant_id, "").iterdir()):
        record = read_record(folder) if folder.is_dir() else None
        if record is not None:
            settings[folder.name] = record.parameters
    write_json(_path(layout, participant_id), {_KEY: list(known), _SETTINGS: settings})


def remove_begun(layout: OutputLayout, participant_id: str) -> None:
    """All that was begun is done.

    Raises:
        OutputError: The record cannot be removed.
    """
    path = _path(layout, participant_id)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _path(layout: OutputLayout, participant_id: str) -> Path:
    return layout.work / f"correction-{participant_id}.json"

"""What was taken in by hand, on record for those who look at the folder of the corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carotid import __version__
from carotid.storage.checksums import sha256_of_files
from carotid.storage.results.atomic import cannot_write, read_json, write_json
from carotid.storage.results.layout import CORRECTED_FOLDER, CORRECTION_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FACTS = "corrected_by_hand"
_REMOVED = "removed"
_SOURCES = "sha256"


def write_note(
    folder: Path, path: Path | None, facts: dict[str, Any], removed: Sequence[str] = ()
) -> None:
    """Write what is taken in.

    It is written first, so that there is no correction whose source is not on record.

    Args:
        folder: The result that is corrected.
        path: Where it comes from; None where outlines are taken away and nothing was drawn: what
            is on record of those that were drawn before stays.
        facts: What it holds.
        removed: Outlines that are taken away, in words; those of before are kept.

    Raises:
        OutputError: It cannot be written.
    """
    note = folder / CORRECTED_FOLDER / CORRECTION_FILE
    known = read_json(note)
    before = known.get(_FACTS)
    before = before if isinstance(before, dict) else {}
    content: dict[str, Any] = {_FACTS: facts, "carotid": __version__}
    if path is None:
        content[_FACTS] = facts | before
        if _SOURCES in known:
            content[_SOURCES] = known[_SOURCES]
    else:
        files = sorted(path.glob("*")) if path.is_dir() else [path]
        content[_SOURCES] = sha256_of_files(path if path.is_dir() else path.parent, files)
    words = before.get(_REMOVED)
    gone = dict.fromkeys([*(words if isinstance(words, list) else []), *removed])
    content[_FACTS] = {key: value for key, value in content[_FACTS].items() if key != _REMOVED}
    if gone:
        content[_FACTS][_REMOVED] = list(gone)
    try:
        note.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(note.parent, error) from error
    write_json(note, content)

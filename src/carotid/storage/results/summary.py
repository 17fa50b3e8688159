"""`summary.json` of an output directory: what the last run of each transform did for whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carotid.storage.results.atomic import write_json
from carotid.storage.results.locks import Lock

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.results.layout import OutputLayout

_MAX_BYTES = 256 << 20


def read_summary(path: Path) -> dict[str, Any]:
    """All transforms' objects; empty where the file is absent.

    Raises:
        OSError, ValueError, RecursionError: Where it cannot be read or is no object.
    """
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict):
        message = "it is not an object"
        raise ValueError(message)  # noqa: TRY004 - callers take one kind of error for all
    return content


def summarize(layout: OutputLayout, transform: str, rows: list[dict[str, Any]]) -> None:
    """Write what a run did; what is there of other transforms stays.

    Args:
        layout: The output directory.
        transform: Which transform has run.
        rows: One object per participant: participant_id, result, reason.

    Raises:
        OutputError: Where the file cannot be written.
    """
    with Lock(layout.work / "summary.lock"):
        try:
            content = read_summary(layout.summary)
        except (OSError, ValueError, RecursionError):
            content = {}  # nothing depends on it but a page that is made anew
        content[transform] = {"participants": rows}
        write_json(layout.summary, content)

"""`summary.json` of an output directory: what the last run of each transform did for whom."""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from carotid.storage.results.atomic import unfinished, write_json
from carotid.storage.results.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
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


def summarize(
    layout: OutputLayout,
    transform: str,
    rows: list[dict[str, Any]],
    is_of_run: Callable[[str], bool] = lambda _: True,
) -> None:
    """Write what a run did; what is there of other transforms stays.

    Args:
        layout: The output directory.
        transform: Which transform has run.
        rows: One object per participant: participant_id, result, reason.
        is_of_run: Tells of an id whether it is this run's to say what became of it; rows of others
            stay.

    Raises:
        OutputError: Where the file cannot be written.
    """
    with Lock(layout.work / "summary.lock"):
        try:
            content = read_summary(layout.summary)
        except (OSError, ValueError, RecursionError):
            content = {}  # nothing depends on it but a page that is made anew
        others = [
            one for one in rows_of(content, transform) if not is_of_run(one["participant_id"])
        ]
        merged = sorted([*others, *rows], key=itemgetter("participant_id"))
        content[transform] = {"participants": merged}
        write_json(layout.summary, content)


def is_summarized(layout: OutputLayout, transform: str, ids: Collection[str]) -> bool:
    """Whether the file says of all of these participants that they are done, and is whole.

    A run that was killed at its end may have left results without it.
    """
    try:
        rows = rows_of(read_summary(layout.summary), transform)
    except (OSError, ValueError, RecursionError):
        return False
    done = {one["participant_id"] for one in rows if one.get("result") in ("done", "skipped")}
    return done.issuperset(ids) and not unfinished(layout.summary).exists()


def rows_of(content: dict[str, Any], transform: str) -> list[dict[str, Any]]:
    """What is there of a transform; what is no row is left out."""
    there = content.get(transform)
    rows = there.get("participants") if isinstance(there, dict) else None
    found = rows if isinstance(rows, list) else []
    return [
        one for one in found if isinstance(one, dict) and isinstance(one.get("participant_id"), str)
    ]

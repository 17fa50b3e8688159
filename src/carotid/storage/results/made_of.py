"""What a page was made of, kept in its head: so a later command sees whether it is older.

Dates would not tell: copies of a folder have new ones. A page says instead which results of whom it
shows, and how it was asked for, so that it can be made again in the same way.
"""

from __future__ import annotations

import hashlib
import html
import json
import math
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carotid.storage.results.layout import (
    CORRECTED_FOLDER,
    CORRECTION_FILE,
    PROVENANCE_FILE,
    REPORT_FILE,
    VIEWS_FOLDER,
    OutputLayout,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = ("heatmap", "centerline", "contour", "measurement")
"""The stages whose results a page shows, in their order."""

_HEAD_LINES, _MAX_BYTES = 20, 16 << 20
_DIGITS = 16
_MARK = re.compile(r'<meta name="carotid-made-of" content="([^"]*)">')


@dataclass(frozen=True)
class MadeOf:
    """What a page shows, and how it was asked for.

    Attributes:
        results: See `state_of_results`.
        views: Who has a view beside the page.
        scans: How many participants' scans were there.
        threshold, pictures: As of `write_report`.
        raw_dir, annotation_dir: The same, as seen from the page's folder; "" where the folder was
            not given, None where it lies elsewhere: a page may be handed on, paths stay at home.
    """

    results: dict[str, str]
    views: list[str]
    scans: int
    threshold: float
    pictures: int
    raw_dir: str | None
    annotation_dir: str | None

    def as_text(self) -> str:
        """For the head of the page."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, page: Path) -> MadeOf | None:
        """What a page says; None where it is not there, says nothing, or somebody has spoilt it."""
        try:
            with page.open("rb") as file:
                lines = (file.readline(_MAX_BYTES) for _ in range(_HEAD_LINES))
                marks = (_MARK.search(line.decode("utf-8", "replace")) for line in lines)
                found = next((mark for mark in marks if mark is not None), None)
            made = cls(**json.loads(html.unescape(found[1]))) if found else None
        except (OSError, ValueError, TypeError):
            return None
        return made if made is not None and made._is_sound() else None

    def _is_sound(self) -> bool:
        places = (self.raw_dir, self.annotation_dir)
        return (
            isinstance(self.results, dict)
            and isinstance(self.views, list)
            and isinstance(self.scans, int)
            and isinstance(self.pictures, int)
            and isinstance(self.threshold, int | float)
            and math.isfinite(self.threshold)
            and all(place is None or isinstance(place, str) for place in places)
        )


def state_of_results(output_dir: Path) -> dict[str, str]:
    """What the records say of the results that a page shows, as a checksum by participant.

    It changes with every result that is made, made anew, corrected by hand, or taken away.
    """
    layout = OutputLayout(output_dir)
    everyone = {one for stage in SHOWN for one in layout.participants(f"{stage}_transform")}
    return {one: _state_of(layout, one) for one in sorted(everyone)}


def views_beside(page_dir: Path, participant_ids: Iterable[str]) -> list[str]:
    """Which of these participants have a page in 3D beside the page of all."""
    return [one for one in participant_ids if view_beside(page_dir, one).is_file()]


def view_beside(page_dir: Path, participant_id: str) -> Path:
    """Where a participant's page in 3D lies, if it was made."""
    return page_dir / VIEWS_FOLDER / f"{participant_id}.html"


def is_older(output_dir: Path, page: Path) -> bool:
    """Whether a page does not show the results, or link the views, that are there now."""
    made, now = MadeOf.read(page), state_of_results(output_dir)
    return made is None or made.results != now or made.views != views_beside(page.parent, now)


def scored_earlier(output_dir: Path, participant_id: str) -> bool:
    """Whether the page of a directory, and the table beside it, show a participant's older results.

    A directory without a page does not tell.
    """
    made = MadeOf.read(output_dir / REPORT_FILE)
    now = _state_of(OutputLayout(output_dir), participant_id)
    return made is not None and made.results.get(participant_id) != now


def _state_of(layout: OutputLayout, participant_id: str) -> str:
    state = hashlib.sha256()
    for stage in SHOWN:
        folder = layout.transform(participant_id, f"{stage}_transform")
        if folder.is_dir():
            state.update(f"{stage}\n".encode())
            for name in (PROVENANCE_FILE, f"{CORRECTED_FOLDER}/{CORRECTION_FILE}"):
                state.update(_digest(folder / name))
    return state.hexdigest()[:_DIGITS]


def from_page(place: Path | None, page_dir: Path) -> str | None:
    """A folder as seen from that of the page; see `MadeOf`."""
    if place is None:
        return ""
    seen = Path(os.path.relpath(place.resolve(), page_dir.resolve()))
    return seen.as_posix() if seen.parts[:2] != ("..", "..") else None


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b"-"

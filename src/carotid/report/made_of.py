"""What a page was made of, kept in its head: so a later command sees whether it is older.

Dates would not tell: copies of a folder have new ones. A page says instead which results it shows,
and how it was asked for, so that it can be made again in the same way.
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

from carotid.report.sources import SHOWN
from carotid.storage.results.layout import (
    CORRECTED_FOLDER,
    CORRECTION_FILE,
    PROVENANCE_FILE,
    VIEWS_FOLDER,
    OutputLayout,
)

_HEAD_BYTES = 8 << 10
_MARK = re.compile(r'<meta name="carotid-made-of" content="([^"]*)">')


@dataclass(frozen=True)
class MadeOf:
    """What a page shows, and how it was asked for.

    Attributes:
        results: See `state_of_results`.
        scans: How many participants' scans were there.
        threshold, pictures: As of `write_report`.
        raw_dir, annotation_dir: The same, as seen from the page's folder; "" where the folder was
            not given, None where it lies elsewhere: a page may be handed on, paths stay at home.
    """

    results: str
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
                found = _MARK.search(file.read(_HEAD_BYTES).decode("utf-8", "replace"))
            made = cls(**json.loads(html.unescape(found[1]))) if found else None
        except (OSError, ValueError, TypeError):
            return None
        return made if made is not None and made._is_sound() else None

    def _is_sound(self) -> bool:
        places = (self.raw_dir, self.annotation_dir)
        return (
            isinstance(self.results, str)
            and isinstance(self.scans, int)
            and isinstance(self.pictures, int)
            and isinstance(self.threshold, int | float)
            and math.isfinite(self.threshold)
            and all(place is None or isinstance(place, str) for place in places)
        )


def state_of_results(output_dir: Path, page_dir: Path) -> str:
    """SHA-256 over what records the results that a page shows.

    It changes with every result that is made, made anew, corrected by hand, or taken away, and with
    every view beside the page that comes or goes.

    Args:
        output_dir: Where results are.
        page_dir: Where the page is.
    """
    layout, state = OutputLayout(output_dir), hashlib.sha256()
    everyone = {one for stage in SHOWN for one in layout.participants(f"{stage}_transform")}
    for participant_id in sorted(everyone):
        for stage in SHOWN:
            folder = layout.transform(participant_id, f"{stage}_transform")
            if not folder.is_dir():
                continue
            state.update(f"{participant_id}/{stage}\n".encode(errors="surrogateescape"))
            for name in (PROVENANCE_FILE, f"{CORRECTED_FOLDER}/{CORRECTION_FILE}"):
                state.update(_digest(folder / name))
        state.update(b"view\n" if view_beside(page_dir, participant_id).is_file() else b"\n")
    return state.hexdigest()


def view_beside(page_dir: Path, participant_id: str) -> Path:
    """Where a participant's page in 3D lies, if it was made."""
    return page_dir / VIEWS_FOLDER / f"{participant_id}.html"


def is_older(output_dir: Path, page: Path) -> bool:
    """Whether a page does not show the results that are there now."""
    made = MadeOf.read(page)
    return made is None or made.results != state_of_results(output_dir, page.parent)


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

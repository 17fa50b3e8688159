"""What is said above a participant's page: what made the results, and how far to trust them.

Result and score are those of the page of all participants, as `quality.tsv` beside it has them.
"""

from __future__ import annotations

import html
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.errors import InputError
from carotid.evaluation.figures import CHECK, judged
from carotid.evaluation.models_told import models_told
from carotid.storage.results.layout import QUALITY_FILE, REPORT_FILE
from carotid.storage.results.made_of import scored_earlier
from carotid.storage.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from carotid.provenance import Record

logger = logging.getLogger(__name__)

_COLUMNS = ("participant_id", "result", "reason", "score", "unlike_training")
_WORDS = {"check": "worth a check"}

EARLIER = "This was said of earlier results; carotid report says it of these."


@dataclass(frozen=True)
class Standing:
    """How a participant's results are to be taken.

    Attributes:
        models: What made them, in sentences.
        word: What the score says, or the result where there is none; empty where it is unknown.
        score: 0 to 100; NaN where it is unknown.
        reason: What makes the score, or why there is no result.
        unlike: In what the scan differs from those of training.
        earlier: Whether all this is of results that are not there any more.
        report: Where the page of all participants is, seen from this one; empty without a link.
    """

    models: tuple[str, ...] = ()
    word: str = ""
    score: float = math.nan
    reason: str = ""
    unlike: str = ""
    earlier: bool = False
    report: str = ""

    def as_html(self) -> str:
        """The lines under the page's heading."""
        models = " ".join((*self.models, "For research; not a medical device."))
        told = f'<p class="soft">{html.escape(models)}</p>'
        link = f'<a href="{html.escape(self.report)}">all participants</a>' if self.report else ""
        if not (self.word or link):
            return told
        words = [f'<b class="badge {self._kind}">{html.escape(self._badge)}</b>'] * bool(self.word)
        if self.unlike:
            words.append(f"The scan is unlike those of training: {html.escape(self.unlike)}.")
        if self.reason:
            words.append(f"{html.escape(self.reason)}.")
        if self.word and self.earlier:
            words.append(EARLIER)
        return f'{told}\n<p class="standing">{" ".join([*words, *[link] * bool(link)])}</p>'

    @property
    def _kind(self) -> str:
        return "good" if self.word == "plausible" else "doubt"

    @property
    def _badge(self) -> str:
        score = "" if math.isnan(self.score) else f", {self.score:.0f} of 100"
        return _WORDS.get(self.word, self.word) + score


def standing_of(
    output_dir: Path, participant_id: str, records: Iterable[Record | None], *, linked: bool
) -> Standing:
    """What is known of a participant's results.

    Args:
        output_dir: Where results are, and perhaps the page of all participants.
        participant_id: Whose.
        records: What made the results that are shown; None where it is not on record.
        linked: Whether the page will lie in the directory's folder of views, so that it can lead
            to the page of all participants.
    """
    models = tuple(models_told(one for one in records if one is not None))
    report = f"../{REPORT_FILE}" if linked and (output_dir / REPORT_FILE).is_file() else ""
    path = output_dir / QUALITY_FILE
    if not path.is_file():
        return Standing(models, report=report)
    try:
        table = read_table(path, _COLUMNS, "table of the page", "make it anew: carotid report")
        rows = [k for k, one in enumerate(table.cells["participant_id"]) if one == participant_id]
        if not rows:
            return Standing(models, report=report)
        score = float(table.optional_numbers("score")[rows[0]])
    except InputError as error:
        logger.warning("the score is not shown: %s", error)
        return Standing(models, report=report)
    cells = {name: table.cells[name][rows[0]] for name in _COLUMNS}
    unlike = cells["unlike_training"]
    earlier = scored_earlier(output_dir, participant_id)
    return Standing(models, _word(cells, score), score, cells["reason"], unlike, earlier, report)


def _word(cells: dict[str, str], score: float) -> str:
    if cells["result"] != "done":
        return cells["result"]
    if cells["unlike_training"]:
        return "unlike training"
    if cells["reason"] and not score >= CHECK:
        return "check"  # the last run failed, or results are missing
    return "without a score" if math.isnan(score) else judged(score)

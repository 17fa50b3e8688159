"""The page around the cases: who is on it, what the columns and the score mean, the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.evaluation.figures import CHECK, DOUBTFUL, NEAR, SCORE_PARTS
from carotid.report.columns import COLUMNS, TRUTH_COLUMNS, Row
from carotid.report.rendering import asset, stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markupsafe import Markup

GROUPS = {
    "doubtful": "doubtful",
    "check": "worth a check",
    "unremarkable": "unremarkable",
    "no heatmaps": "without heatmaps",
}
"""What scores say, and how that is told."""


@dataclass(frozen=True)
class PageFacts:
    """What the page says about the whole run.

    Attributes:
        threshold: What a peak has to exceed.
        pictures: For how many participants there are pictures at most.
        trouble: Why scans are not shown; empty where they are.
    """

    threshold: float
    pictures: int
    trouble: str


@dataclass(frozen=True)
class Case:
    """One participant on the page.

    Attributes:
        row: Its numbers.
        body: Everything below its heading; empty where there are no pictures.
    """

    row: Row
    body: Markup


def page(rows: Sequence[Row], cases: Iterable[Case], facts: PageFacts) -> Iterator[str]:
    """The page, in pieces.

    Args:
        rows: All participants, worst first.
        cases: The same ones in the same order; asked for one after another.
        facts: About the run.
    """
    truth = any(row.truth for row in rows)
    return stream(
        "page.html",
        style=asset("page.css"),
        script=asset("page.js"),
        facts=facts,
        counts=counts(rows),
        examined=sum(bool(row.sides) for row in rows),
        truth=truth,
        columns=COLUMNS + TRUTH_COLUMNS if truth else COLUMNS,
        rows=rows,
        cases=cases,
        groups=GROUPS,
        parts=SCORE_PARTS.values(),
        near=NEAR,
        doubtful=DOUBTFUL,
        check=CHECK,
    )


def counts(rows: Sequence[Row]) -> str:
    """How many participants there are of each kind."""
    some = "participant" if len(rows) == 1 else "participants"
    numbers = {group: sum(row.group == group for row in rows) for group in GROUPS}
    told = ", ".join(
        f"{numbers[group]} {words}" for group, words in GROUPS.items() if numbers[group]
    )
    return f"{len(rows)} {some}: {told}"

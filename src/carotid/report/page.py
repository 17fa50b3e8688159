"""The page around the cases: who is on it, what the columns and the score mean, the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carotid.counted import counted
from carotid.evaluation.figures import CHECK, DOUBTFUL, NEAR, SCORE_PARTS
from carotid.figures.palette import css_colors
from carotid.report.centerline_figures import UNSURE_PART
from carotid.report.columns import columns_of
from carotid.report.contour_figures import CONTOUR_PARTS
from carotid.report.rendering import asset, stream
from carotid.storage.results.layout import VIEWS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markupsafe import Markup

    from carotid.report.rows import Row

GROUPS = {
    "doubtful": "doubtful",
    "check": "worth a check",
    "plausible": "plausible",
    "no score": "without a score",
    "no result": "without results",
}
"""What scores say, and how that is told."""


@dataclass(frozen=True)
class PageFacts:
    """What the page says about the whole run.

    Attributes:
        threshold: What a peak has to exceed.
        pictures: For how many participants there are pictures at most.
        trouble: Why scans are not shown; empty where they are.
        made_of: What it shows and how it was asked for; see `MadeOf`.
        models: What made the results, in sentences.
    """

    threshold: float
    pictures: int
    trouble: str
    made_of: str
    models: Sequence[str] = ()


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
    groups = columns_of(rows)
    return stream(
        "page.html",
        style=css_colors() + asset("page.css"),
        script=asset("page.js"),
        facts=facts,
        views=VIEWS_FOLDER,
        counts=counts(rows),
        examined=sum(row.shown for row in rows),
        unlike=sum(bool(row.unlike) for row in rows),
        column_groups=groups,
        columns=[column for columns in groups.values() for column in columns],
        rows=rows,
        cases=cases,
        groups=GROUPS,
        parts=[SCORE_PARTS.values(), [UNSURE_PART], CONTOUR_PARTS.values()],
        near=NEAR,
        doubtful=DOUBTFUL,
        check=CHECK,
    )


def counts(rows: Sequence[Row]) -> str:
    """How many participants there are of each kind."""
    numbers = {group: sum(row.group == group for row in rows) for group in GROUPS}
    told = ", ".join(
        f"{numbers[group]} {words}" for group, words in GROUPS.items() if numbers[group]
    )
    return f"{counted(len(rows), 'participant')}: {told}"

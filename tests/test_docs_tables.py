"""Tables of the pages: they have every column of what people read first, and show as meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.documentation import DOCS

from carotid.report.quality_columns import COLUMNS as QUALITY_COLUMNS
from carotid.stages.measurement.segment_table import SEGMENT_COLUMNS
from carotid.stages.measurement.slice_table import SLICE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carotid.measurements import Column

EVERYWHERE = {"participant_id", "side", "segment", "order"}
"""Columns that say themselves what they are."""


def described(name: str, text: str) -> bool:
    """Whether a name, or one with `…` for a part of it, stands in a page as code."""
    names = re.findall(r"`([\w…]+)`", text)
    return any(re.fullmatch(one.replace("…", r"\w*"), name) for one in names)


@pytest.mark.parametrize(
    ("columns", "page"),
    [
        (SEGMENT_COLUMNS, "measurement.md"),
        (SLICE_COLUMNS, "measurement.md"),
        (QUALITY_COLUMNS, "report.md"),
    ],
    ids=["arteries.tsv", "slices.tsv", "quality.tsv"],
)
def test_every_column_is_described(columns: Sequence[Column], page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    names = [column.name for column in columns if column.name not in EVERYWHERE]
    assert len(names) > 30
    assert not [name for name in names if not described(name, text)]


def test_no_code_in_a_table_shows_a_backslash() -> None:
    """Python-Markdown keeps the backslash of `a\\|b` in a table."""
    pages = sorted(DOCS.rglob("*.md"))
    assert len(pages) > 30
    assert not [page.name for page in pages if re.search(r"^\|.*\\\|", page.read_text(), re.M)]

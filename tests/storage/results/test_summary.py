"""What `summary.json` says of whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.summary import is_summarized, summarize

if TYPE_CHECKING:
    from pathlib import Path


def row(participant_id: str, result: str) -> dict[str, str]:
    return {"participant_id": participant_id, "result": result, "reason": ""}


@pytest.mark.parametrize(
    ("results", "expected"),
    [(("done", "skipped"), True), (("done", "failed"), False), (("done",), False)],
)
def test_all_have_to_be_done(results: tuple[str, ...], expected: bool, tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    summarize(layout, "contour_transform", [row(f"p{k}", one) for k, one in enumerate(results)])
    assert is_summarized(layout, "contour_transform", ["p0", "p1"]) is expected
    assert not is_summarized(layout, "pipeline", ["p0"]), "another transform"


def test_a_file_that_is_absent_broken_or_was_being_written_is_to_be_written(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    assert not is_summarized(layout, "pipeline", ["p"])
    summarize(layout, "pipeline", [row("p", "done")])
    assert is_summarized(layout, "pipeline", ["p"])
    half = tmp_path / ".summary.json.part"
    half.write_text("{")
    assert not is_summarized(layout, "pipeline", ["p"])
    half.unlink()
    layout.summary.write_text("{")
    assert not is_summarized(layout, "pipeline", ["p"])

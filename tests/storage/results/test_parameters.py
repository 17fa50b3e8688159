"""`parameters.json`: one object per transform; those of others stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from carotid.errors import UsageError
from carotid.storage.results.layout import OutputLayout
from carotid.storage.results.parameters import read_parameters, record_transforms

if TYPE_CHECKING:
    from pathlib import Path


def test_transforms_stand_side_by_side(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    assert read_parameters(layout.parameters) == {}
    layout.parameters.write_text(json.dumps({"polar_transform": {"n": [1, 2]}}))
    record_transforms(layout, {"heatmap_transform": {"spacing": True}})
    record_transforms(layout, {"heatmap_transform": {"spacing": False}})
    expected = {"polar_transform": {"n": [1, 2]}, "heatmap_transform": {"spacing": False}}
    assert read_parameters(layout.parameters) == expected
    assert [p.name for p in tmp_path.glob("[!.]*")] == ["parameters.json"]


def test_equal_record_is_not_written_again(tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    record_transforms(layout, {"heatmap_transform": {"roi_size": [1, 2]}})
    before = layout.parameters.stat().st_mtime_ns
    record_transforms(layout, {"heatmap_transform": {"roi_size": [1, 2]}})
    assert layout.parameters.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": NaN}', "[" * 10_000, "\xff"])
def test_file_that_is_none_is_left_alone(text: str, tmp_path: Path) -> None:
    layout = OutputLayout(tmp_path)
    layout.parameters.write_text(text, "latin-1")
    with pytest.raises(UsageError, match=r"parameters\.json.*Restore the file"):
        record_transforms(layout, {"heatmap_transform": {}})
    assert layout.parameters.read_text("latin-1") == text
    assert [p.name for p in tmp_path.glob("[!.]*")] == ["parameters.json"]

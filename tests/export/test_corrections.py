"""Corrections by hand: whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carotid.errors import UsageError
from carotid.export.corrections import Place, undo
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from pathlib import Path


def test_corrections_of_nobody_are_not_taken_back(tmp_path: Path) -> None:
    """A slip in an id must not look as if there had been none."""
    (tmp_path / "sub-01" / "contour_transform").mkdir(parents=True)
    assert undo(Place(OutputLayout(tmp_path), "sub-01")) == []
    with pytest.raises(UsageError, match="participant sub-02 has no centerline_transform"):
        undo(Place(OutputLayout(tmp_path), "sub-02"))
    assert not (tmp_path / "sub-02").exists()

"""The heatmap stage's part in a run; the whole of it is tested through the command."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np

from carotid.geometry.grid import Grid
from carotid.stages import transform
from carotid.storage.layout import HeatmapLayout

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pytest

    from carotid.network.ensemble import SideResult


def test_gaps_of_the_heap_are_given_back_before_a_side_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(transform, "trim_heap", lambda: seen.append("trimmed"))
    monkeypatch.setattr(transform, "write_side", lambda *_: seen.append("written"))

    def slabs(*, ahead: bool) -> Generator[None]:
        assert ahead
        yield None

    side = SimpleNamespace(side=SimpleNamespace(name="left"), slabs=slabs)
    grid = Grid((4, 4, 4), np.eye(4))
    transform._write(HeatmapLayout(tmp_path), cast("SideResult", side), grid, None, 2)
    assert seen == ["trimmed", "written"]

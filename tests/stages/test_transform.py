"""The heatmap stage's part in a run; the whole of it is tested through the command."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from tests.necks import affine_of, neck
from tests.networks import stand_in, uneven

from carotid.config import HeatmapParameters
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.network.device_memory import AS_PLANNED, ON_THE_CPU
from carotid.provenance import TransformRecord
from carotid.stages import transform
from carotid.stages.reading import LoadedScan, prepare_scan
from carotid.stages.transform import HeatmapTask
from carotid.storage.layout import HeatmapLayout, OutputLayout

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from carotid.network.device_memory import Predictor
    from carotid.network.ensemble import SideResult
    from carotid.stages.reading import ScanReader

PARAMETERS = HeatmapParameters(roi_size=(32, 16, 16), overlap=0.3)


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


@pytest.mark.parametrize(("planned", "step"), [("cpu", AS_PLANNED), ("cuda (a card)", ON_THE_CPU)])
def test_the_record_tells_when_there_was_no_room_for_the_networks(
    planned: str, step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array, affine = neck(), affine_of()
    scan = prepare_scan(Volume(array, Grid(array.shape, affine)), PARAMETERS, percentiles=None)
    seen: list[int] = []

    def noted(*_: object, predictor: Predictor, **__: object) -> Generator[None]:
        seen.append(predictor.step)
        yield from ()

    monkeypatch.setattr(transform, "predict_sides", noted)
    record = TransformRecord({"device": planned}, {"unet.pt": "ab"}, {})
    task = HeatmapTask(
        OutputLayout(tmp_path),
        lambda: [stand_in(uneven(1))],
        PARAMETERS,
        cast("ScanReader", None),
        record,
        force=False,
    )
    task.get_ready()
    assert list(task.compute(LoadedScan(scan, "ab"), tmp_path, lambda: None)) == []
    assert seen == [step]

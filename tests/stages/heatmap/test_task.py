"""The heatmap stage's part in a run; the whole of it is tested through the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from tests.necks import affine_of, neck
from tests.networks import stand_in, uneven

from carotid.config import HeatmapParameters
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.provenance import TransformRecord
from carotid.stages.heatmap import task as transform
from carotid.stages.heatmap.predict import AS_PLANNED, ON_THE_CPU
from carotid.stages.heatmap.reading import LoadedScan, prepare_scan
from carotid.stages.heatmap.task import HeatmapTask
from carotid.storage.results.layout import OutputLayout

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from carotid.stages.heatmap.predict import Predictor
    from carotid.stages.heatmap.reading import ScanReader

PARAMETERS = HeatmapParameters(roi_size=(32, 16, 16), overlap=0.3)


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

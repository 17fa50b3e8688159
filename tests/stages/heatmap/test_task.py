"""The heatmap stage's part in a run; the whole of it is tested through the command."""

from __future__ import annotations

import gc
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from unittest.mock import MagicMock

import numpy as np
import pytest
from tests.necks import affine_of, neck
from tests.networks import stand_in, uneven

from carotid.cohort.runner import Runner
from carotid.config import HeatmapParameters
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.provenance import TransformRecord
from carotid.stages.heatmap import reading
from carotid.stages.heatmap import task as transform
from carotid.stages.heatmap.coarse import CoarseHeatmaps
from carotid.stages.heatmap.predict import AS_PLANNED, ON_THE_CPU
from carotid.stages.heatmap.reading import LoadedScan, ScanReader, prepare_scan
from carotid.stages.heatmap.scratch import MAIN_MEMORY, MEMORY_BUDGET_BYTES, Spilled
from carotid.stages.heatmap.task import HeatmapTask
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.raw import find_scans, load_scan
from carotid.storage.rescaling import NO_RESCALING
from carotid.storage.results.layout import HeatmapLayout, OutputLayout

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from torch import Tensor

    from carotid.cohort.runner import Progress
    from carotid.stages.heatmap.fold import SideResult
    from carotid.stages.heatmap.predict import Predictor
    from carotid.storage.raw import RawScan

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


@pytest.mark.timeout(120)
def test_heatmaps_make_room_for_the_next_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the first side takes to be written, a scan is not read beside kept heatmaps."""
    gc.collect()
    assert MAIN_MEMORY.lease(0, MEMORY_BUDGET_BYTES) is not None, "an earlier test keeps some of it"
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("one", "two"):
        array = neck()
        write_metaimage(raw / f"{name}.mha", Volume(array, Grid(array.shape, affine_of())))
    scans = list(find_scans(raw).values())
    kept_while_read = threading.Event()
    places: list[str] = []
    add = CoarseHeatmaps.add

    def noted_add(self: CoarseHeatmaps, heatmaps: Tensor, *, last: bool = False) -> None:
        add(self, heatmaps, last=last)
        places.append("file" if isinstance(self._kept[-1], Spilled) else "memory")
        if len(places) == 3:  # the first one of the second side
            kept_while_read.set()

    def late_load(scan: RawScan) -> Volume:
        assert scan.participant_id == "one" or kept_while_read.wait(60)
        return load_scan(scan)

    monkeypatch.setattr(CoarseHeatmaps, "add", noted_add)
    monkeypatch.setattr(reading, "load_scan", late_load)
    layout = OutputLayout(tmp_path / "out")
    task = HeatmapTask(
        layout,
        lambda: [stand_in(uneven(seed), str(seed)) for seed in (1, 2)],
        PARAMETERS,
        ScanReader(PARAMETERS, NO_RESCALING, 2, 1),
        TransformRecord({}, {"1": "ab", "2": "cd"}, {}),
        force=False,
    )
    outcomes = Runner(task, layout, cast("Progress", MagicMock())).run(scans)
    assert [one.status for one in outcomes] == ["done", "done"]
    assert places[:3] == ["memory", "memory", "file"]
    assert places[4:] == ["memory"] * 4, "and there is room again once it was read"

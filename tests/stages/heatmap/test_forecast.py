"""Memory is foreseen from a scan's header: every part grows with what it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from carotid.geometry.grid import Grid
from carotid.stages.heatmap import forecast
from carotid.stages.heatmap.forecast import expect_gpu, foresee
from carotid.stages.heatmap.parameters import HeatmapParameters

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GIB = 2**30


def grid(shape: tuple[int, int, int], spacing_mm: float = 0.35) -> Grid:
    return Grid(shape, np.diag([-spacing_mm, -spacing_mm, spacing_mm, 1.0]))


def test_every_part_grows_with_what_it_is_for() -> None:
    shape, parameters = (640, 100, 720), HeatmapParameters()
    base = foresee(grid(shape), np.dtype(np.int16), 3, parameters)
    wider = foresee(grid(shape), np.dtype(np.float32), 3, parameters)
    assert wider.scan - base.scan == 2 * 640 * 100 * 720
    assert replace(wider, scan=base.scan) == base
    smaller = foresee(
        grid(shape), np.dtype(np.int16), 3, HeatmapParameters(roi_size=(368, 32, 320))
    )
    assert base.forward == 2 * smaller.forward
    assert (smaller.kept, smaller.scan) == (base.kept, base.scan)
    fewer = foresee(grid(shape), np.dtype(np.int16), 1, parameters)
    assert base.models == 3 * fewer.models
    both = foresee(grid(shape), np.dtype(np.int16), 3, parameters, workers=2)
    assert 2 * base.forward < both.forward < 3 * base.forward, "and one window that waits"
    small = [foresee(grid((60, 50, 70)), np.dtype(np.int16), n, parameters) for n in (1, 3)]
    assert small[1].kept == 3 * small[0].kept


def test_windows_of_both_sides_may_be_on_their_way_at_once() -> None:
    scan = grid((60, 50, 70)), np.dtype(np.int16), 1
    exact, padded = HeatmapParameters(roi_size=(32, 16, 16)), HeatmapParameters()
    for parameters in (exact, padded):  # the padded one has one window a side
        alone, both = (foresee(*scan, parameters, workers) for workers in (1, 2))
        assert 2 * alone.forward < both.forward < 3 * alone.forward
    per_voxel = [foresee(*scan, p).forward / np.prod(p.roi_size) for p in (exact, padded)]
    assert per_voxel[1] - per_voxel[0] == 4, "a padded window is no view"


def test_deeper_windows_of_deep_scans_take_more() -> None:
    deep, flat = grid((512, 512, 300)), grid((512, 180, 300))  # 179 and 63 mm from front to back
    usual, deeper = HeatmapParameters(), HeatmapParameters(max_roi_depth=128)
    for scan, ratio in ((deep, 2), (flat, 1.75)):  # 63 mm are 126 voxels: windows are 112 deep
        shallow, wide = (
            foresee(scan, np.dtype(np.int16), 3, one).forward for one in (usual, deeper)
        )
        assert wide == ratio * shallow


def test_large_ensembles_are_kept_on_disk() -> None:
    few = foresee(grid((640, 100, 720)), np.dtype(np.int16), 4, HeatmapParameters())
    many = foresee(grid((640, 100, 720)), np.dtype(np.int16), 100, HeatmapParameters())
    assert many.kept == few.kept
    assert many.total_bytes < few.total_bytes + 100 * (16 << 20)


def test_a_scan_of_usual_size_needs_less_than_two_gibibytes() -> None:
    found = foresee(grid((640, 100, 720)), np.dtype(np.int16), 3, HeatmapParameters())
    assert GIB < found.total_bytes < 2 * GIB


def test_what_takes_most_has_a_remedy() -> None:
    usual = foresee(grid((640, 100, 720)), np.dtype(np.int16), 3, HeatmapParameters())
    wide = replace(usual, forward=9 * GIB)
    assert wide.largest == ("one window", 9 * GIB)
    assert "roi_size" in wide.remedy
    assert replace(usual, scan=9 * GIB).remedy == "crop the scan"


def test_a_gpu_takes_main_memory_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scan = (grid((640, 100, 720)), np.dtype(np.int16), 3, HeatmapParameters())
    alone, beside = foresee(*scan), foresee(*scan, beside_gpu=True)
    assert beside.scan == 2 * alone.scan
    assert beside.libraries > alone.libraries
    assert beside.writing > alone.writing
    for driver in (tmp_path, tmp_path / "absent"):
        monkeypatch.setattr(forecast, "_DRIVER", driver)
        assert expect_gpu("cuda")
        assert not expect_gpu("cpu")
        assert expect_gpu(None) == driver.exists()

"""Memory is foreseen from a scan's header, and what cannot fit is refused before it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.cohort import memory
from carotid.cohort.memory import Forecast, check_memory, foresee
from carotid.config import HeatmapParameters
from carotid.errors import ResourceError
from carotid.geometry.grid import Grid

if TYPE_CHECKING:
    from pathlib import Path

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


def test_large_ensembles_are_kept_on_disk() -> None:
    few = foresee(grid((640, 100, 720)), np.dtype(np.int16), 4, HeatmapParameters())
    many = foresee(grid((640, 100, 720)), np.dtype(np.int16), 100, HeatmapParameters())
    assert many.kept == few.kept
    assert many.total < few.total + 100 * (16 << 20)


def test_a_scan_of_usual_size_needs_less_than_two_gibibytes() -> None:
    forecast = foresee(grid((640, 100, 720)), np.dtype(np.int16), 3, HeatmapParameters())
    assert GIB < forecast.total < 2 * GIB


FORECAST = Forecast(
    libraries=GIB, models=0, scan=3 * GIB, forward=2 * GIB, predictions=0, kept=GIB, writing=0
)


def test_what_cannot_fit_is_refused_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * GIB)
    monkeypatch.setattr(memory, "resident_bytes", lambda: 2 * GIB)
    with pytest.raises(ResourceError) as refusal:
        check_memory("scan.mha", FORECAST)
    text = str(refusal.value)
    for part in ("scan.mha", "6.0 GiB available", "about 7.0 GiB", "3.0 GiB for the scan", "crop"):
        assert part in text
    with pytest.raises(ResourceError, match="smaller roi_size"):
        check_memory("scan.mha", replace(FORECAST, forward=9 * GIB))


def test_what_fits_is_said_at_info(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 6 * GIB)
    monkeypatch.setattr(memory, "resident_bytes", lambda: GIB)
    with caplog.at_level("INFO", "carotid"):
        check_memory("scan.mha", FORECAST)
    assert "scan.mha: needs about 7.0 GiB of memory, 7.0 GiB available" in caplog.text


def test_memory_of_this_machine() -> None:
    assert 0 < memory.available_bytes() < 1 << 62
    assert memory.resident_bytes() > 1 << 20


def test_a_system_that_tells_nothing_is_not_refused(tmp_path: Path) -> None:
    assert memory._system_bytes(tmp_path / "absent") == 1 << 62
    assert memory._cgroup_bytes(tmp_path / "absent", tmp_path) == []


def test_a_meminfo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal:  8 kB\nMemFree:  1 kB\nMemAvailable:    123456 kB\n")
    assert memory._system_bytes(path) == 123456 * 1024


def limits(tmp_path: Path, own: str, files: dict[str, str]) -> list[int]:
    (tmp_path / "own").write_text(own)
    for name, content in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return memory._cgroup_bytes(tmp_path / "own", tmp_path / "root")


def test_control_groups_of_version_2(tmp_path: Path) -> None:
    files = {
        "slice/job/memory.max": "1000\n",
        "slice/job/memory.current": "700\n",
        "slice/job/memory.stat": "anon 600\ninactive_file 50\n",
        "slice/memory.max": "max\n",
        "slice/memory.current": "900\n",
    }
    assert limits(tmp_path, "0::/slice/job\n", files) == [350]


def test_control_groups_of_version_2_seen_from_within_a_container(tmp_path: Path) -> None:
    files = {"memory.max": "1000\n", "memory.current": "1200\n"}
    assert limits(tmp_path, "0::/\n", files) == [0]
    assert limits(tmp_path, "0::/../elsewhere\n", files) == [0]


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    files = {
        "memory/job/memory.limit_in_bytes": "1000\n",
        "memory/job/memory.usage_in_bytes": "400\n",
        "memory/job/memory.stat": "cache 1\ntotal_inactive_file 100\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "5000\n",
    }
    found = limits(tmp_path, "5:cpu:/job\n4:memory:/job\n0::/\n", files)
    assert found == [700, 9223372036854771712 - 5000]


def test_a_gpu_takes_main_memory_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scan = (grid((640, 100, 720)), np.dtype(np.int16), 3, HeatmapParameters())
    alone, beside = foresee(*scan), foresee(*scan, beside_gpu=True)
    assert beside.scan == 2 * alone.scan
    assert beside.libraries > alone.libraries
    assert beside.writing > alone.writing
    for driver in (tmp_path, tmp_path / "absent"):
        monkeypatch.setattr(memory, "_DRIVER", driver)
        assert memory.expect_gpu("cuda")
        assert not memory.expect_gpu("cpu")
        assert memory.expect_gpu(None) == driver.exists()

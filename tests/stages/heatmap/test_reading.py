"""Scans are read as asked for, also where one was begun before."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import affine_of, neck

from carotid.config import HeatmapParameters
from carotid.errors import InputError, ResourceError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.stages.heatmap import reading
from carotid.stages.heatmap.reading import ScanReader, prepare_scan
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans
from carotid.storage.raw import RawScan, hash_scan, load_scan, open_scan
from carotid.storage.rescaling import NO_RESCALING, Rescaling

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.opened import OpenedScan, ScanContent


PARAMETERS = HeatmapParameters(roi_size=(32, 32, 32))
RESCALING = Rescaling(rescale=True, lower_percentile=5, upper_percentile=95)


@pytest.fixture
def scans(tmp_path: Path) -> dict[str, RawScan]:
    for name, factor in (("one", 1), ("two", 2)):
        array = (neck() * factor * 100).astype(np.int16)
        write_metaimage(tmp_path / f"{name}.mha", Volume(array, Grid(array.shape, affine_of())))
    (tmp_path / "torn.mha").write_bytes((tmp_path / "one.mha").read_bytes()[:500])
    return find_scans(tmp_path)


def reader(rescaling: Rescaling = RESCALING) -> ScanReader:
    return ScanReader(PARAMETERS, rescaling, 3, 2)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which scan's voxels were read, and in which thread."""
    seen = []

    def counting(scan: RawScan) -> OpenedScan:
        opened = open_scan(scan)

        def read() -> ScanContent:
            seen.append((scan.participant_id, threading.current_thread().name))
            return opened.read()

        return replace(opened, read=read)

    monkeypatch.setattr(reading, "open_scan", counting)
    return seen


def test_a_scan_that_was_begun_is_read_once(
    scans: dict[str, RawScan], loads: list[tuple[str, str]]
) -> None:
    one = reader()
    one.begin(scans["one"])
    found = one.read(scans["one"])
    assert loads == [("one", "carotid-reading")]
    assert found.sha256 == hash_scan(scans["one"])
    volume = load_scan(scans["one"])
    expected = prepare_scan(volume, PARAMETERS, percentiles=(5, 95))
    for one_side, other in zip(found.prepared.images, expected.images, strict=True):
        np.testing.assert_array_equal(one_side, other)
    assert found.prepared.frame.grid.agrees_with(volume.grid)
    one.read(scans["one"])
    assert len(loads) == 2, "it is not kept"


def test_another_scan_than_the_one_begun(
    scans: dict[str, RawScan], loads: list[tuple[str, str]]
) -> None:
    one = reader()
    one.begin(scans["one"])
    assert one.read(scans["two"]).sha256 == hash_scan(scans["two"])
    assert one.read(scans["one"]).sha256 == hash_scan(scans["one"])
    assert [name for name, _ in loads] == ["one", "two", "one"]


def test_an_error_is_raised_where_the_scan_is_asked_for(scans: dict[str, RawScan]) -> None:
    one = reader()
    one.begin(scans["torn"])
    with pytest.raises(InputError, match=r"torn\.mha"):
        one.read(scans["torn"])
    assert one.read(scans["one"]).prepared.images[0].any()


def test_a_scan_without_rescaling(scans: dict[str, RawScan]) -> None:
    found = reader(NO_RESCALING).read(scans["one"]).prepared
    assert found.images[0].max() > 1
    assert reader().read(scans["one"]).prepared.images[0].max() == 1


def test_memory_is_looked_at_before_the_voxels(
    scans: dict[str, RawScan], loads: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carotid.cohort.memory.available_bytes", lambda: 0)
    monkeypatch.setattr("carotid.cohort.memory.resident_bytes", lambda: 0)
    one = reader()
    one.begin(scans["one"])
    with pytest.raises(ResourceError, match="more memory"):
        one.read(scans["one"])
    assert not loads

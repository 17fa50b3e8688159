"""The scan behind results: on their grid, and whether it is still the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest

from carotid.errors import InputError
from carotid.geometry.grid import CANONICAL, Grid
from carotid.geometry.volume import Volume
from carotid.provenance import Input, Record
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans_at
from carotid.storage.raw import hash_scan
from carotid.storage.results.record import write_record
from carotid.storage.results.scan_behind import load_for_pictures, load_scan_behind

if TYPE_CHECKING:
    from pathlib import Path

    from carotid.storage.raw import RawScan


def scan_at(folder: Path, grid: Grid) -> RawScan:
    folder.mkdir()
    array = np.arange(np.prod(grid.shape), dtype=np.float32).reshape(grid.shape)
    write_metaimage(folder / "a.mha", Volume(array, grid))
    return find_scans_at(folder).scans["a"]


def grid(shape: tuple[int, int, int] = (4, 5, 6), order: str = "RAS") -> Grid:
    return Grid(shape, np.diag([0.5, 0.6, 0.7, 1.0])).reoriented(order)


@pytest.mark.parametrize("order", ["RAS", "LPS", "SPL", "AIR"])
def test_it_comes_in_canonical_order(tmp_path: Path, order: str) -> None:
    there = grid(order=order)
    behind = load_scan_behind(scan_at(tmp_path / "raw", there), grid(), None)
    assert behind.volume.grid.agrees_with(grid())
    array = np.arange(np.prod(there.shape), dtype=np.float32).reshape(there.shape)
    assert (behind.volume.array == Volume(array, there).reoriented(CANONICAL).array).all()
    assert not behind.changed


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (grid((4, 5, 5)), "found 4 x 5 x 5 voxels, expected 4 x 5 x 6 voxels"),
        (Grid((4, 5, 6), np.diag([0.5, 0.6, 0.8, 1.0])), "another position or voxel size"),
    ],
)
def test_another_grid_is_refused(tmp_path: Path, other: Grid, found: str) -> None:
    scan = scan_at(tmp_path / "raw", other)
    with pytest.raises(InputError, match="another grid than its results") as caught:
        load_scan_behind(scan, grid(), None)
    assert found in str(caught.value)
    assert str(scan.path) in str(caught.value)


def test_a_scan_that_has_changed_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scan = scan_at(tmp_path / "raw", grid())
    results = tmp_path / "result"
    results.mkdir()
    (results / "table.tsv").write_text("x\n")
    for sha256, told in ((hash_scan(scan), False), ("0" * 64, True)):
        heatmaps = Record("heatmap", {}, {"scan": Input(sha256)})
        record = Record("contour", {}, {"heatmap": Input(None, record=heatmaps)})
        write_record(results, record)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert load_for_pictures(scan, grid(), [tmp_path, results]) is not None
        assert ("a: the scan has changed since its results were made" in caplog.text) == told
    assert load_for_pictures(None, grid(), [results]) is None

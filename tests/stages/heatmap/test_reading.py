"""A scan as the networks get it: rescaled where that is asked for, with what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.necks import affine_of, neck

from carotid.errors import InputError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.stages.heatmap.parameters import HeatmapParameters
from carotid.stages.heatmap.reading import LoadedScan, prepare_scan, read_prepared
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans
from carotid.storage.raw import RawScan, hash_scan, load_scan, open_scan
from carotid.storage.rescaling import NO_RESCALING, Rescaling

if TYPE_CHECKING:
    from pathlib import Path

PARAMETERS = HeatmapParameters(roi_size=(32, 32, 32))
RESCALING = Rescaling(rescale=True, lower_percentile=5, upper_percentile=95)


@pytest.fixture
def scans(tmp_path: Path) -> dict[str, RawScan]:
    array = (neck() * 100).astype(np.int16)
    for name, one in (("one", array), ("constant", np.full_like(array, 3))):
        write_metaimage(tmp_path / f"{name}.mha", Volume(one, Grid(array.shape, affine_of())))
    return find_scans(tmp_path)


def read(scan: RawScan, rescaling: Rescaling = RESCALING) -> LoadedScan:
    return read_prepared(scan, open_scan(scan), PARAMETERS, rescaling)


def test_a_scan_with_what_it_was_made_from(scans: dict[str, RawScan]) -> None:
    found = read(scans["one"])
    assert found.source.sha256 == hash_scan(scans["one"])
    assert found.source.size_bytes == scans["one"].path.stat().st_size
    volume = load_scan(scans["one"])
    expected = prepare_scan(volume, percentiles=(5, 95), resample=PARAMETERS.spacing)
    for one_side, other in zip(found.prepared.images, expected.images, strict=True):
        np.testing.assert_array_equal(one_side, other)
    assert found.prepared.frame.grid.agrees_with(volume.grid)


def test_a_scan_without_rescaling(scans: dict[str, RawScan]) -> None:
    found = read(scans["one"], NO_RESCALING).prepared
    assert found.images[0].max() > 1
    assert read(scans["one"]).prepared.images[0].max() == 1


def test_a_constant_scan_is_named(scans: dict[str, RawScan]) -> None:
    with pytest.raises(InputError, match=r"constant\.mha"):
        read(scans["constant"])


def test_brightness_that_was_cut_off_is_told(tmp_path: Path) -> None:
    array = (neck() * 100).astype(np.int16)
    array = np.minimum(array, int(np.percentile(array, 75)))
    write_metaimage(tmp_path / "cut.mha", Volume(array, Grid(array.shape, affine_of())))
    (told,) = read(find_scans(tmp_path)["cut"]).faults
    assert told.startswith("25 % of its voxels have the largest value")

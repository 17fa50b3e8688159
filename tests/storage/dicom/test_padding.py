"""Voxels that are padding by the DICOM header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.dicom_series import assert_same_place, write_classic
from tests.reading import read_dicom
from tests.storage.dicom.small_series import VOLUME, refusal

from carotid.storage.dicom.read import open_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset


def padded_with(value: int, vr: str = "US", limit: int | None = None) -> Any:
    """The first rows of each slice hold padding, up to the limit where there is one."""

    def edit(_: int, dataset: Dataset) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2").copy()
        stored[:60] = value & 0xFFFF
        if limit is not None:
            stored[:30] = limit & 0xFFFF
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, vr, value)
        if limit is not None:
            dataset.add_new(0x00280121, vr, limit)

    return edit


@pytest.mark.parametrize(
    ("dtype", "value", "vr", "limit"),
    [
        (np.uint16, 65535, "US", None),
        (np.uint16, 65000, "US", 65500),
        (np.int16, -2000, "SS", None),
        (np.int16, 63536, "US", None),
        (np.int16, -2000, "SS", -1900),
    ],
    ids=["unsigned", "a range", "signed", "signed, written without", "a signed range"],
)
def test_padding_is_told_and_gets_the_lowest_value(
    tmp_path: Path,
    dtype: Any,
    value: int,
    vr: str,
    limit: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    volume = VOLUME.with_array(np.asarray(VOLUME.array).astype(dtype) + dtype(7))
    edit = padded_with(value, vr, limit)
    write_classic(volume, tmp_path, edit=edit)
    content = open_dicom(tmp_path).read()
    padding = content.padding
    assert padding is not None
    assert padding.shape == content.volume.array.shape
    assert np.count_nonzero(padding) == 60 * 5
    true = volume.reoriented(content.volume.orientation).array
    np.testing.assert_array_equal(np.asarray(content.volume.array)[~padding], true[~padding])
    assert set(np.asarray(content.volume.array)[padding]) == {true[~padding].min()}
    assert "% of the voxels are padding by the header" in caplog.text


def test_padding_that_no_voxel_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        dataset.PixelPaddingValue = 60_000

    write_classic(VOLUME, tmp_path, edit=edit)
    content = open_dicom(tmp_path).read()
    assert content.padding is None
    assert_same_place(content.volume, VOLUME)
    assert not caplog.records


@pytest.mark.parametrize(
    ("vr", "value", "known"),
    [("UN", b"\x60\xea", True), ("FL", 60_000.0, True), ("DS", "60000", True)],
)
def test_padding_of_an_unusual_kind(tmp_path: Path, vr: str, value: Any, *, known: bool) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        padded_with(60_000)(k, dataset)
        dataset.add_new(0x00280120, vr, value)

    write_classic(VOLUME, tmp_path, edit=edit)
    padding = open_dicom(tmp_path).read().padding
    assert (padding is not None) == known


@pytest.mark.parametrize(("vr", "value"), [("LO", "none"), ("US", [0, 5]), ("FL", 0.5)])
def test_padding_that_is_no_number_is_refused_by_name(tmp_path: Path, vr: str, value: Any) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        dataset.add_new(0x00280120, vr, value)

    write_classic(VOLUME, tmp_path, edit=edit)
    message = refusal(tmp_path)
    assert "IM0000.dcm: the image's PixelPaddingValue is not usable" in message


def test_padding_in_slices_of_different_slope(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        padded_with(4000)(k, dataset)
        dataset.RescaleSlope, dataset.RescaleIntercept = str(k + 1), "1"

    write_classic(VOLUME, tmp_path, edit=edit)
    content = open_dicom(tmp_path).read()
    assert content.padding is not None
    assert np.count_nonzero(content.padding) == 60 * 5
    measured = np.asarray(content.volume.array)[~content.padding]
    assert (np.asarray(content.volume.array)[content.padding] == measured.min()).all()


def test_nothing_but_padding(tmp_path: Path) -> None:
    blank = VOLUME.with_array(np.full_like(VOLUME.array, 9))

    def edit(_: int, dataset: Dataset) -> None:
        dataset.PixelPaddingValue = 9

    write_classic(blank, tmp_path, edit=edit)
    assert "every voxel is padding" in refusal(tmp_path, read_dicom)

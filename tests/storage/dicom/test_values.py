"""What a DICOM pixel's value is: bits, numbers as text, slope and intercept."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from tests import dicom_edits
from tests.dicom_series import assert_same_place, make_volume, write_classic, write_enhanced
from tests.reading import read_dicom
from tests.storage.dicom.small_series import VOLUME, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.uid import UID


DATA = Path(__file__).parents[2] / "data" / "dicom" / "dicom2nifti" / "compressed_jpeg"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_bits_above_the_value_are_no_part_of_it(
    tmp_path: Path, syntax: UID, caplog: pytest.LogCaptureFixture
) -> None:
    edit = dicom_edits.with_bits(16, 15)
    filled = dicom_edits.with_bits(12, 11, above=16)

    def overlay(k: int, dataset: Dataset) -> None:
        filled(k, dataset)
        edit(k, dataset)  # written as 16 bits, so that an encoder keeps them all

    paths = write_classic(VOLUME, tmp_path, syntax=syntax, edit=overlay)
    assert not np.array_equal(read_dicom(tmp_path).reoriented("RAS").array, VOLUME.array)
    assert not caplog.text
    dicom_edits.set_in(paths, BitsStored=12, HighBit=11)
    assert_same_place(read_dicom(tmp_path), VOLUME)
    assert f"bits above BitsStored in {len(paths)} images, such as IM0000.dcm" in caplog.text


@pytest.mark.parametrize("value_bits", [12, 14])
def test_a_jpeg_2000_stream_with_more_bits_than_stated(tmp_path: Path, value_bits: int) -> None:
    def overlay(k: int, dataset: Dataset) -> None:
        dicom_edits.with_bits(value_bits, value_bits - 1, above=4)(k, dataset)
        dicom_edits.with_bits(16, 15)(k, dataset)

    paths = write_classic(VOLUME, tmp_path, syntax=JPEG2000Lossless, edit=overlay)
    dicom_edits.set_in(paths, BitsStored=value_bits, HighBit=value_bits - 1)
    message = refusal(tmp_path, read_dicom)
    assert "more bits than the header says" in message
    assert f"{value_bits} bits" in message


def test_a_jpeg_2000_stream_whose_values_fit_is_read(tmp_path: Path) -> None:
    paths = write_classic(VOLUME, tmp_path, syntax=JPEG2000Lossless)
    dicom_edits.set_in(paths, BitsStored=12, HighBit=11)
    assert_same_place(read_dicom(tmp_path), VOLUME)


@pytest.mark.parametrize(
    ("value_bits", "high_bit", "shift"), [(12, 15, 4), (12, 13, 2), (10, 11, 2)]
)
def test_values_that_lie_higher_are_refused(
    tmp_path: Path, value_bits: int, high_bit: int, shift: int
) -> None:
    edit = dicom_edits.with_bits(value_bits, high_bit, shift=shift)
    write_classic(VOLUME, tmp_path, edit=edit)
    message = refusal(tmp_path)
    assert f"BitsStored {value_bits}, HighBit {high_bit}" in message
    assert "IM0000.dcm" in message


def test_a_highest_bit_that_is_too_low_changes_nothing(tmp_path: Path) -> None:
    write_classic(VOLUME, tmp_path, edit=dicom_edits.with_bits(16, 11))
    assert_same_place(read_dicom(tmp_path), VOLUME)


@pytest.mark.parametrize("value_bits", [0, 17, None])
def test_impossible_numbers_of_bits(tmp_path: Path, value_bits: int | None) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        dataset.BitsStored = value_bits

    write_classic(VOLUME, tmp_path, edit=edit)
    assert "contradicts itself about the bits" in refusal(tmp_path)


def test_signs_of_fewer_bits(tmp_path: Path) -> None:
    signed = VOLUME.with_array(np.asarray(VOLUME.array).astype(np.int16) - 1500)
    edit = dicom_edits.with_bits(12, 11, above=1)

    def drop_sign(k: int, dataset: Dataset) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF
        dataset.PixelData = stored.astype("<u2").tobytes()
        edit(k, dataset)

    write_classic(signed, tmp_path, edit=drop_sign)
    assert_same_place(read_dicom(tmp_path), signed)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bytes_in_big_endian_words(tmp_path: Path, vr: str) -> None:
    """PS3.5, 8.1.1: as OW, bytes come in swapped pairs, and an odd one gets a partner."""
    volume = make_volume(dtype=np.uint8)

    def edit(_: int, dataset: Dataset) -> None:
        if vr == "OW":
            pairs = np.frombuffer(dataset.PixelData, np.uint8).reshape(-1, 2)[:, ::-1]
            dataset.PixelData = pairs.tobytes()
        dataset["PixelData"].VR = vr

    write_classic(volume, tmp_path, syntax=ExplicitVRBigEndian, edit=edit)
    assert_same_place(read_dicom(tmp_path), volume)


@pytest.mark.parametrize("vr", ["UT", "UN", "OB", "LO", "SH", "ST", "LT", "UC"])
@pytest.mark.parametrize(
    "tag", [dicom_edits.SPACING, dicom_edits.POSITION, dicom_edits.ORIENTATION]
)
def test_numbers_written_as_another_kind_of_text(tmp_path: Path, tag: bytes, vr: str) -> None:
    paths = write_classic(VOLUME, tmp_path)
    dicom_edits.rewrite(paths, dicom_edits.with_vr(tag, vr))
    assert_same_place(read_dicom(tmp_path), VOLUME)


def test_numbers_written_as_numbers(tmp_path: Path) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
            element = dataset[keyword]
            numbers = [float(value) for value in element.value]
            del dataset[keyword]
            dataset.add_new(element.tag, "FD", numbers)

    write_classic(VOLUME, tmp_path, edit=edit)
    assert_same_place(read_dicom(tmp_path), VOLUME)


def test_text_that_is_no_number_says_what_to_do(tmp_path: Path) -> None:
    def edit(_: int, dataset: Dataset) -> None:
        del dataset.PixelSpacing
        dataset.add_new(0x00280030, "UT", "0.5\\wide")

    write_classic(VOLUME, tmp_path, edit=edit)
    message = refusal(tmp_path)
    assert r"PixelSpacing is not usable (found 0.5\wide, expected 2 finite numbers)" in message
    assert message.endswith("Export the series again.")


def rescaled_in(slices: tuple[int, ...], **values: str) -> Callable[[int, Dataset], None]:
    def edit(k: int, dataset: Dataset) -> None:
        if k in slices:
            for keyword, value in values.items():
                setattr(dataset, keyword, value)

    return edit


@pytest.mark.parametrize(
    ("values", "keyword"),
    [
        ({"RescaleSlope": "2", "RescaleIntercept": "0"}, "RescaleSlope"),
        ({"RescaleSlope": "1", "RescaleIntercept": "-1024"}, "RescaleIntercept"),
        ({"RescaleIntercept": "7.5"}, "RescaleIntercept"),
    ],
)
def test_rescaling_in_some_slices_only(
    tmp_path: Path, values: dict[str, str], keyword: str
) -> None:
    write_classic(VOLUME, tmp_path, edit=rescaled_in((0, 2, 3), **values))
    message = refusal(tmp_path)
    assert f"some slices have no {keyword}" in message
    assert "IM0001.dcm, IM0004.dcm" in message


def test_rescaling_that_is_empty_in_one_slice(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = (None if k == 3 else "2"), "0"

    write_classic(VOLUME, tmp_path, edit=edit)
    assert "none in IM0003.dcm" in refusal(tmp_path)


def test_rescaling_in_some_frames_only(tmp_path: Path) -> None:
    def edit(dataset: Dataset) -> None:
        del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
        for k, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            if k != 2:
                scale = Dataset()
                scale.RescaleSlope, scale.RescaleIntercept = "3", "0"
                frame.PixelValueTransformationSequence = [scale]

    write_enhanced(VOLUME, tmp_path / "x.dcm", edit=edit)
    assert "none in x.dcm frame 3" in refusal(tmp_path)


def test_rescaling_that_changes_nothing_may_be_missing(tmp_path: Path) -> None:
    edit = rescaled_in((0, 2), RescaleSlope="1", RescaleIntercept="0")
    write_classic(VOLUME, tmp_path, edit=edit)
    assert_same_place(read_dicom(tmp_path), VOLUME)


def test_jpeg_lossless_names_the_decoder_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    get_decoder = import_module("pydicom.pixels.decoders.base").get_decoder

    def without_the_decoder(syntax: UID) -> Any:
        lossless = syntax.startswith("1.2.840.10008.1.2.4.70")
        return SimpleNamespace(is_available=False) if lossless else get_decoder(syntax)

    monkeypatch.setattr("pydicom.pixels.decoders.base.get_decoder", without_the_decoder)
    monkeypatch.setattr("carotid.storage.dicom.syntaxes.has_jpeg_decoder", lambda: False)
    message = refusal(DATA)
    assert "JPEG Lossless" in message
    assert "pip install 'carotid[jpeg]'" in message
    assert "GPL" in message

"""DICOM folders that are no volume: each is refused, and what is at fault is named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.dicom_series import (
    PATIENT,
    make_volume,
    write_classic,
    write_enhanced,
)
from tests.reading import read_dicom, read_dicom_header
from tests.storage.dicom.refused_series import REFUSED

from carotid.errors import InputError
from carotid.storage.dicom import files as dicom_files

DATA = Path(__file__).parents[2] / "data" / "dicom"


def refusal(folder: Path) -> str:
    """The message with which a folder is refused, by both readers alike, without patient data."""
    with pytest.raises(InputError) as of_read:
        read_dicom(folder)
    with pytest.raises(InputError) as of_header:
        read_dicom_header(folder)
    message = str(of_read.value)
    assert str(of_header.value) == message
    assert "\n" not in message
    assert str(folder) in message
    assert not any(secret in message for secret in PATIENT.values())
    return message


class TestRefusals:
    @pytest.mark.parametrize("case", REFUSED)
    def test_message_names_what_is_at_fault(
        self, tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        write, expected = REFUSED[case]
        write(tmp_path)
        message = refusal(tmp_path)
        for part in expected:
            assert part in message
        assert capfd.readouterr() == ("", "")

    def test_single_slice_of_unknown_depth(self, tmp_path: Path) -> None:
        def strip(_: int, dataset: Dataset) -> None:
            del dataset.SpacingBetweenSlices, dataset.SliceThickness

        write_classic(make_volume(shape=(7, 5, 1)), tmp_path, edit=strip)
        message = refusal(tmp_path)
        assert "single slice" in message
        assert "IM0000.dcm" in message

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert "no such file" in refusal(tmp_path / "absent")
        (tmp_path / "gone").symlink_to("nowhere")
        assert "the link leads to a file that does not exist" in refusal(tmp_path / "gone")

    def test_too_many_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_classic(make_volume(), tmp_path)
        monkeypatch.setattr(dicom_files, "MAX_FILES", 3)
        assert "too many files" in refusal(tmp_path)

    def test_many_series_are_listed_briefly(self, tmp_path: Path) -> None:
        for number in range(30):
            write_classic(
                make_volume(shape=(7, 5, 1)),
                tmp_path,
                uid=str(number),
                name=f"{number}-{{}}".format,
            )
        message = refusal(tmp_path)
        assert "30 series" in message
        assert "22 more" in message
        assert len(message) < 1500

    def test_unreadable_slice(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write_classic(make_volume(), tmp_path)[2]
        plainly = os.open

        def locked(place: Path, *args: Any, **kwargs: Any) -> Any:
            if place == path:
                raise PermissionError(13, "Permission denied", str(place))
            return plainly(place, *args, **kwargs)

        monkeypatch.setattr(os, "open", locked)
        message = refusal(tmp_path)
        assert "IM0002.dcm" in message
        assert "not readable" in message

    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless]
    )
    def test_a_slice_cut_anywhere_is_named(
        self, tmp_path: Path, syntax: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        path = write_classic(make_volume(), tmp_path, syntax=syntax)[3]
        whole = path.read_bytes()
        for length in [*range(0, len(whole), 13), len(whole) - 1]:
            path.write_bytes(whole[:length])
            assert path.name in refusal(tmp_path)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
    def test_an_enhanced_file_cut_anywhere_is_refused(self, tmp_path: Path, syntax: Any) -> None:
        path = write_enhanced(make_volume(), tmp_path / "x.dcm", syntax=syntax)
        whole = path.read_bytes()
        for length in [*range(0, len(whole), 29), len(whole) - 1]:
            path.write_bytes(whole[:length])
            refusal(tmp_path)

    def test_pixels_that_do_not_decode(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        path = write_classic(make_volume(), tmp_path, syntax=RLELossless)[2]
        dataset = dcmread(path)
        data = dataset.PixelData
        dataset.PixelData = data[:-30] + b"\x05" * 22 + data[-8:]
        dataset.save_as(path, overwrite=True)
        read_dicom_header(tmp_path)
        with pytest.raises(InputError, match=r"IM0002\.dcm: the pixels cannot be decoded"):
            read_dicom(tmp_path)
        assert capfd.readouterr() == ("", "")

    def test_real_files(self, tmp_path: Path) -> None:
        assert "2 images at each of 4" in refusal(DATA / "dicom2nifti" / "ge_fmri")
        assert "color" in refusal(DATA / "dicom2nifti" / "rgb")
        for name, words in (
            ("MR_truncated.dcm", "cut short"),
            # its list of images lacks the mark at its end, but every image is whole
            ("emri_small_jpeg_2k_lossless_too_short.dcm", "no position for each of them"),
        ):
            folder = tmp_path / name.removesuffix(".dcm")
            folder.mkdir()
            shutil.copy(DATA / "pydicom" / name, folder)
            assert words in refusal(folder)

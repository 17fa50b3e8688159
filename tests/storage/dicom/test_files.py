"""Which files of a DICOM folder count: any name, any depth, and no loops."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from tests.dicom_series import (
    PATIENT,
    assert_same_place,
    make_volume,
    write_classic,
    write_enhanced,
)
from tests.reading import read_dicom

if TYPE_CHECKING:
    from pathlib import Path


class TestFolders:
    def test_no_frame_of_reference(self, tmp_path: Path) -> None:
        volume = make_volume()
        write_classic(volume, tmp_path / "classic", frame_of_reference=False)
        write_enhanced(volume, tmp_path / "enhanced" / "x", frame_of_reference=False)
        assert_same_place(read_dicom(tmp_path / "classic"), volume)
        assert_same_place(read_dicom(tmp_path / "enhanced"), volume)

    @pytest.mark.parametrize(
        "name", ["{:d}", "slice.{:d}", "a/b/c/{:d}.IMA", "série {:d} é.dcm", "DIR{0}/IM"]
    )
    def test_any_names_and_nested(self, tmp_path: Path, name: str) -> None:
        volume = make_volume()
        write_classic(volume, tmp_path, name=name.format, shuffle_seed=5)
        assert_same_place(read_dicom(tmp_path), volume)

    def test_other_files_are_left_alone(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        volume = make_volume()
        write_classic(volume, tmp_path, name="IM{:04d}".format)
        (tmp_path / "README").write_text("hello")
        (tmp_path / "Thumbs.db").write_bytes(bytes(500))
        (tmp_path / "empty.txt").touch()
        (tmp_path / "._IM0001.dcm").write_bytes(b"\0\5\26\7")
        (tmp_path / "viewer").mkdir()
        (tmp_path / "viewer" / "run.exe").write_bytes(b"MZ" + bytes(1000))
        write_non_image(tmp_path / "DICOMDIR", "1.2.840.10008.1.3.10")
        write_non_image(tmp_path / "report.dcm", "1.2.840.10008.5.1.4.1.1.88.11")
        write_non_image(tmp_path / "IM0099", "1.3.12.2.1107.5.9.1")
        assert_same_place(read_dicom(tmp_path), volume)
        for name in ("README", "Thumbs.db", "empty.txt", "run.exe", "DICOMDIR", "report.dcm"):
            assert name in caplog.text
        assert not any(secret in caplog.text for secret in PATIENT.values())

    def test_stripped_file_headers(self, tmp_path: Path) -> None:
        volume = make_volume()
        for path in write_classic(volume, tmp_path, syntax=ImplicitVRLittleEndian):
            dataset = dcmread(path)
            dataset.preamble = None
            dataset.file_meta = FileMetaDataset()
            dataset.save_as(path, implicit_vr=True, little_endian=True, overwrite=True)
            assert path.read_bytes()[128:132] != b"DICM"
        assert_same_place(read_dicom(tmp_path), volume)

    def test_loops_of_links_and_pipes_do_not_hang(self, tmp_path: Path) -> None:
        volume = make_volume()
        write_classic(volume, tmp_path)
        (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
        os.mkfifo(tmp_path / "pipe")
        assert_same_place(read_dicom(tmp_path), volume)

    def test_a_link_to_the_folder_or_to_slices_is_fine(self, tmp_path: Path) -> None:
        volume = make_volume()
        paths = write_classic(volume, tmp_path / "store")
        (tmp_path / "sub-01").symlink_to(tmp_path / "store", target_is_directory=True)
        assert_same_place(read_dicom(tmp_path / "sub-01"), volume)
        (tmp_path / "sub-02").mkdir()
        for path in paths:
            (tmp_path / "sub-02" / path.name).symlink_to(path)
        assert_same_place(read_dicom(tmp_path / "sub-02"), volume)


def write_non_image(path: Path, sop_class: str) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.PatientName = PATIENT["PatientName"]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)

"""Which files of a DICOM folder count: any name, any depth, and no loops."""

from __future__ import annotations

import hashlib
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

from carotid.errors import InputError
from carotid.storage.dicom.read import hash_dicom, open_dicom

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

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("IM0004.dcm.part", "is an unfinished download"),
            ("IM0004.dcm.gz", "is packed"),
            ("IM0004.dcm.crdownload", "is an unfinished download"),
            (".IM0004.dcm.Ab3dEf", "is an unfinished download"),
            (".IM0004.dcm.icloud", "is an unfinished download"),
            (".syncthing.IM0004.dcm.tmp", "is an unfinished download"),
            ("im0004.DCM", "holds no DICOM image"),
        ],
    )
    def test_a_slice_that_has_not_arrived_is_missing(
        self, tmp_path: Path, name: str, words: str
    ) -> None:
        write_classic(make_volume(), tmp_path)
        (tmp_path / name).write_bytes(b"x" * 900)
        with pytest.raises(InputError, match=f"{name}: a file is named like a slice but {words}"):
            read_dicom(tmp_path)

    @pytest.mark.parametrize(
        "name", ["r.zip", "part2.tar.gz", "part2.lnk", "more.part", "r.7z.001"]
    )
    def test_what_may_hold_slices_is_named(
        self, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        volume = make_volume()
        write_classic(volume, tmp_path)
        (tmp_path / name).write_bytes(b"x" * 900)
        assert_same_place(read_dicom(tmp_path), volume)
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert f"left alone: {name} (" in record.getMessage()

    @pytest.mark.parametrize("content", [b"", bytes(900), b"<html>404</html>"])
    def test_a_lost_slice_among_hexadecimal_names(self, tmp_path: Path, content: bytes) -> None:
        """Archives call slices by checksums; the last one of a series leaves no gap."""

        def name(number: int) -> str:
            return hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest()

        paths = write_classic(make_volume(), tmp_path, name=name)
        paths[-1].write_bytes(content)
        with pytest.raises(InputError, match=r"named like a slice but (is empty|holds no DICOM)"):
            read_dicom(tmp_path)

    def test_a_scan_of_another_kind_in_a_series_is_named(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write_classic(make_volume(), tmp_path)
        (tmp_path / "t1.nii.gz").write_bytes(b"x")
        read_dicom(tmp_path)
        assert "left alone: t1.nii.gz (a scan of another kind)" in caplog.text

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("IM{}.dcm", b"version https://git-lfs.github.com/spec/v1\n", "Run `git lfs pull`"),
            ("IM{}", b"/annex/objects/MD5E-s1--0.dcm\n", "datalad get"),
            ("{}.tif", b"II*", "a format that is not read"),
            ("{}.zip", b"PK\3\4", "a zip archive). Unpack it"),
        ],
    )
    def test_a_folder_of_something_else(
        self, tmp_path: Path, name: str, content: bytes, words: str
    ) -> None:
        for number in range(3):
            (tmp_path / name.format(number)).write_bytes(content)
        with pytest.raises(InputError, match="there is no DICOM image") as caught:
            read_dicom(tmp_path)
        assert words in str(caught.value)

    def test_more_images_than_the_header_says(self, tmp_path: Path) -> None:
        path = write_enhanced(make_volume(), tmp_path / "a.dcm")
        dataset = dcmread(path)
        dataset.NumberOfFrames = 3
        dataset.PerFrameFunctionalGroupsSequence.pop()
        dataset.save_as(path)
        with pytest.raises(InputError, match="more images than its header says"):
            read_dicom(tmp_path)

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

    @pytest.mark.parametrize("nested", ["part2", "a/b/part2"])
    def test_slices_behind_a_linked_folder_are_there(self, tmp_path: Path, nested: str) -> None:
        volume = make_volume(shape=(7, 5, 8))
        paths = write_classic(volume, tmp_path / "p" / "part1")
        (tmp_path / "store" / "deep").mkdir(parents=True)
        for number, path in enumerate(paths[4:]):
            path.rename(tmp_path / "store" / "deep" / f"B{number}.dcm")
        (tmp_path / "p" / nested).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / nested).symlink_to(tmp_path / "store")
        assert_same_place(read_dicom(tmp_path / "p"), volume)
        opened = open_dicom(tmp_path / "p")
        assert opened.read().sha256 == hash_dicom(tmp_path / "p")

    def test_a_folder_that_two_links_lead_to_counts_once(self, tmp_path: Path) -> None:
        volume = make_volume(shape=(7, 5, 8))
        paths = write_classic(volume, tmp_path / "p" / "a")
        (tmp_path / "store").mkdir()
        for path in paths[4:]:
            path.rename(tmp_path / "store" / path.name)
        (tmp_path / "store" / "up").symlink_to(tmp_path / "p")
        for name in ("b", "c"):
            (tmp_path / "p" / name).symlink_to(tmp_path / "store")
        (tmp_path / "p" / "again").symlink_to(tmp_path / "p" / "a")
        assert_same_place(read_dicom(tmp_path / "p"), volume)

    def test_a_linked_folder_that_is_not_there_fails_by_name(self, tmp_path: Path) -> None:
        write_classic(make_volume(), tmp_path / "p")
        (tmp_path / "p" / "part2").symlink_to("/mnt/unmounted/part2")
        with pytest.raises(InputError) as caught:
            read_dicom(tmp_path / "p")
        assert "part2: the link leads to a file that does not exist" in str(caught.value)
        assert "/mnt/unmounted/part2" in str(caught.value)

    def test_what_a_data_manager_has_not_fetched(self, tmp_path: Path) -> None:
        path = write_classic(make_volume(), tmp_path)[1]
        path.unlink()
        path.symlink_to("../.git/annex/objects/XX/yy/SHA256E-s9--0/SHA256E-s9--0.dcm")
        with pytest.raises(InputError, match="datalad get"):
            read_dicom(tmp_path)

    @pytest.mark.parametrize("name", ["#recycle", "$RECYCLE.BIN", "@Recycle", "@eaDir"])
    def test_bins_are_passed_over(self, tmp_path: Path, name: str) -> None:
        volume = make_volume()
        write_classic(volume, tmp_path)
        write_classic(volume, tmp_path / name)
        assert_same_place(read_dicom(tmp_path), volume)

    def test_one_file_with_all_slices(self, tmp_path: Path) -> None:
        volume = make_volume()
        path = write_enhanced(volume, tmp_path / "sub-01.dcm")
        (tmp_path / "beside.txt").touch()
        assert_same_place(read_dicom(path), volume)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert open_dicom(path).read().sha256 == hash_dicom(path) == digest

    @pytest.mark.parametrize(
        ("name", "words"), [("DICOMDIR", "an index of other files"), ("r.dcm", "a report")]
    )
    def test_a_file_without_an_image_says_what_to_give(
        self, name: str, words: str, tmp_path: Path
    ) -> None:
        write_non_image(tmp_path / name, "1.2.840.10008.1.3.10")
        with pytest.raises(
            InputError, match=f"no image in this DICOM file .found {words}"
        ) as error:
            read_dicom(tmp_path / name)
        assert (f"lies below {tmp_path}" in str(error.value)) == (name == "DICOMDIR")

    def test_a_folder_one_level_too_high_says_what_to_give(self, tmp_path: Path) -> None:
        (tmp_path / "scans").mkdir()
        (tmp_path / "scans" / "sub-01.nii.gz").touch()
        with pytest.raises(InputError) as caught:
            read_dicom(tmp_path)
        assert "1 scan of other formats, such as scans/sub-01.nii.gz" in str(caught.value)
        assert f"as RAW_DIR: {tmp_path / 'scans'}" in str(caught.value)
        for number in range(3):
            write_classic(make_volume(), tmp_path / f"sub-{number}" / "a", uid=str(number))
        with pytest.raises(InputError, match="if each of its folders is a participant, give this"):
            read_dicom(tmp_path)

    def test_series_in_one_folder_are_no_participants(self, tmp_path: Path) -> None:
        for number in range(2):
            write_classic(make_volume(), tmp_path, uid=str(number), name=f"{number}-{{}}".format)
        with pytest.raises(InputError) as caught:
            read_dicom(tmp_path)
        assert "RAW_DIR" not in str(caught.value)
        assert "how to sort the files of a disc by series" in str(caught.value)

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

"""RAW_DIR: nothing that may be a scan is passed over in silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.dicom_series import make_volume, write_classic
from tests.storage.entries import touch, warnings_of
from tests.storage.metaimage.files import file_bytes

from carotid.errors import InputError
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sub-03.nrrd", "a format that is not read"),
        ("sub-03.MGZ", "a format that is not read"),
        ("sub-03.mnc", "a format that is not read"),
        ("sub-03.hdr", "a format that is not read"),
        ("sub-03.img", "a format that is not read"),
        ("sub-03.par", "a format that is not read"),
        ("sub-03.zip", "unpack"),
        ("sub-03.tar.gz", "unpack"),
        ("sub-03.nii.bz2", "unpack"),
        ("sub-03.mha.gz", "unpack"),
        ("sub-03.nii.gz.part", "unfinished"),
        ("sub-03.mha.crdownload", "unfinished"),
        ("sub-03.nii.gz.filepart", "unfinished"),
        (".sub-03.nii.gz.Xy12Z9", "unfinished"),
        (".sub-03.nii.gz.icloud", "unfinished"),
        (".syncthing.sub-03.mha.tmp", "unfinished"),
        (".in.sub-03.nii.gz.", "unfinished"),
        ("sub-03.nii.gz.txt", "not known as a scan"),
        ("sub-03.MHA.html", "not known as a scan"),
        ("sub-03.7z.001", "unpack"),
        ("sub-03.z01", "unpack"),
        ("sub-03.nii.gz~", "not known as a scan"),
        ("sub-03.nii.gz.1", "not known as a scan"),
        ("sub-03", "not known as a scan"),
        ("sub-03.lnk", "a shortcut of another system"),
        ("sub-03.dcm", "named as DICOM but without a DICOM image"),
        ("sub-03.raw", "voxels that no .mhd names"),
        ("sub-03.zraw", "voxels that no .mhd names"),
    ],
)
def test_what_may_be_a_scan_is_named_in_a_warning(
    tmp_path: Path, name: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "sub-01.mha", "sub-02.mhd", "sub-02.raw", "readme.txt", "README", "list.csv")
    (tmp_path / name).write_bytes(b"x" * 2000)
    assert list(find_scans(tmp_path)) == ["sub-01", "sub-02"]
    warned = warnings_of(caplog)
    assert f"not used: {name} (" in warned
    assert reason in warned
    assert "readme" not in warned.lower()


def test_many_unused_files_are_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "a.mha", *[f"{n:02}.nrrd" for n in range(30)], "x.part", "y.part")
    os.mkfifo(tmp_path / "pipe")
    find_scans(tmp_path)
    (line,) = warnings_of(caplog).splitlines()
    assert "19.nrrd and 10 more (a format that is not read" in line
    assert "x.part, y.part (an unfinished download or copy)" in line
    assert "pipe (no ordinary file)" in line


@pytest.mark.parametrize(
    ("name", "key"),
    [("sub-02", "sub-02"), ("P.001_U", "P.001_U"), ("sub-02.dcm", "sub-02"), ("x.nii.gz", "x")],
)
def test_a_dead_link_is_a_participant_that_fails(tmp_path: Path, name: str, key: str) -> None:
    touch(tmp_path, "sub-01.mha")
    (tmp_path / name).symlink_to("/mnt/unmounted/sub-02")
    scans = find_scans(tmp_path)
    assert list(scans) == sorted(["sub-01", key])
    with pytest.raises(InputError) as caught:
        load_scan(scans[key])
    assert "the link leads to a file that does not exist" in str(caught.value)
    assert "/mnt/unmounted/sub-02" in str(caught.value)


def test_a_dead_link_to_a_document_or_another_format(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "sub-01.mha")
    for name in ("notes.txt", "sub-02.nrrd"):
        (tmp_path / name).symlink_to("nowhere")
    assert list(find_scans(tmp_path)) == ["sub-01"]
    assert "sub-02.nrrd" in warnings_of(caplog)
    assert "notes" not in warnings_of(caplog)


@pytest.mark.parametrize(
    "name",
    [
        *("$RECYCLE.BIN", "$Recycle.Bin", "#recycle", "@Recycle", "@eaDir", "@Recently-Snapshot"),
        *("#snapshot", "System Volume Information", "lost+found", "__MACOSX", ".Trash-1000"),
        *("RECYCLER", "Network Trash Folder", "Recycled", "@quarantine", "@sharesnap", "$Extend"),
        *("found.000", "FOUND.012", "@SynoFinder-log", "MSOCache", "TheFindByContentFolder"),
    ],
)
def test_litter_of_systems_is_no_participant(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "sub-01.mha", f"{name}/sub-09.mha", "Thumbs.db", "desktop.ini", ".DS_Store")
    assert list(find_scans(tmp_path)) == ["sub-01"]
    assert not warnings_of(caplog)


def write_header(path: Path, data_file: str) -> None:
    path.write_bytes(file_bytes(b"", ElementDataFile=data_file))


@pytest.mark.parametrize("data_file", ["data/{}.raw", "./data/{}.raw", "data/deep/{}.zraw"])
def test_a_folder_of_voxels_is_no_participant(
    tmp_path: Path, data_file: str, caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("a", "b"):
        write_header(tmp_path / f"{key}.mhd", data_file.format(key))
        touch(tmp_path, data_file.format(key))
    assert list(find_scans(tmp_path)) == ["a", "b"]
    assert not warnings_of(caplog)


def test_voxels_without_a_header_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_header(tmp_path / "a.mhd", "data/a.raw")
    touch(tmp_path, "data/a.raw", "data/b.raw", "data/readme.txt", "c.raw")
    assert list(find_scans(tmp_path)) == ["a"]
    assert "data/b.raw, c.raw (voxels that no .mhd names)" in warnings_of(caplog)


def test_a_folder_of_dicom_with_voxels_in_it_is_a_participant(tmp_path: Path) -> None:
    write_header(tmp_path / "a.mhd", "sub-02/a.raw")
    write_classic(make_volume(), tmp_path / "sub-02")
    touch(tmp_path, "sub-02/a.raw")
    assert list(find_scans(tmp_path)) == ["a", "sub-02"]


def test_data_files_of_any_name_are_no_strangers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_header(tmp_path / "a.mhd", "ICA 70%dist.bin")
    touch(tmp_path, "ICA 70%dist.bin")
    assert list(find_scans(tmp_path)) == ["a"]
    assert not warnings_of(caplog)

"""RAW_DIR: DICOM files that lie beside scans, without a folder of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.dicom_series import assert_same_place, make_volume, write_classic, write_enhanced
from tests.storage.entries import touch, warnings_of

from carotid.errors import InputError, UsageError
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan
from carotid.storage.scan_state import scan_state

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_with_all_slices_is_a_participant(tmp_path: Path) -> None:
    volume = make_volume()
    write_enhanced(volume, tmp_path / "sub-01.dcm", uid="1")
    write_enhanced(volume, tmp_path / "sub-02", uid="2")
    write_enhanced(volume, tmp_path / "sub-03.IMA", uid="2")
    scans = find_scans(tmp_path)
    assert list(scans) == ["sub-01", "sub-02", "sub-03"]
    for scan in scans.values():
        assert_same_place(load_scan(scan), volume)
        assert scan_state(scan).size_bytes == scan.path.stat().st_size, "as a run asks"


def test_one_slice_beside_scans_is_read_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "sub-01.mha")
    write_classic(make_volume(shape=(7, 5, 1)), tmp_path, name="sub-02.dcm".format)
    scans = find_scans(tmp_path)
    assert list(scans) == ["sub-01", "sub-02"]
    assert load_scan(scans["sub-02"]).grid.shape == (7, 5, 1)
    assert "sub-02.dcm: a single slice" in warnings_of(caplog)


def test_a_dicom_file_that_is_called_a_text_is_read(tmp_path: Path) -> None:
    """Mail programs let nothing else through."""
    touch(tmp_path, "sub-01.mha", "notes.txt", "sub-01.nii.gz.md5", "sub-01.mha.json")
    write_enhanced(make_volume(), tmp_path / "sub-02.txt")
    assert list(find_scans(tmp_path)) == ["sub-01", "sub-02.txt"]


def test_loose_slices_beside_scans_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(tmp_path, "sub-01.mha")
    write_classic(make_volume(), tmp_path)
    assert list(find_scans(tmp_path)) == ["sub-01"]
    assert "4 files such as IM0000.dcm (slices: put those of one series" in warnings_of(caplog)


@pytest.mark.parametrize("name", ["IM{:04d}.dcm", "{:05d}", "MR.1.2.3.{}"])
def test_a_participants_folder_instead_of_the_folder_of_all(tmp_path: Path, name: str) -> None:
    write_classic(make_volume(), tmp_path / "study" / "sub-01", name=name.format)
    with pytest.raises(UsageError) as caught:
        find_scans(tmp_path / "study" / "sub-01")
    message = str(caught.value)
    assert "the folder holds the slices of one scan" in message
    assert f"{tmp_path / 'study'}, and --participant sub-01" in message


def test_a_localizer_among_loose_slices_is_no_participant(tmp_path: Path) -> None:
    write_classic(make_volume(), tmp_path)
    write_classic(make_volume(shape=(7, 5, 1)), tmp_path, uid="other", name="LOC{}".format)
    with pytest.raises(UsageError, match=r"the slices of one scan.*found 5 DICOM files"):
        find_scans(tmp_path)


def test_a_loose_file_whose_id_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "sub-01/")
    write_enhanced(make_volume(), tmp_path / "SUB-01.dcm")
    assert list(find_scans(tmp_path)) == ["sub-01"]
    assert "SUB-01.dcm (the participant has another scan)" in warnings_of(caplog)


def test_a_broken_loose_file_fails_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01.mha")
    path = write_enhanced(make_volume(), tmp_path / "sub-02.dcm")
    path.write_bytes(path.read_bytes()[:-100])
    scans = find_scans(tmp_path)
    with pytest.raises(InputError, match=r"sub-02\.dcm.*cut short"):
        load_scan(scans["sub-02"])

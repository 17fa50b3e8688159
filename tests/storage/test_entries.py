"""A folder that was made for one scan file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.dicom_series import make_volume, write_classic
from tests.storage.metaimage.files import file_bytes

from carotid.errors import InputError, UsageError
from carotid.storage.participants import find_scans
from carotid.storage.raw import load_scan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["t1.mha", "T1.NII.GZ", "scan of today.nii"])
def test_its_participant_is_called_after_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "P.001"
    folder.mkdir()
    (folder / name).touch()
    for beside in (".DS_Store", "notes.txt", "t1.json", "parameters.json"):
        (folder / beside).touch()
    (scan,) = find_scans(tmp_path).values()
    assert scan.participant_id == "P.001"
    assert scan.path == folder / name


def test_it_is_read_like_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "nested" / "one").mkdir(parents=True)
    (tmp_path / "nested" / "one" / "t1.mha").write_bytes(file_bytes())
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "one.mha").write_bytes(file_bytes())
    found = [load_scan(find_scans(tmp_path / raw)["one"]) for raw in ("nested", "flat")]
    np.testing.assert_array_equal(found[0].array, found[1].array)
    np.testing.assert_array_equal(found[0].grid.affine, found[1].grid.affine)


def test_voxels_of_its_header_are_no_second_scan(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "t1.mhd").write_text("ObjectType = Image\nElementDataFile = t1.raw\n")
    (tmp_path / "one" / "t1.raw").touch()
    assert find_scans(tmp_path)["one"].path.name == "t1.mhd"


@pytest.mark.parametrize(
    "beside", ["mask.nii.gz", "old.nrrd", "other.raw", "t1.mha.part", "nameless", "folder/x.txt"]
)
def test_what_is_meant_is_not_guessed(beside: str, tmp_path: Path) -> None:
    (tmp_path / "one" / beside).parent.mkdir(parents=True)
    (tmp_path / "one" / beside).touch()
    (tmp_path / "one" / "t1.mha").touch()
    scan = find_scans(tmp_path)["one"]
    assert scan.path == tmp_path / "one"
    with pytest.raises(InputError):
        load_scan(scan)


def test_slices_beside_it_are_the_scan(tmp_path: Path) -> None:
    write_classic(make_volume(), tmp_path / "one")
    (tmp_path / "one" / "converted.nii.gz").touch()
    assert find_scans(tmp_path)["one"].path == tmp_path / "one"


def test_the_folder_and_a_file_of_its_name_are_one_participant_twice(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "t1.mha").touch()
    (tmp_path / "one.mha").touch()
    with pytest.raises(UsageError, match="'one' is there twice"):
        find_scans(tmp_path)

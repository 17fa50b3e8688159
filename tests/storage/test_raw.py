"""One volume in every format: opened, read and hashed alike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from carotid.errors import CarotidError, InputError
from carotid.geometry.grid import Grid
from carotid.geometry.volume import Volume
from carotid.storage.metaimage.write import write_metaimage
from carotid.storage.participants import find_scans
from carotid.storage.raw import RawScan, hash_scan, load_scan, open_scan

DATA = Path(__file__).parents[1] / "data" / "metaimage"
GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "heatmap"
NIFTI: Any = nibabel

AFFINE = np.array([[0, 0, -0.7, 10], [-0.5, 0, 0, 20], [0, 0.6, 0, -30], [0, 0, 0, 1.0]])
VOLUME = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), Grid((2, 3, 4), AFFINE))


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    """One volume as every single-file format."""
    write_metaimage(tmp_path / "mha.mha", VOLUME)
    for name in ("nii.nii", "gz.nii.gz"):
        NIFTI.save(NIFTI.Nifti1Image(VOLUME.array, VOLUME.grid.affine), tmp_path / name)
    header = "\n".join(
        [
            "NDims = 3",
            "TransformMatrix = 0 1 0 0 0 1 1 0 0",
            "Offset = -10 -20 -30",
            "ElementSpacing = 0.5 0.6 0.7",
            "DimSize = 2 3 4",
            "ElementType = MET_SHORT",
            "ElementDataFile = mhd.raw",
        ]
    )
    (tmp_path / "mhd.mhd").write_text(header)
    (tmp_path / "mhd.raw").write_bytes(VOLUME.array.tobytes("F"))
    return tmp_path


def test_one_volume_is_the_same_in_every_format(raw_dir: Path) -> None:
    scans = find_scans(raw_dir)
    assert list(scans) == ["gz", "mha", "mhd", "nii"]
    for scan in scans.values():
        volume = load_scan(scan)
        np.testing.assert_array_equal(volume.array, VOLUME.array)
        assert volume.grid.agrees_with(VOLUME.grid, 1e-5)
        opened = open_scan(scan)
        assert opened.dtype == np.int16
        assert opened.grid.agrees_with(volume.grid, 0)


def test_errors_name_the_participants_file(raw_dir: Path) -> None:
    (raw_dir / "hollow").mkdir()
    (raw_dir / "nodicom").mkdir()
    (raw_dir / "nodicom" / "readme.txt").touch()
    for scan in find_scans(raw_dir).values():
        if scan.kind != "dicom":
            scan.path.write_bytes(scan.path.read_bytes()[:100])
        for read in (load_scan, open_scan):
            with pytest.raises(CarotidError) as caught:
                read(scan)
            assert str(scan.path) in str(caught.value)
            assert isinstance(caught.value, InputError)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden cases are not here")
def test_the_golden_dicom_folder_is_read() -> None:
    scans = find_scans(GOLDEN / "dicom_axial" / "raw")
    assert list(scans) == ["Anon 450"]
    volume = load_scan(scans["Anon 450"])
    with np.load(GOLDEN / "dicom_axial" / "expected" / "Anon 450.npz") as expected:
        assert volume.reoriented("RAS").grid.agrees_with(
            Grid(np.squeeze(expected["image_ras"]).shape, expected["affine_ras"]), 1e-3
        )
    assert len(hash_scan(scans["Anon 450"])) == 64


def test_reading_metaimage_loads_neither_nibabel_nor_pydicom(raw_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from carotid.storage.raw import load_scan;"
        "from carotid.storage.participants import find_scans;"
        f"load_scan(find_scans(Path({str(raw_dir)!r}))['mha']);"
        "heavy = {'nibabel', 'pydicom', 'highdicom', 'scipy', 'torch', 'matplotlib'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# --- checksums ---------------------------------------------------------------------------------


def test_one_file_has_its_own_checksum(raw_dir: Path) -> None:
    for scan in find_scans(raw_dir).values():
        if scan.path.suffix != ".mhd":
            assert hash_scan(scan) == hashlib.sha256(scan.path.read_bytes()).hexdigest()


def test_a_header_and_its_data_file_are_hashed_as_sha256sum_would(raw_dir: Path) -> None:
    lines = "".join(
        f"{hashlib.sha256((raw_dir / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("mhd.mhd", "mhd.raw")
    )
    scan = find_scans(raw_dir)["mhd"]
    assert hash_scan(scan) == hashlib.sha256(lines.encode()).hexdigest()
    (raw_dir / "mhd.raw").write_bytes(bytes(48))
    assert hash_scan(scan) != hashlib.sha256(lines.encode()).hexdigest()


def test_a_folders_checksum_is_that_of_its_dicom_files_and_their_names(tmp_path: Path) -> None:
    part = bytes(128) + b"DICM"
    folder = tmp_path / "raw" / "p"
    (folder / "b").mkdir(parents=True)
    (folder / "one").write_bytes(part + b"1")
    (folder / "b" / "two").write_bytes(part + b"2")
    scan = RawScan("p", folder, "dicom")
    first = hash_scan(scan)
    (folder / "Thumbs.db").write_bytes(b"changed")
    (folder / "loop").symlink_to(folder)
    assert hash_scan(scan) == first
    (folder / "one").rename(folder / "three")
    second = hash_scan(scan)
    (folder / "b" / "two").write_bytes(part + b"3")
    assert len({first, second, hash_scan(scan)}) == 3


@pytest.mark.timeout(20)
def test_a_pipe_has_no_checksum(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nii")
    with pytest.raises(InputError, match="a named pipe"):
        hash_scan(RawScan("a", tmp_path / "a.nii", "nifti"))


def test_voxels_that_no_scan_has_are_told_with_their_file(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array[1, 1, 1] = 1e37
    NIFTI.save(NIFTI.Nifti1Image(array, AFFINE), tmp_path / "one.nii")
    with pytest.raises(InputError, match=r"one\.nii: .*too large to compute with .*1e\+37"):
        load_scan(find_scans(tmp_path)["one"])
